//! One client: the bytes it sends, cut into requests, and what it is entitled to.

use std::collections::VecDeque;

use super::subscription::Subscription;

/// More than this without a blank line is no request.
const LONGEST_REQUEST: usize = 1 << 20;

/// A connected client.
#[derive(Default)]
pub(super) struct Connection {
    pub(super) is_authenticated: bool,
    pub(super) subscription: Subscription,
    pub(super) hold: Hold,
    /// What has arrived and is no whole request yet.
    pending: Vec<u8>,
    /// How much of `pending` are whole lines that do not end a request.
    searched: usize,
    requests: VecDeque<Request>,
}

/// Whether answers are held back.
#[derive(Default, PartialEq, Eq)]
pub(super) enum Hold {
    #[default]
    Open,
    /// Until then; with what is to be sent and whether the connection is then closed.
    Until(u64, Vec<u8>, bool),
    Forever,
}

/// A command with its headers.
pub(super) struct Request {
    pub(super) command: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let command = lines.next()?.to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim_start().to_owned()))
            .collect();
        Some(Request { command, headers })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&header.1)
    }
}

impl Connection {
    /// A client that will never hear anything.
    pub(super) fn silent() -> Self {
        Connection { hold: Hold::Forever, ..Connection::default() }
    }

    /// Takes bytes in, however they were cut. `false` when this cannot become a request any more.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> bool {
        self.pending.extend_from_slice(bytes);
        self.drop_leading_blank_lines();
        while let Some(end) = self.end_of_request() {
            let rest = self.pending.split_off(end);
            let text = std::mem::replace(&mut self.pending, rest);
            self.searched = 0;
            self.requests.extend(Request::parse(&text));
            self.drop_leading_blank_lines();
        }
        self.pending.len() <= LONGEST_REQUEST
    }

    /// The next request, unless answers are held back.
    pub(super) fn next_request(&mut self) -> Option<Request> {
        if self.hold == Hold::Open { self.requests.pop_front() } else { None }
    }

    fn drop_leading_blank_lines(&mut self) {
        if self.searched == 0 {
            let blank = self.pending.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.pending.drain(..blank);
        }
    }

    /// Behind the first line that is empty.
    fn end_of_request(&mut self) -> Option<usize> {
        while let Some(length) = memchr::memchr(b'\n', self.pending.get(self.searched..)?) {
            let line = self.searched..self.searched + length + 1;
            self.searched = line.end;
            if matches!(self.pending.get(line), Some(b"\n" | b"\r\n")) {
                return Some(self.searched);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(chunks: &[&str]) -> Vec<(String, Option<String>)> {
        let mut connection = Connection::default();
        for chunk in chunks {
            assert!(connection.receive(chunk.as_bytes()));
        }
        let mut requests = Vec::new();
        while let Some(request) = connection.next_request() {
            let uuid = request.header("job-uuid").map(str::to_owned);
            requests.push((request.command, uuid));
        }
        requests
    }

    #[test]
    fn a_request_may_arrive_in_any_pieces() {
        let text = "auth x\r\n\r\n\n\nbgapi status\nJob-UUID: 1\n\napi version\n\nrest";
        let whole = requests(&[text]);
        assert_eq!(
            whole,
            [
                ("auth x".to_owned(), None),
                ("bgapi status".to_owned(), Some("1".to_owned())),
                ("api version".to_owned(), None)
            ]
        );
        for cut in 0..text.len() {
            let (begin, end) = text.split_at(cut);
            assert_eq!(requests(&[begin, end]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn what_never_ends_is_refused() {
        assert!(!Connection::default().receive(&vec![b'x'; LONGEST_REQUEST + 1]));
    }
}
