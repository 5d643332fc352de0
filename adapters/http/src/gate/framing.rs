//! Where the body of a request ends (RFC 9112 §6 and §7), read strictly: what two programs could understand differently is
//! refused.

use http::StatusCode;

use super::head::Body;
use crate::problem::Problem;

/// Takes a body off the bytes that follow a head.
#[derive(Debug)]
pub(super) struct BodyReader {
    state: State,
    is_chunked: bool,
    /// The body so far.
    body: Vec<u8>,
    most: u64,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The size of a chunk, of which that much is read.
    Size {
        digits: u8,
        size: u64,
    },
    /// The line feed after the size.
    SizeEnd {
        size: u64,
    },
    /// That many bytes of the body.
    Data {
        left: u64,
    },
    /// The carriage return, then the line feed, after the data of a chunk.
    DataEnd,
    DataEndFeed,
    /// The same after the last chunk. There could be trailers before it; nobody needs them, so there are none.
    Last,
    LastFeed,
    /// Nothing.
    Done,
}

impl BodyReader {
    /// For a body that is framed like this and has at most so many bytes.
    pub(super) fn new(framing: Body, most: u64) -> Result<Self, Problem> {
        let (state, is_chunked) = match framing {
            Body::None | Body::Sized(0) => (State::Done, false),
            Body::Sized(length) if length > most => return Err(too_large()),
            Body::Sized(length) => (State::Data { left: length }, false),
            Body::Chunked => (State::Size { digits: 0, size: 0 }, true),
        };
        Ok(Self { state, is_chunked, body: Vec::new(), most })
    }

    /// Whether the body has ended.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// How much of the body is there.
    pub(super) fn length(&self) -> u64 {
        self.body.len() as u64
    }

    /// The body.
    pub(super) fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// Takes what belongs to the body, and says how much that was: everything, unless the body ends in it.
    pub(super) fn take(&mut self, input: &[u8]) -> Result<usize, Problem> {
        let mut rest = input;
        while !self.is_done()
            && let Some((first, others)) = rest.split_first()
        {
            rest = if let State::Data { left } = self.state {
                self.take_data(left, rest)
            } else {
                self.state = self.after(*first)?;
                others
            };
        }
        Ok(input.len() - rest.len())
    }

    fn take_data<'a>(&mut self, left: u64, rest: &'a [u8]) -> &'a [u8] {
        let count = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
        let (data, rest) = rest.split_at(count);
        self.body.extend_from_slice(data);
        self.state = match left - count as u64 {
            0 if self.is_chunked => State::DataEnd,
            0 => State::Done,
            left => State::Data { left },
        };
        rest
    }

    /// What comes after this byte, where no data is expected.
    fn after(&self, byte: u8) -> Result<State, Problem> {
        /// More digits than any size that is allowed has.
        const MOST_DIGITS: u8 = 8;
        match (self.state, byte) {
            (State::Size { digits: 1.., size }, b'\r') => Ok(State::SizeEnd { size }),
            (State::Size { digits, size }, _) if digits < MOST_DIGITS => {
                let digit = char::from(byte).to_digit(16).ok_or_else(malformed)?;
                Ok(State::Size { digits: digits + 1, size: size << 4 | u64::from(digit) })
            }
            (State::SizeEnd { size: 0 }, b'\n') => Ok(State::Last),
            (State::SizeEnd { size }, b'\n') if size > self.most.saturating_sub(self.length()) => Err(too_large()),
            (State::SizeEnd { size }, b'\n') => Ok(State::Data { left: size }),
            (State::DataEnd, b'\r') => Ok(State::DataEndFeed),
            (State::DataEndFeed, b'\n') => Ok(State::Size { digits: 0, size: 0 }),
            (State::Last, b'\r') => Ok(State::LastFeed),
            (State::LastFeed, b'\n') => Ok(State::Done),
            _ => Err(malformed()),
        }
    }
}

/// 413.
pub(super) fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body of the request is too large")
}

fn malformed() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "the chunks of the body are malformed, or have extensions or trailers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The body, and what follows it; or the status it is refused with.
    type Outcome = Result<(Vec<u8>, Vec<u8>), u16>;

    /// Nothing if the body does not end.
    fn check(framing: Body, input: &[u8]) -> Option<Outcome> {
        let read = |mut reader: BodyReader| {
            let taken = reader.take(input)?;
            Ok(reader.is_done().then(|| (reader.into_body(), input[taken..].to_vec())))
        };
        let outcome = BodyReader::new(framing, 10).and_then(read);
        outcome.map_err(|problem: Problem| problem.status().as_u16()).transpose()
    }

    /// It ends, and this is what follows.
    fn assert_good(framing: Body, input: &str, body: &str, rest: &str) {
        assert_eq!(check(framing, input.as_bytes()), Some(Ok((body.into(), rest.into()))), "{input:?}");
    }

    #[test]
    fn a_sized_body_ends_after_so_many_bytes() {
        assert_good(Body::Sized(3), "abcGET", "abc", "GET");
        assert_good(Body::None, "GET", "", "GET");
        assert_good(Body::Sized(0), "GET", "", "GET");
        assert_eq!(check(Body::Sized(3), b"ab"), None);
        assert_eq!(check(Body::Sized(11), b"a"), Some(Err(413)));
    }

    #[test]
    fn a_chunked_body_ends_with_an_empty_chunk() {
        assert_good(Body::Chunked, "3\r\nabc\r\n00002\r\nde\r\n0\r\n\r\nGET", "abcde", "GET");
        assert_good(Body::Chunked, "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", "");
        assert_good(Body::Chunked, "0\r\n\r\n", "", "");
        assert_eq!(check(Body::Chunked, b"3\r\nabc\r\n"), None);
    }

    #[test]
    fn chunks_that_two_programs_could_understand_differently_are_refused() {
        for (status, chunks) in [
            (400, "\r\n"),
            (400, "3\nabc\r\n0\r\n\r\n"),
            (400, "3;a=b\r\nabc\r\n0\r\n\r\n"),
            (400, "3 \r\nabc\r\n0\r\n\r\n"),
            (400, " 3\r\nabc\r\n0\r\n\r\n"),
            (400, "0x3\r\nabc\r\n0\r\n\r\n"),
            (400, "+3\r\nabc\r\n0\r\n\r\n"),
            (400, "-1\r\n"),
            (400, "3\r\nabcd\r\n"),
            (400, "3\r\nabc\n"),
            (400, "0\r\nA: b\r\n\r\n"),
            (400, "000000003\r\nabc"),
            (400, "3\r\rabc"),
            (413, "ffffffff\r\n"),
            (413, "6\r\nabcdef\r\n5\r\n"),
        ] {
            assert_eq!(check(Body::Chunked, chunks.as_bytes()), Some(Err(status)), "{chunks:?}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_chunks_are_cut(cuts in proptest::collection::vec(1usize..6, 0..40)) {
            let mut rest = &b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET"[..];
            let mut reader = BodyReader::new(Body::Chunked, 10).unwrap();
            for cut in cuts.into_iter().chain(std::iter::once(100)) {
                let piece = &rest[..cut.min(rest.len())];
                rest = &rest[reader.take(piece).unwrap()..];
            }
            prop_assert!(reader.is_done());
            prop_assert_eq!((reader.into_body(), rest), (b"abcde".to_vec(), &b"GET"[..]));
        }

        #[test]
        fn whatever_the_chunks_are_the_body_stays_within_its_bound(input in "[0-9a-f\r\n]{0,60}") {
            let mut reader = BodyReader::new(Body::Chunked, 10).unwrap();
            let _ = reader.take(input.as_bytes());
            prop_assert!(reader.length() <= 10);
        }
    }
}
