//! The files of the web client, as files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod files_stage;
mod stage;

use files_stage::Archive;

#[test]
fn a_page_comes_in_parts_too() {
    let archive = Archive::new();
    archive.put("phone/film.mp4", "0123456789");
    let mut client = archive.stage.connect();
    for user in ["anna", "mike", "gast"] {
        let part = client.request(user, "GET", "/film.mp4", "Range: bytes=2-4\r\n");
        assert_eq!((part.status, part.text(), part.header("content-range")), (206, "234", Some("bytes 2-4/10")));
        assert_eq!(part.header("content-type"), Some("video/mp4"));
        let beyond = client.request(user, "GET", "/film.mp4", "Range: bytes=10-\r\n");
        archive.assert_problem(&beyond, 416, user);
    }
}

#[test]
fn a_name_that_is_too_long_for_a_file_is_the_name_of_nothing() {
    let archive = Archive::new();
    let mut client = archive.stage.connect();
    for length in [255, 256, 4096] {
        let target = format!("/{}", "x".repeat(length));
        archive.assert_problem(&client.get("gast", &target), 404, &format!("{length} bytes"));
    }
}
