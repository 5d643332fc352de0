//! What phones upload.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod sample;

use fsconnector_disk::{
    ChangeSets, LARGEST_FOLDER, LARGEST_LOG, LARGEST_UPLOAD, MOST_FILES, Model, UploadError, UploadName, Uploaded,
    upload,
};
use fsconnector_engine::mac::Mac;
use sample::{disk, files, folders, phone, recover};

/// The phone of the user with this number uploads something.
fn put(disk: &Model, number: u32, name: &str, content: &[u8]) -> Result<Uploaded, UploadError> {
    let mac = Mac::parse(&format!("0004f20{number}")).unwrap();
    upload(disk, &mac, &UploadName::parse(name).unwrap(), content)
}

fn found(disk: &Model, number: u32, name: &str) -> Option<String> {
    files(disk).get(&phone(number, name)).cloned()
}

#[test]
fn a_file_is_made_and_replaced() {
    let disk = disk();
    for text in ["first", "second", ""] {
        assert_eq!(put(&disk, 20000, "a.cfg", text.as_bytes()), Ok(Uploaded::Written));
        assert_eq!(found(&disk, 20000, "a.cfg").as_deref(), Some(text));
    }
}

#[test]
fn a_folder_that_is_not_there_is_made() {
    let disk = disk();
    assert_eq!(put(&disk, 20005, "a.cfg", b"text"), Ok(Uploaded::Written));
    assert_eq!(found(&disk, 20005, "a.cfg").as_deref(), Some("text"));
}

#[test]
fn a_log_is_continued_and_put_aside_when_it_is_long_enough() {
    let disk = disk();
    let half = "x".repeat(LARGEST_LOG / 2);
    let begun = [format!("a{half}"), format!("b{half}"), format!("c{half}")];
    for text in &begun {
        assert_eq!(put(&disk, 20005, "x-app.log", text.as_bytes()), Ok(Uploaded::Appended));
    }
    put(&disk, 20005, "x-app.log", b"the end").unwrap();
    assert_eq!(found(&disk, 20005, "x-app.log"), Some(format!("{}the end", begun[2])));
    assert_eq!(found(&disk, 20005, "x-app.log.1"), Some(begun[1].clone()), "one earlier log is kept");
    assert_eq!(disk.files().keys().filter(|path| path.path.as_str().contains("0004f2020005")).count(), 2);
}

#[test]
fn an_upload_has_a_largest_size() {
    let disk = disk();
    let before = files(&disk);
    assert_eq!(put(&disk, 20000, "a.cfg", &vec![b'x'; LARGEST_UPLOAD + 1]), Err(UploadError::TooLarge));
    assert_eq!(put(&disk, 20000, "x-app.log", &vec![b'x'; LARGEST_LOG + 1]), Err(UploadError::TooLarge));
    assert_eq!(files(&disk), before);
    assert_eq!(put(&disk, 20000, "a.cfg", &vec![b'x'; LARGEST_UPLOAD]), Ok(Uploaded::Written));
}

#[test]
fn a_phone_has_room_for_so_many_files() {
    let disk = disk();
    for number in 0..MOST_FILES {
        assert_eq!(put(&disk, 20005, &format!("{number}.cfg"), b"x"), Ok(Uploaded::Written));
    }
    assert_eq!(put(&disk, 20005, "more.cfg", b"x"), Err(UploadError::TooMany));
    assert_eq!(put(&disk, 20005, "0.cfg", b"other"), Ok(Uploaded::Written), "no more than before");
    assert_eq!(put(&disk, 20000, "more.cfg", b"x"), Ok(Uploaded::Written), "the other phone has its own room");
}

#[test]
fn a_phone_has_room_for_so_many_bytes() {
    let disk = disk();
    let large = vec![b'x'; LARGEST_UPLOAD];
    let count = LARGEST_FOLDER / LARGEST_UPLOAD as u64;
    for number in 0..count {
        assert_eq!(put(&disk, 20005, &format!("{number}.cfg"), &large), Ok(Uploaded::Written));
    }
    assert_eq!(put(&disk, 20005, "more.cfg", b"x"), Err(UploadError::TooLarge));
    assert_eq!(put(&disk, 20005, "0.cfg", &large[1..]), Ok(Uploaded::Written));
    assert_eq!(put(&disk, 20005, "more.cfg", b"x"), Ok(Uploaded::Written));
}

#[test]
fn something_else_that_has_the_name_is_neither_replaced_nor_read() {
    let disk = disk();
    disk.add_folder(&phone(20000, "a.cfg"));
    let before = (files(&disk), disk.folders());
    let error = put(&disk, 20000, "a.cfg", b"x").unwrap_err();
    assert!(error.to_string().contains("no plain file"), "{error}");
    assert_eq!((files(&disk), disk.folders()), before);
}

#[test]
fn whatever_fails_a_file_is_old_or_new_and_a_success_is_durable() {
    let old = "x".repeat(LARGEST_LOG - 2);
    for (name, new) in [("a.cfg", "new".to_owned()), ("b-app.log", format!("{old}ne")), ("c-app.log", "new".to_owned())]
    {
        for number in [20000, 20005] {
            for at in 0..60 {
                let disk = disk();
                for (name, text) in [("a.cfg", "old"), ("b-app.log", &old), ("c-app.log", &old)] {
                    put(&disk, number, name, text.as_bytes()).unwrap();
                }
                let text = new.strip_prefix(&old).unwrap_or(&new);
                disk.fail(disk.operations() + at);
                let done = put(&disk, number, name, text.as_bytes());
                let cut = disk.after_power_cut(at as u64);
                recover(&cut);
                assert_eq!(folders(&files(&cut)), cut.folders());
                let rotated = format!("{name}.1");
                let old = if name == "a.cfg" { "old" } else { &old };
                let (now, aside) = (found(&cut, number, name), found(&cut, number, &rotated));
                assert!(now.as_ref() == Some(&new) || now.as_deref() == Some(old) || aside.as_deref() == Some(old));
                assert!(done.is_err() || now.as_ref() == Some(&new), "{name} {at}");
            }
        }
    }
}

const LOG: &str = "x-app.log";
const ASIDE: &str = "x-app.log.1";

/// A disk with a log that is full, and perhaps one before it.
fn full_log(has_earlier: bool) -> (Model, String) {
    let disk = disk();
    let full = "x".repeat(LARGEST_LOG);
    if has_earlier {
        put(&disk, 20005, LOG, "y".repeat(LARGEST_LOG).as_bytes()).unwrap();
    }
    put(&disk, 20005, LOG, full.as_bytes()).unwrap();
    (disk, full)
}

/// The full log is there, under its name or put aside for the new one, and what is put aside is whole.
#[track_caller]
fn check_logs(disk: &Model, full: &str, has_earlier: bool) {
    recover(disk);
    let (log, aside) = (found(disk, 20005, LOG), found(disk, 20005, ASIDE));
    match log.as_deref() {
        Some("new") => assert_eq!(aside.as_deref(), Some(full), "it is put aside"),
        log => {
            assert_eq!(log, Some(full));
            let earlier = has_earlier && aside.as_ref().is_some_and(|aside| aside.starts_with('y'));
            assert!(earlier || !has_earlier && aside.is_none() || aside.as_deref() == Some("new"));
        }
    }
}

#[test]
fn a_log_that_is_put_aside_is_not_lost_whenever_that_is_interrupted_or_fails() {
    for has_earlier in [false, true] {
        for at in 0..60 {
            let (disk, full) = full_log(has_earlier);
            disk.stop_after(disk.operations() + at);
            let done = put(&disk, 20005, LOG, b"new");
            check_logs(&disk.after_kill(), &full, has_earlier);
            for seed in 0..30 {
                let cut = disk.after_power_cut(seed);
                check_logs(&cut, &full, has_earlier);
                assert!(done.is_err() || found(&cut, 20005, LOG).as_deref() == Some("new"));
            }

            let (disk, full) = full_log(has_earlier);
            disk.fail(disk.operations() + at);
            let done = put(&disk, 20005, LOG, b"new");
            let aside = found(&disk, 20005, ASIDE);
            assert!(done.is_ok() || aside.as_deref() != Some("new"), "{at}: it is as it was or as it was to be");
            check_logs(&disk.after_kill(), &full, has_earlier);
            check_logs(&disk.after_power_cut(at as u64), &full, has_earlier);
        }
    }
}

#[test]
fn an_end_in_the_middle_leaves_nothing_behind() {
    for at in 0..40 {
        let disk = disk();
        disk.stop_after(at);
        let done = put(&disk, 20005, "a.cfg", b"new");
        let killed = disk.after_kill();
        assert!(ChangeSets::recover(killed.clone()).is_ok());
        assert!(found(&killed, 20005, "a.cfg").is_none_or(|text| text == "new"));
        assert!(done.is_err() || found(&killed, 20005, "a.cfg").is_some());
        assert_eq!(folders(&files(&killed)), killed.folders());
    }
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let disk = disk();
    let before = files(&disk);
    disk.limit_space(Some(3));
    assert!(matches!(put(&disk, 20000, "a.cfg", b"text"), Err(UploadError::Failed(_))));
    assert_eq!(files(&disk), before);
}

#[test]
fn without_a_static_tree_nothing_is_taken() {
    let disk = disk();
    disk.without_static_tree();
    assert!(matches!(put(&disk, 20000, "a.cfg", b"text"), Err(UploadError::Failed(_))));
}
