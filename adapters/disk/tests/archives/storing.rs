//! Storing.

use std::ffi::OsStr;
use std::fs::{self, FileTimes};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::time::{Duration, SystemTime};

use flate2::read::GzDecoder;
use fsconnector_engine::files::{FileError, FileWork, FilesDone, Part};

use crate::trees::{RealTrees, archives, below, mode, model, path, recover, sample, tree, write};

/// The names in an archive, with their permission bits.
fn listed(archive: &[u8]) -> Vec<(String, u32)> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
        assert_eq!((header.username().unwrap(), header.groupname().unwrap()), (Some(""), Some("")));
        (entry.path().unwrap().to_str().unwrap().to_owned(), header.mode().unwrap())
    });
    entries.collect()
}

fn words(result: Result<FilesDone, FileError>) -> String {
    match result {
        Err(FileError::Unfit(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_archive_holds_every_file_and_folder_of_its_part_in_order() {
    let trees = RealTrees::new(&sample());
    trees.set_mode("directory", 0o755);
    trees.set_mode("directory/friends", 0o750);
    trees.set_mode("directory/team", 0o700);
    for (path, mode) in [("team/20000.xml", 0o600), ("team/20001.xml", 0o644), ("team/.notes", 0o777)] {
        trees.set_mode(&format!("directory/{path}"), mode);
    }
    trees.set_mode("directory/friends/21000.xml", 0o640);
    trees.set_mode("directory/default.xml", 0o604);
    trees.write("directory/team/.fsconnector-swap-20000.xml", "ours");
    let disk = trees.open();
    trees.write("directory/team/.fsconnector-swap-20001.xml", "ours");
    assert_eq!(disk.perform(&FileWork::Archive(Part::Directory)), Ok(FilesDone::Archived));
    let expected = [
        ("directory/", 0o755),
        ("directory/default.xml", 0o604),
        ("directory/friends/", 0o750),
        ("directory/friends/21000.xml", 0o640),
        ("directory/team/", 0o700),
        ("directory/team/.notes", 0o777),
        ("directory/team/20000.xml", 0o600),
        ("directory/team/20001.xml", 0o644),
    ];
    assert_eq!(listed(&trees.archive("directory.tar.gz")), expected.map(|(name, mode)| (name.to_owned(), mode)));
}

#[test]
fn the_names_in_an_archive_begin_with_that_of_the_part() {
    let trees = RealTrees::new(&sample());
    for (part, count) in [(Part::Directory, 8), (Part::Dialplan, 4), (Part::Conferences, 2), (Part::FreeSwitch, 15)] {
        assert_eq!(trees.store(part), Ok(FilesDone::Archived));
        let listed = listed(&trees.archive(&format!("{}.tar.gz", part.name())));
        assert_eq!(listed.len(), count, "{listed:?}");
        assert!(listed.iter().all(|(name, _)| name.starts_with(&format!("{}/", part.name()))), "{listed:?}");
    }
}

#[test]
fn the_same_tree_makes_the_same_bytes() {
    let (one, other) = (RealTrees::new(&sample()), RealTrees::new(&sample()));
    let old = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    fs::File::open(other.at("directory/team/20000.xml")).unwrap().set_times(old).unwrap();
    one.store(Part::FreeSwitch).unwrap();
    other.store(Part::FreeSwitch).unwrap();
    assert_eq!(one.archive("freeswitch.tar.gz"), other.archive("freeswitch.tar.gz"));
    // A changed mode is a change.
    other.set_mode("vars.xml", 0o666);
    other.store(Part::FreeSwitch).unwrap();
    assert_ne!(one.archive("freeswitch.tar.gz"), other.archive("freeswitch.tar.gz"));
}

#[test]
fn the_archives_are_closed_to_others() {
    let trees = RealTrees::new(&sample());
    trees.store(Part::Directory).unwrap();
    assert_eq!(mode(&trees.static_tree().join("store")), 0o700);
    assert_eq!(mode(&trees.static_tree().join("store/directory.tar.gz")), 0o600);
}

#[test]
fn the_archives_before_are_kept_under_their_times_and_only_the_last_five() {
    let trees = RealTrees::new(&sample());
    let mut stored = Vec::new();
    for minute in 0..8 {
        trees.write("directory/team/20000.xml", format!("<user id=\"20000\" minute=\"{minute}\"/>"));
        trees.store(Part::Directory).unwrap();
        let archive = fs::File::open(trees.static_tree().join("store/directory.tar.gz")).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_422_358_123 + 60_000 * minute);
        archive.set_times(FileTimes::new().set_modified(time)).unwrap();
        stored.push(trees.archive("directory.tar.gz"));
    }
    let kept: Vec<String> =
        (2..7).map(|minute| format!("directory.2026-11-23T08-{:02}-58.123Z.tar.gz", 25 + minute)).collect();
    for (name, content) in kept.iter().zip(&stored[2..]) {
        assert_eq!(trees.archive(name), *content);
    }
    let mut expected = kept;
    expected.push("directory.tar.gz".into());
    assert_eq!(trees.archives(), expected);
}

#[test]
fn archives_of_the_same_moment_are_all_kept() {
    let disk = model(&sample());
    let mut sets = recover(&disk);
    for _ in 0..4 {
        sets.perform(&FileWork::Archive(Part::Dialplan)).unwrap();
    }
    assert_eq!(archives(&disk).len(), 4);
    // Those of others are not touched.
    for name in ["store/directory.tar.gz", "store/dialplan.mine.tar.gz"] {
        write(&disk, &fsconnector_disk::TreePath::in_static(path(name)), b"mine");
    }
    for _ in 0..9 {
        sets.perform(&FileWork::Archive(Part::Dialplan)).unwrap();
    }
    assert_eq!(archives(&disk).len(), 6 + 2);
}

#[test]
fn what_is_no_plain_file_makes_storing_fail_and_is_named() {
    let trees = RealTrees::new(&sample());
    let at = trees.at("directory/team/odd");
    let check = |expected: &str| {
        let words = words(trees.store(Part::Directory));
        assert!(words.starts_with(expected), "{words}");
        assert_eq!(trees.store(Part::Conferences), Ok(FilesDone::Archived), "it is elsewhere");
    };
    symlink("20000.xml", &at).unwrap();
    check("directory/team/odd is a link;");
    fs::remove_file(&at).unwrap();
    symlink("nowhere", &at).unwrap();
    check("directory/team/odd is a link;");
    fs::remove_file(&at).unwrap();
    let socket = UnixListener::bind(&at).unwrap();
    check("directory/team/odd is a pipe, a socket");
    drop(socket);
    fs::remove_file(&at).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &at, rustix::fs::Mode::RUSR).unwrap();
    check("directory/team/odd is a pipe, a socket");
    assert!(!trees.archives().contains(&"directory.tar.gz".to_owned()));
}

#[test]
fn a_name_that_cannot_be_stored_makes_storing_fail_and_is_named() {
    for (name, shown) in [(b"b\xfcro.xml".as_slice(), "b\u{fffd}ro.xml"), (b"a\\b", "a\\\\b"), (b"a\nb", "a\\nb")] {
        let trees = RealTrees::new(&sample());
        fs::write(trees.at("directory/team").join(OsStr::from_bytes(name)), "x").unwrap();
        let words = words(trees.store(Part::FreeSwitch));
        assert!(words.starts_with(&format!("directory/team/{shown} is no name")), "{words}");
    }
}

#[test]
fn a_part_that_is_a_link_or_not_there_is_not_stored() {
    let trees = RealTrees::new(&below(&sample(), "directory"));
    assert_eq!(words(trees.store(Part::Dialplan)), "there is no folder dialplan");
    assert_eq!(words(trees.store(Part::Conferences)), "there is no folder dialplan/conferences");
    symlink("directory", trees.at("dialplan")).unwrap();
    assert!(words(trees.store(Part::Dialplan)).starts_with("dialplan is a link"));
    assert!(words(trees.store(Part::Conferences)).starts_with("dialplan is a link"));
    fs::remove_file(trees.at("dialplan")).unwrap();
    fs::write(trees.at("dialplan"), "").unwrap();
    assert_eq!(words(trees.store(Part::Dialplan)), "dialplan is no folder");
}

#[test]
fn archives_are_not_written_through_a_link() {
    let trees = RealTrees::new(&sample());
    let elsewhere = trees.at("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, trees.static_tree().join("store")).unwrap();
    assert_eq!(words(trees.store(Part::Directory)), "store is no folder");
    assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
}

#[test]
fn without_a_static_tree_nothing_can_be_stored_or_restored() {
    let disk = model(&sample());
    disk.without_static_tree();
    let mut sets = recover(&disk);
    assert!(words(sets.perform(&FileWork::Archive(Part::Directory))).contains("no static tree"));
    assert!(words(sets.perform(&FileWork::Restore(Part::Directory))).contains("no archive"));
}

#[test]
fn bounds_hold_for_what_is_stored_as_for_what_is_restored() {
    let trees = RealTrees::new(&tree(&[("directory/a", "")]));
    fs::File::create(trees.at("directory/large")).unwrap().set_len((64 << 20) + 1).unwrap();
    assert_eq!(words(trees.store(Part::Directory)), "directory/large has more than 64 MiB");
    fs::remove_file(trees.at("directory/large")).unwrap();
    let deep = format!("directory/{}", "deep/".repeat(32));
    fs::create_dir_all(trees.at(&deep)).unwrap();
    assert!(words(trees.store(Part::Directory)).ends_with("is deeper than 32 folders"));
}

#[test]
fn a_full_disk_leaves_the_archive_that_was_there_and_nothing_else() {
    let disk = model(&sample());
    let mut sets = recover(&disk);
    sets.perform(&FileWork::Archive(Part::Directory)).unwrap();
    let before = archives(&disk);
    for room in [0, 1, 100] {
        disk.limit_space(Some(room));
        let error = sets.perform(&FileWork::Archive(Part::Directory)).unwrap_err();
        assert!(matches!(error, FileError::Failed { .. }), "{error}");
        assert_eq!(archives(&disk), before);
    }
}

#[test]
fn at_every_moment_there_is_a_whole_archive() {
    let disk = model(&sample());
    recover(&disk).perform(&FileWork::Archive(Part::Directory)).unwrap();
    let present = |disk: &fsconnector_disk::Model| archives(disk)["store/directory.tar.gz"].clone();
    let old = present(&disk);
    write(&disk, &fsconnector_disk::TreePath::configuration(path("directory/team/20000.xml")), b"<new/>");
    let whole = disk.after_kill();
    recover(&whole).perform(&FileWork::Archive(Part::Directory)).unwrap();
    let new = present(&whole);
    assert_ne!(old, new);
    for at in 0..=whole.operations() {
        let disk = disk.after_kill();
        disk.stop_after(at);
        let stored = fsconnector_disk::ChangeSets::recover(disk.clone());
        let stored = stored.is_ok_and(|(mut sets, _)| sets.perform(&FileWork::Archive(Part::Directory)).is_ok());
        let check = |disk: &fsconnector_disk::Model| {
            let found = present(disk);
            assert!(found == new || (found == old && !stored), "neither");
            // What is kept is whole as well, and the old one is lost by nobody.
            let all = archives(disk);
            assert!(all.values().all(|archive| *archive == old || *archive == new), "{:?}", all.keys());
            assert!(all.values().any(|archive| *archive == old), "{:?}", all.keys());
        };
        let killed = disk.after_kill();
        recover(&killed);
        check(&killed);
        for seed in 0..20 {
            let cut = disk.after_power_cut(seed);
            recover(&cut);
            check(&cut);
        }
    }
}

#[test]
fn other_programs_can_read_an_archive() {
    let trees = RealTrees::new(&sample());
    trees.store(Part::Directory).unwrap();
    let (archive, unpacked) = (trees.archive("directory.tar.gz"), tempfile::tempdir().unwrap());
    tar::Archive::new(GzDecoder::new(&*archive)).unpack(unpacked.path()).unwrap();
    let found = fs::read_to_string(unpacked.path().join("directory/team/20001.xml")).unwrap();
    assert_eq!(Some(&Some(found)), sample().get("directory/team/20001.xml"));
}
