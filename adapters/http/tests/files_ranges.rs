//! Parts of files, and answers that depend on what the client has: on recordings, over the wire.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod files_stage;
mod stage;

use std::fs::{self, File};
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use files_stage::Archive;
use stage::{Answer, Client};

const NAME: &str = "pals-2026-11-23T08:25:58.123Z.wav";
const ALL: &str = "0123456789";

/// The paths of one recording.
fn targets() -> [String; 2] {
    [format!("/api/recordings/{NAME}"), format!("/fr/friendsrec/{NAME}")]
}

fn with_recording() -> Archive {
    let archive = Archive::new();
    archive.record(NAME, ALL);
    archive
}

fn get(client: &mut Client, headers: &str) -> Answer {
    client.request("anna", "GET", &targets()[0], headers)
}

#[test]
fn a_part_is_sent_with_its_place() {
    let archive = with_recording();
    let mut client = archive.stage.connect();
    for target in targets() {
        for (range, part, place) in [
            ("bytes=0-0", "0", "bytes 0-0/10"),
            ("bytes=2-4", "234", "bytes 2-4/10"),
            ("bytes=7-", "789", "bytes 7-9/10"),
            ("bytes=-2", "89", "bytes 8-9/10"),
            ("bytes=0-", ALL, "bytes 0-9/10"),
            ("bytes=5-500", "56789", "bytes 5-9/10"),
        ] {
            let answer = client.request("anna", "GET", &target, &format!("Range: {range}\r\n"));
            assert_eq!((answer.status, answer.text()), (206, part), "{range}");
            assert_eq!(answer.header("content-range"), Some(place));
            assert_eq!(answer.header("content-length"), Some(&*part.len().to_string()));
            assert_eq!(answer.header("content-type"), Some("audio/wav"));
            assert!(answer.header("etag").is_some() && answer.header("last-modified").is_some());
        }
    }
}

#[test]
fn a_part_that_is_not_there_is_416_with_the_length() {
    let archive = with_recording();
    archive.record("empty.wav", "");
    let mut client = archive.stage.connect();
    for range in ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=99999999999999999999-"] {
        let answer = get(&mut client, &format!("Range: {range}\r\n"));
        archive.assert_problem(&answer, 416, range);
        assert_eq!(answer.header("content-range"), Some("bytes */10"));
    }
    let answer = client.request("anna", "GET", "/api/recordings/empty.wav", "Range: bytes=0-\r\n");
    assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */0")));
    assert_eq!(client.get("anna", "/api/recordings/empty.wav").status, 200);
}

#[test]
fn several_parts_and_what_cannot_be_understood_get_the_whole_file() {
    let archive = with_recording();
    let mut client = archive.stage.connect();
    for headers in [
        "Range: bytes=0-1,3-4\r\n",
        "Range: bytes=0-1\r\nRange: bytes=3-4\r\n",
        "Range: bytes=4-3\r\n",
        "Range: items=0-1\r\n",
        "Range: bytes\r\n",
        "Range: \r\n",
    ] {
        let answer = get(&mut client, headers);
        assert_eq!((answer.status, answer.text(), answer.header("content-range")), (200, ALL, None), "{headers}");
    }
}

#[test]
fn a_head_request_gets_the_head_of_the_whole() {
    let archive = with_recording();
    let mut client = archive.stage.connect();
    for target in targets() {
        for headers in ["", "Range: bytes=2-4\r\n", "Range: bytes=99-\r\n"] {
            let answer = client.request("anna", "HEAD", &target, headers);
            assert_eq!((answer.status, answer.header("content-length")), (200, Some("10")), "{headers}");
            assert_eq!(answer.header("accept-ranges"), Some("bytes"));
            assert_eq!(answer.header("content-type"), Some("audio/wav"));
        }
    }
    assert_eq!(client.get("anna", "/livez").text(), "ok\n", "nothing is left in between");
}

#[test]
fn a_client_that_has_the_version_is_told_so() {
    let archive = with_recording();
    let mut client = archive.stage.connect();
    let first = get(&mut client, "");
    let (tag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    for headers in [
        format!("If-None-Match: {tag}\r\n"),
        format!("If-None-Match: \"x\", W/{tag}\r\n"),
        format!("If-None-Match: \"x\"\r\nIf-None-Match: {tag}\r\n"),
        "If-None-Match: *\r\n".into(),
        format!("If-Modified-Since: {date}\r\n"),
        format!("If-None-Match: {tag}\r\nRange: bytes=2-4\r\n"),
        format!("If-Match: {tag}\r\nIf-None-Match: {tag}\r\n"),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = client.request("anna", method, &targets()[0], &headers);
            assert_eq!((answer.status, answer.text(), answer.header("etag")), (304, "", Some(tag)), "{headers}");
            assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        }
    }
    for headers in [
        "If-None-Match: \"x\"\r\n".to_owned(),
        format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {date}\r\n"),
        "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n".into(),
        "If-Modified-Since: yesterday\r\n".into(),
        format!("If-Modified-Since: {date}\r\nIf-Modified-Since: {date}\r\n"),
    ] {
        assert_eq!(get(&mut client, &headers).text(), ALL, "{headers}");
    }
}

#[test]
fn a_client_that_wants_another_version_gets_412() {
    let archive = with_recording();
    let mut client = archive.stage.connect();
    let first = get(&mut client, "");
    let (tag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    for headers in [
        "If-Match: \"x\"\r\n".to_owned(),
        format!("If-Match: W/{tag}\r\n"),
        "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n".into(),
        format!("If-Match: \"x\"\r\nIf-None-Match: {tag}\r\n"),
        format!("If-Match: \"x\"\r\nIf-Unmodified-Since: {date}\r\nRange: bytes=2-4\r\n"),
    ] {
        archive.assert_problem(&get(&mut client, &headers), 412, &headers);
    }
    for headers in [
        format!("If-Match: {tag}\r\n"),
        format!("If-Match: \"x\", {tag}\r\n"),
        "If-Match: *\r\n".into(),
        format!("If-Unmodified-Since: {date}\r\n"),
        format!("If-Match: {tag}\r\nIf-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n"),
    ] {
        assert_eq!(get(&mut client, &headers).text(), ALL, "{headers}");
    }
}

#[test]
fn a_part_is_sent_only_of_the_version_the_client_knows() {
    let archive = with_recording();
    let mut client = archive.stage.connect();
    let first = get(&mut client, "");
    let (tag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    for (validator, status, text) in [
        (tag.to_owned(), 206, "234"),
        (date.to_owned(), 206, "234"),
        (format!("W/{tag}"), 200, ALL),
        ("\"x\"".into(), 200, ALL),
        ("Sat, 01 Jan 2000 00:00:00 GMT".into(), 200, ALL),
        ("Fri, 01 Jan 2100 00:00:00 GMT".into(), 200, ALL),
    ] {
        let answer = get(&mut client, &format!("If-Range: {validator}\r\nRange: bytes=2-4\r\n"));
        assert_eq!((answer.status, answer.text()), (status, text), "{validator}");
    }
    let answer = get(&mut client, "If-Range: \"x\"\r\nRange: bytes=99-\r\n");
    assert_eq!((answer.status, answer.text()), (200, ALL), "the range is of another version");
}

#[test]
fn every_change_of_a_file_changes_its_tag() {
    let archive = with_recording();
    let mut client = archive.stage.connect();
    let path = archive.recordings.path().join(NAME);
    let mut tags = vec![get(&mut client, "").header("etag").unwrap().to_owned()];
    let later = SystemTime::now() + Duration::from_millis(1);
    // The same length at another time.
    File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    tags.push(get(&mut client, "").header("etag").unwrap().to_owned());
    // Another length at the same time.
    let mut file = File::options().append(true).open(&path).unwrap();
    file.write_all(b"x").unwrap();
    file.set_modified(later).unwrap();
    tags.push(get(&mut client, "").header("etag").unwrap().to_owned());
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
    let answer = get(&mut client, &format!("If-Range: {}\r\nRange: bytes=2-4\r\n", tags[1]));
    assert_eq!((answer.status, answer.text()), (200, "0123456789x"));
}

#[test]
fn of_a_recording_that_grows_a_client_gets_what_it_was_announced() {
    const BEGUN: usize = 20_000_000;
    let archive = Archive::new();
    archive.record(NAME, vec![b'a'; BEGUN]);
    let mut client = archive.stage.connect();
    for (headers, status, length) in [("", 200, BEGUN), ("Range: bytes=1-\r\n", 206, BEGUN - 1)] {
        archive.record(NAME, vec![b'a'; BEGUN]);
        let authorization = client.authorization("mike", "GET", &targets()[1]);
        client.send(&format!("GET {} HTTP/1.1\r\nHost: x\r\n{authorization}{headers}\r\n", targets()[1]));
        // It is open when its first byte comes, and more than all buffers on the way hold: it is not read to its end then.
        assert_eq!(client.stream.peek(&mut [0]).unwrap(), 1);
        let mut file = File::options().append(true).open(archive.recordings.path().join(NAME)).unwrap();
        file.write_all(&vec![b'b'; 1_000_000]).unwrap();
        let answer = client.answer(false);
        assert_eq!((answer.status, answer.body.len()), (status, length));
        assert!(answer.body.iter().all(|byte| *byte == b'a'));
    }
    let whole = client.get("mike", &targets()[1]);
    assert_eq!(whole.body.len(), BEGUN + 1_000_000, "the connection goes on, and sees the rest");
}

#[test]
fn a_player_can_seek_in_a_large_recording() {
    let content: Vec<u8> = (0..3_000_000u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[2]).collect();
    let archive = Archive::new();
    archive.record(NAME, &content);
    let mut client = archive.stage.connect();
    for first in [0, 1, 999_999, 1_048_576, 2_999_999] {
        let answer = client.request("mike", "GET", &targets()[1], &format!("Range: bytes={first}-\r\n"));
        assert!(answer.status == 206 && answer.body == content[first..], "from {first}");
    }
}

#[test]
fn curl_resumes_a_download() {
    let archive = with_recording();
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("part");
    fs::write(&part, "0123").unwrap();
    let login = format!("anna:{}", stage::sample::PASSWORD);
    let arguments = ["--digest", "--user", &login, "--continue-at", "-", "--fail", "--output", part.to_str().unwrap()];
    if archive.stage.curl(&arguments, &targets()[0]).is_some() {
        assert_eq!(fs::read_to_string(&part).unwrap(), ALL);
    }
}
