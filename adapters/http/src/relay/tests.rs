//! Handlers that fail, and what clients send that handlers must not see.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use fsconnector_engine::state::UserId;
use tempfile::TempDir;

use super::way::GREETING;
use super::*;
use crate::routes::Reading;
use crate::sample;

const GREETED: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// A relay to somebody who answers like this.
fn relay_to(answers: &'static [&'static str]) -> (TempDir, FileRelay, mpsc::Receiver<String>) {
    let (folder, socket, requests) = relayed(answers);
    (folder, FileRelay::to(&socket, &socket), requests)
}

/// The socket of somebody who answers with these texts, one after each request, and then closes the connection; and the
/// requests it got.
pub(super) fn relayed(answers: &'static [&'static str]) -> (TempDir, PathBuf, mpsc::Receiver<String>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let (requests, received) = mpsc::channel();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            for answer in answers {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap() == 0 {
                        break;
                    }
                    request.push(byte[0]);
                }
                let _ = requests.send(String::from_utf8(request).unwrap());
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    (folder, socket, received)
}

/// Of the user with this id.
fn ask_of(id: &str, method: &Method, path: &str) -> Ask {
    let ask = ask(method, path, &[]);
    let caller = command::Caller { id: UserId::parse(id).unwrap(), ..ask.caller };
    Ask { caller, ..ask }
}

pub(super) fn ask(method: &Method, path: &str, headers: &[(&str, &str)]) -> Ask {
    let state = sample::state();
    let (user, role) = state.users.login("mike").unwrap();
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
    Ask::new(method, path, &headers, Caller { user, role }, [192, 0, 2, 1].into())
}

/// The body, or the status of the problem; nothing if it ended early.
fn fetched(relay: &FileRelay) -> Option<Result<String, u16>> {
    smol::block_on(async {
        let ask = ask(&Method::GET, "/a", &[]);
        let mut reply = match relay.fetch(Reading::Download, &ask).await {
            Ok(reply) => reply,
            Err(problem) => return Some(Err(problem.status().as_u16())),
        };
        let mut body = Vec::new();
        while reply.read_piece(&mut body).await.ok()? {}
        Some(Ok(String::from_utf8(body).unwrap()))
    })
}

#[test]
fn a_handler_that_is_not_there_or_talks_nonsense_is_502() {
    let nowhere = Path::new("/nonexistent/socket");
    let nobody = FileRelay::to(nowhere, nowhere);
    assert_eq!(fetched(&nobody), Some(Err(502)));
    for answers in [
        &[][..],
        &[GREETED],
        &[GREETED, ""],
        &[GREETED, "nonsense\r\n\r\n"],
        &[GREETED, "HTTP/1.1 200 OK\r\n\r\n"],
        &[GREETED, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"],
        &[GREETED, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
        &[GREETED, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab"],
    ] {
        let answers: &'static [&'static str] = answers;
        let (_folder, relay, _requests) = relay_to(answers);
        assert_eq!(fetched(&relay), Some(Err(502)), "{answers:?}");
    }
}

#[test]
fn a_body_that_ends_early_is_no_body() {
    let (_folder, relay, _requests) = relay_to(&[GREETED, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"]);
    assert_eq!(fetched(&relay), None);
}

#[test]
fn a_connection_is_used_again_and_replaced_when_it_was_closed() {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    let (_folder, relay, requests) = relay_to(&[GREETED, OK, OK]);
    for _ in 0..3 {
        assert_eq!(fetched(&relay), Some(Ok("abc".into())));
    }
    // Two on the first connection, which is closed then, and one on the second.
    let greetings = requests.try_iter().filter(|request| request == GREETING).count();
    assert_eq!(greetings, 2);
}

#[test]
fn only_harmless_headers_reach_a_handler() {
    let sent = [
        ("authorization", "Digest secret"),
        ("fsconnector-caller", "admin 1 forged"),
        ("cookie", "a"),
        ("connection", "x-y"),
        ("content-length", "5"),
        ("If-None-Match", "\"tag\""),
        ("Range", "bytes=0-"),
        ("If-Modified-Since", "\u{fc}"),
    ];
    let request = ask(&Method::HEAD, "/a b\r\nX: y%25?#\u{fc}", &sent).head;
    assert_eq!(
        request,
        "HEAD /a%20b%0D%0AX:%20y%25%3F%23%C3%BC HTTP/1.1\r\nHost: gate\r\n\
        Fsconnector-Caller: member 192.0.2.1 21000 mike\r\nif-none-match: \"tag\"\r\n\
        range: bytes=0-\r\n\r\n"
    );
}

#[test]
fn a_client_gets_the_handlers_headers_without_those_of_its_connection() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nServer: tiny\r\nDate: now\r\nConnection: keep-alive\r\nETag: \"a\"\r\n\
        Content-Type: text/css\r\nContent-Length: 0\r\n\r\n";
    let (_folder, relay, _requests) = relay_to(&[GREETED, ANSWER]);
    let ask = ask(&Method::GET, "/a", &[]);
    let reply = smol::block_on(relay.fetch(Reading::Quick, &ask));
    let reply = reply.unwrap_or_else(|_| panic!("no reply"));
    assert_eq!(reply.headers().as_str(), "ETag: \"a\"\r\nContent-Type: text/css\r\n");
}

#[test]
fn what_is_short_holds_no_handler_until_its_client_has_it() {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    let (_folder, relay, _requests) = relay_to(&[GREETED, OK]);
    let fetch = |number: usize| {
        let ask = ask_of(&number.to_string(), &Method::GET, "/a");
        smol::block_on(relay.fetch(Reading::Quick, &ask)).unwrap_or_else(|problem| panic!("{problem:?}"))
    };
    let unread: Vec<Reply<'_>> = (0..=QUICK).map(fetch).collect();
    for mut reply in unread {
        let mut body = Vec::new();
        while smol::block_on(reply.read_piece(&mut body)).unwrap() {}
        assert_eq!(body, b"abc");
    }
}

#[test]
fn what_turns_out_to_be_long_is_asked_for_again_as_a_download() {
    const LONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\nabc";
    let (_quick, quick, asked_first) = relayed(&[GREETED, LONG]);
    let (_downloads, downloads, asked_then) = relayed(&[GREETED, LONG]);
    let relay = FileRelay::to(&quick, &downloads);
    let ask = ask(&Method::GET, "/a", &[]);
    let reply = smol::block_on(relay.fetch(Reading::Quick, &ask)).unwrap_or_else(|problem| panic!("{problem:?}"));
    assert_eq!(reply.length(), 300_000);
    for asked in [asked_first, asked_then] {
        assert_eq!(asked.iter().take(2).filter(|request| request.starts_with("GET")).count(), 1);
    }
}
