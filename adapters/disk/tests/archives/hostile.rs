//! Archives that nobody should restore. Not one changes anything.

use fsconnector_engine::files::{FileError, FileWork, Part};

use crate::by_hand::{EntryType, archive, entry, entry_of_size, file, folder, gzip, long_file, pax_file, tar};
use crate::trees::{RealTrees, found, model, put_archive, recover, sample, tree};

const USER: &[u8] = b"<include>\n <user id=\"20000\"/>\n</include>\n";

/// Restoring this archive of the directory fails with these words, and changes nothing.
#[track_caller]
fn check(archive: &[u8], expected: &str) {
    check_part(Part::Directory, archive, expected);
}

#[track_caller]
fn check_part(part: Part, archive: &[u8], expected: &str) {
    let trees = RealTrees::new(&sample());
    trees.put_archive(part, archive);
    let before = trees.with_modes();
    check_words(trees.restore(part).unwrap_err(), expected);
    assert_eq!(trees.with_modes(), before);

    let disk = model(&sample());
    put_archive(&disk, part, archive);
    let before = disk.files();
    let mut sets = recover(&disk);
    check_words(sets.perform(&FileWork::Restore(part)).unwrap_err(), expected);
    assert_eq!(disk.files(), before);
    assert_eq!(found(&disk), sample());
}

#[track_caller]
fn check_words(error: FileError, expected: &str) {
    let FileError::Unfit(words) = error else { panic!("{error}") };
    assert!(words.contains(expected), "{words}");
}

/// An archive of the directory with one more entry, and a user before and after it.
fn with(entry: Vec<u8>) -> Vec<u8> {
    let user = |name| file(&format!("directory/team/{name}.xml"), USER);
    archive(&[folder("directory/"), user("20000"), entry, user("20001")])
}

#[test]
fn no_archive_is_no_archive() {
    let trees = RealTrees::new(&sample());
    check_words(trees.restore(Part::Directory).unwrap_err(), "there is no archive store/directory.tar.gz");
    trees.store(Part::Directory).unwrap();
    check_words(trees.restore(Part::Dialplan).unwrap_err(), "there is no archive store/dialplan.tar.gz");
}

#[test]
fn links_and_devices_are_refused() {
    let other = "a pipe, a socket, a device or something else";
    for (kind, what) in [
        (EntryType::Symlink, "a link"),
        (EntryType::Link, "a hard link"),
        (EntryType::Fifo, other),
        (EntryType::Char, other),
        (EntryType::Block, other),
        (EntryType::Continuous, other),
        (EntryType::XGlobalHeader, other),
        (EntryType::new(b'V'), other),
    ] {
        check(&with(entry(kind, b"directory/odd", b"")), &format!("directory/odd is {what};"));
    }
}

#[test]
fn sparse_files_are_refused() {
    let mut sparse = entry(EntryType::GNUSparse, b"directory/sparse", b"");
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes().copy_from_slice(&sparse[..512]);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.set_real_size(1 << 40);
    gnu.sparse[0].set_offset(1 << 40);
    gnu.sparse[0].set_length(0);
    header.set_cksum();
    sparse[..512].copy_from_slice(header.as_bytes());
    // What is said of its holes fits together or not: it is refused in any case.
    check(&with(sparse), "");
    let pax = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "directory/sparse")];
    check(&with(pax_file(&pax, "directory/GNUSparseFile.0/sparse", b"0\n")), "is a sparse file");
}

#[test]
fn unsafe_names_are_refused() {
    for name in [
        "/etc/passwd",
        "../evil",
        "directory/../../evil",
        "directory/..",
        "directory/./a",
        "directory//a",
        "",
        "directory/a\\b",
    ] {
        check(&with(entry(EntryType::Regular, name.as_bytes(), USER)), "is no name that files here may have");
    }
    check(&with(entry(EntryType::Regular, b"directory/a\nb", USER)), "directory/a\\nb is no name");
    check(&with(entry(EntryType::Regular, b"directory/\xff", USER)), "directory/\u{fffd} is no name");
    check(&with(entry(EntryType::Directory, b"../evil/", b"")), "../evil/ is no name");
}

#[test]
fn unsafe_names_are_refused_however_they_are_written() {
    let long = format!("directory/{}/../../../../evil", "a".repeat(200));
    check(&with(long_file(&long, USER)), "is no name");
    check(&with(pax_file(&[("path", "../evil")], "directory/harmless", USER)), "../evil is no name");
    check(&with(pax_file(&[("path", "/etc/passwd")], "directory/harmless", USER)), "/etc/passwd is no name");
    check(&with(long_file("directory/a\0b", USER)), "is no name");
}

#[test]
fn the_connectors_own_names_are_refused() {
    let freeswitch = |name: &str| archive(&[file("freeswitch/vars.xml", b""), file(name, b"create")]);
    for name in ["freeswitch/.fsconnector-journal", "freeswitch/directory/team/.fsconnector-swap-20000.xml"] {
        check_part(Part::FreeSwitch, &freeswitch(name), "is a name that the connector uses itself");
    }
}

#[test]
fn the_archive_of_another_folder_is_refused() {
    let other = archive(&[folder("dialplan/"), file("dialplan/public.xml", b"")]);
    check(&other, "dialplan/ is not below directory/: this is the archive of another folder");
    check(&with(file("dialplan/public.xml", b"")), "dialplan/public.xml is not below directory/");
    check(&archive(&[file("directory", b"")]), "directory is not below directory/");
    check_part(Part::Conferences, &archive(&[file("dialplan/conferences/1.xml", b"")]), "is not below conferences/");
}

#[test]
fn a_name_that_is_there_twice_or_is_two_things_is_refused() {
    check(&with(file("directory/team/20000.xml", USER)), "directory/team/20000.xml is in the archive twice");
    check(&with(folder("directory/team/20000.xml/")), "is a file and a folder");
    check(&with(file("directory/team/20000.xml/inside", b"")), "directory/team/20000.xml is a file and a folder");
    check(&with(file("directory/team", b"")), "directory/team is a file and a folder");
    check(&with(folder("./directory")), "directory is in the archive twice");
}

#[test]
fn a_file_where_the_tree_has_a_folder_is_refused_and_the_other_way_round() {
    let files = |names: &[&str]| archive(&names.iter().map(|name| file(name, b"")).collect::<Vec<_>>());
    check(&files(&["directory/team"]), "directory/team is a file in the archive and a folder in the tree");
    check(&files(&["directory/default.xml/a"]), "directory/default.xml is a file in the archive and a folder");
}

#[test]
fn a_damaged_archive_is_refused_wherever_it_breaks_off() {
    let whole = with(file("directory/.notes", &[7; 5000]));
    for length in 0..whole.len() {
        let trees = RealTrees::new(&tree(&[("directory/a", "")]));
        trees.put_archive(Part::Directory, &whole[..length]);
        check_words(trees.restore(Part::Directory).unwrap_err(), "the archive is damaged");
        assert_eq!(trees.found(), tree(&[("directory/a", "")]));
    }
    for length in (0..whole.len()).step_by(50) {
        check(&whole[..length], "the archive is damaged");
    }
}

#[test]
fn an_archive_that_was_packed_when_it_had_broken_off_is_refused() {
    let whole = tar(&[folder("directory/"), file("directory/a", b"content"), file("directory/zeros", &[0; 3000])]);
    for length in (0..whole.len()).step_by(100) {
        let trees = RealTrees::new(&tree(&[("directory/a", "")]));
        trees.put_archive(Part::Directory, &gzip(&whole[..length]));
        assert!(matches!(trees.restore(Part::Directory), Err(FileError::Unfit(_))), "{length}");
        assert_eq!(trees.found(), tree(&[("directory/a", "")]));
    }
    check(&gzip(&whole[..whole.len() - 512]), "it ends too early");
    check(&gzip(&whole[..whole.len() - 1024]), "it ends too early");
}

#[test]
fn any_flipped_bit_is_noticed_unless_it_means_nothing() {
    let whole = with(file("directory/.notes", b"notes"));
    let restored = |archive: &[u8]| {
        let trees = RealTrees::new(&tree(&[("directory/a", "")]));
        trees.put_archive(Part::Directory, archive);
        let result = trees.restore(Part::Directory);
        (result.map(drop), trees.found())
    };
    let (_, expected) = restored(&whole);
    let mut unnoticed = 0;
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        match restored(&damaged) {
            (Ok(()), found) => {
                unnoticed += 1;
                assert_eq!(found, expected, "{at}");
            }
            (Err(error), found) => {
                assert!(matches!(error, FileError::Unfit(_)), "{at} {error}");
                assert_eq!(found, tree(&[("directory/a", "")]));
            }
        }
    }
    // A time and the operating system in the first bytes, and codes for bytes that do not occur.
    assert!(unnoticed < whole.len() / 4, "{unnoticed}");
}

#[test]
fn garbage_is_refused_in_the_place_of_an_archive_and_behind_one() {
    check(b"", "the archive is damaged");
    check(b"no archive at all", "the archive is damaged");
    check(&gzip(b"no archive at all"), "the archive is damaged");
    check(&gzip(&[b'x'; 4096]), "the archive is damaged");
    check(&gzip(&[0; 4096]), "there is no file");
    let whole = with(file("directory/.notes", b"notes"));
    check(&[&whole[..], b"x"].concat(), "something follows its end");
    check(&[&whole[..], &whole].concat(), "something follows its end");
    let inside = tar(&[file("directory/a", b"")]);
    check(&gzip(&[&inside[..], b"x"].concat()), "something follows its end");
    check(&gzip(&[inside.clone(), inside].concat()), "something follows its end");
}

#[test]
fn an_archive_without_a_file_is_refused() {
    check(&archive(&[]), "there is no file in the archive");
    check(&archive(&[folder("directory/"), folder("directory/team/")]), "there is no file in the archive");
    let only_file_systems = archive(&[folder("freeswitch/"), file("freeswitch/lost+found/#12", USER)]);
    check_part(Part::FreeSwitch, &only_file_systems, "there is no file in the archive");
}

#[test]
fn xml_that_does_not_parse_is_refused_with_its_place() {
    let broken = b"<include>\n <user id=\"secret\">\n  <params>\n </user>\n</include>\n";
    check(
        &with(file("directory/team/broken.xml", broken)),
        "directory/team/broken.xml would not parse: line 4: a closing",
    );
    let conference = archive(&[file("conferences/30000.xml", b"<extension>")]);
    check_part(Part::Conferences, &conference, "dialplan/conferences/30000.xml would not parse: line 1");
    let all = archive(&[file("freeswitch/dialplan/public.xml", b"</context>")]);
    check_part(Part::FreeSwitch, &all, "dialplan/public.xml would not parse: line 1");
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0; 64 << 20];
    check(&archive(&[file("directory/large", &[&zeros[..], b"0"].concat())]), "directory/large has more than 64 MiB");
    let many: Vec<Vec<u8>> = (0..9).map(|number| file(&format!("directory/{number}"), &zeros)).collect();
    check(&archive(&many), "the files have more than 512 MiB");
}

#[test]
fn sizes_that_are_only_claimed_are_refused() {
    for size in [1 << 20, 1 << 30, 1 << 60, u64::MAX] {
        check(&archive(&[entry_of_size(EntryType::Regular, b"directory/a", b"", size)]), "");
        check(&archive(&[entry_of_size(EntryType::Directory, b"directory/a", b"", size)]), "");
        check(&archive(&[entry_of_size(EntryType::GNULongName, b"././@LongLink", b"", size)]), "");
        check(&archive(&[pax_file(&[("size", &size.to_string())], "directory/a", b"")]), "");
    }
}

#[test]
fn long_names_and_other_headers_cannot_fill_the_memory() {
    let long = vec![b'a'; 1 << 20];
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        check(&with(entry(kind, b"long", &long)), "the archive is damaged");
    }
}

#[test]
fn too_many_and_too_deep_entries_are_refused() {
    let many: Vec<Vec<u8>> = (0..=250_000).map(|number| folder(&format!("directory/{number}/"))).collect();
    check(&archive(&many), "there are more than 250000 files and folders");
    let deep = format!("directory/{}file", "a/".repeat(32));
    check(&archive(&[long_file(&deep, b"")]), "is deeper than 32 folders");
}
