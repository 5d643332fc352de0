//! Answers on their way back to the gate.

use std::io::Read;

use tiny_http::{Header, Request, Response};

use crate::answer::{Answer, HeaderLines};

/// Sends an answer.
pub(super) fn send(request: Request, answer: &Answer) {
    let headers = header_list(&answer.headers);
    let length = Some(answer.body.len());
    respond(request, Response::new(answer.status.as_u16().into(), headers, &*answer.body, length, None));
}

/// The headers as tiny_http wants them.
pub(super) fn header_list(lines: &HeaderLines) -> Vec<Header> {
    let lines = lines.as_str().lines().filter_map(|line| line.split_once(": "));
    lines.filter_map(|(name, value)| Header::from_bytes(name, value).ok()).collect()
}

/// Sends a response whose length is known. If nobody waits for it any more, that is nothing to speak of.
pub(super) fn respond<R: Read>(request: Request, response: Response<R>) {
    // The length is announced, always: the gate takes no chunks.
    if let Err(error) = request.respond(response.with_chunked_threshold(usize::MAX)) {
        log::debug!("the gate did not take an answer: {error}");
    }
}
