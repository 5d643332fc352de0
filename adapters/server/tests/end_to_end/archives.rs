//! Store and restore: what was stored comes back, or nothing changes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::connector::Connector;
use crate::curl::Curl;
use crate::stage::{ADMIN, ADMINS_PIN, Stage};

const ARCHIVE: &str = "store/directory.tar.gz";

fn anna() -> Value {
    json!([{"name": "anna", "email": "anna@example.org", "context": "friends"}])
}

/// Has a user made, the directory stored, and the user removed again.
fn stored(stage: &Stage) -> Option<(Connector, Curl)> {
    let connector = stage.ready();
    let curl = Curl::of(&connector)?;
    curl.post(ADMIN, "/api/users/add", &anna());
    store(curl, "directory");
    curl.post(ADMIN, "/api/users/del", &json!([{"id": "21000"}]));
    Some((connector, curl))
}

fn store(curl: Curl, part: &str) {
    let answer = curl.get(ADMIN, &format!("/api/store/{part}")).json();
    let archive = format!("store/{part}.tar.gz");
    assert_eq!(answer, json!({"op": format!("store/{part}"), "done": archive, "failed": ""}));
}

/// What restoring says has failed.
fn refused(curl: Curl) -> String {
    let answer = curl.get(ADMIN, "/api/restore/directory").json();
    assert_eq!((&answer["op"], &answer["done"]), (&json!("restore/directory"), &json!("")), "{answer}");
    answer["failed"].as_str().unwrap().to_owned()
}

fn tar(arguments: &[&str]) {
    assert!(Command::new("tar").args(arguments).status().unwrap().success());
}

/// Makes `archive` of what `fill` puts into a folder.
fn archive(archive: &Path, fill: impl Fn(&Path)) {
    let scratch = tempfile::tempdir().unwrap();
    fill(scratch.path());
    let top = fs::read_dir(scratch.path()).unwrap().next().unwrap().unwrap().file_name();
    tar(&["-czf", archive.to_str().unwrap(), "-C", scratch.path().to_str().unwrap(), top.to_str().unwrap()]);
}

fn write(folder: &Path, file: &str, content: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn every_part_is_stored_in_an_archive_that_tar_can_read() {
    let stage = Stage::new();
    stage.write(".hidden", "x");
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    for (part, file, content_of) in [
        ("directory", "directory/team/20000.xml", "directory/team/20000.xml"),
        ("dialplan", "dialplan/conferences/30000.xml", "dialplan/conferences/30000.xml"),
        ("conferences", "conferences/30000.xml", "dialplan/conferences/30000.xml"),
        ("freeswitch", "freeswitch/vars.xml", "vars.xml"),
    ] {
        store(curl, part);
        let path = stage.static_path(&format!("store/{part}.tar.gz"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let scratch = tempfile::tempdir().unwrap();
        tar(&["-xzf", path.to_str().unwrap(), "-C", scratch.path().to_str().unwrap()]);
        let (unpacked, there) =
            (fs::read(scratch.path().join(file)).unwrap(), fs::read(stage.path(content_of)).unwrap());
        assert_eq!(unpacked, there, "{part}");
    }
    let unknown = curl.get(ADMIN, "/api/store/secrets").json();
    assert_eq!((&unknown["op"], &unknown["done"]), (&json!("store/secrets"), &json!("")));
    assert!(!unknown["failed"].as_str().unwrap().is_empty());
}

#[test]
fn the_same_tree_gives_the_same_archive_and_five_earlier_ones_are_kept() {
    let stage = Stage::new();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    store(curl, "directory");
    let first = fs::read(stage.static_path(ARCHIVE)).unwrap();
    store(curl, "directory");
    assert_eq!(fs::read(stage.static_path(ARCHIVE)).unwrap(), first);
    for _ in 0..7 {
        store(curl, "directory");
    }
    let archives = || {
        let entries = fs::read_dir(stage.static_path("store")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let names = archives();
    let is_kept = |name: &&String| name.starts_with("directory.2") && name.ends_with("Z.tar.gz");
    assert_eq!(names.iter().filter(is_kept).count(), 5, "{names:?}");
    assert_eq!(names.len(), 6, "{names:?}");
    assert_eq!(curl.get(ADMIN, "/store/directory.tar.gz").status, 404, "archives are not served");
}

#[test]
fn what_was_stored_is_restored_and_the_switch_shows_it() {
    let stage = Stage::new();
    let Some((connector, curl)) = stored(&stage) else { return };
    fs::set_permissions(stage.path("directory/default.xml"), fs::Permissions::from_mode(0o640)).unwrap();
    store(curl, "conferences");
    curl.post(ADMIN, "/api/conferences/del", &json!([{"num": "30000"}]));
    let restored = curl.run(ADMIN, "/api/restore/directory", &["--request", "POST"]).json();
    assert_eq!(restored, json!({"op": "restore/directory", "done": "directory", "failed": ""}));
    assert_eq!(connector.user_ids(ADMIN), ["20000", "21000"]);
    assert_eq!(stage.names("directory/friends"), [".gitkeep", "21000.xml"]);
    let restored = curl.get(ADMIN, "/api/restore/conferences").json();
    assert_eq!(restored, json!({"op": "restore/conferences", "done": "dialplan/conferences", "failed": ""}));
    assert_eq!(curl.get(ADMIN, "/api/conferences/bynum/30000").json()["conferences"][0]["name"], "team");
    let leftovers: Vec<_> = stage.tree().into_keys().filter(|path| path.to_string_lossy().contains("/.fs")).collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn the_whole_tree_is_restored_and_what_came_later_is_gone() {
    let stage = Stage::new();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    store(curl, "freeswitch");
    let before = stage.tree();
    curl.post(ADMIN, "/api/users/add", &anna());
    stage.write("vars.xml", fs::read_to_string(stage.path("vars.xml")).unwrap().replace(ADMINS_PIN, "22222222"));
    let restored = curl.get(ADMIN, "/api/restore/freeswitch").json();
    assert_eq!(restored, json!({"op": "restore/freeswitch", "done": ".", "failed": ""}));
    assert_eq!(stage.tree(), before);
    assert_eq!(connector.user_ids(ADMIN), ["20000"]);
    assert_eq!(curl.get(ADMIN, "/api/info").json()["globals"]["modconpin"], ADMINS_PIN);
}

#[test]
fn a_link_in_the_tree_makes_storing_fail_and_is_named() {
    let stage = Stage::new();
    symlink("/etc/passwd", stage.path("directory/team/link.xml")).unwrap();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    let answer = curl.get(ADMIN, "/api/store/directory").json();
    assert_eq!(answer["done"], "");
    assert!(answer["failed"].as_str().unwrap().contains("directory/team/link.xml"), "{answer}");
    assert!(!stage.static_path(ARCHIVE).exists());
}

#[test]
fn an_archive_that_is_not_sound_changes_nothing() {
    let stage = Stage::new();
    let Some((_connector, curl)) = stored(&stage) else { return };
    let before = stage.tree();
    let path = stage.static_path(ARCHIVE);
    let sound = fs::read(&path).unwrap();
    let check = |what: &str| {
        let words = refused(curl);
        assert!(!words.is_empty() && !words.contains(stage.path("").to_str().unwrap()), "{what}: {words}");
        assert!(stage.tree() == before, "{what}: the tree has changed");
        words
    };
    for end in [0, 1, 20, sound.len() / 2, sound.len() - 9, sound.len() - 1] {
        fs::write(&path, &sound[..end]).unwrap();
        check(&format!("cut at {end}"));
    }
    fs::write(&path, "no archive at all, but words").unwrap();
    check("garbage");
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 1;
    fs::write(&path, flipped).unwrap();
    check("a bit");
    archive(&path, |folder| write(folder, "dialplan/conferences/30000.xml", "<include/>"));
    assert!(check("of another folder").contains("dialplan"));
    archive(&path, |folder| write(folder, "directory/team/20000.xml", "<include><user></include>"));
    assert!(check("XML that does not parse").contains("directory/team/20000.xml"));
    archive(&path, |folder| {
        write(folder, "directory/default.xml", "<include/>");
        symlink("/etc/passwd", folder.join("directory/link.xml")).unwrap();
    });
    assert!(check("a link").contains("directory/link.xml"));
    let scratch = tempfile::tempdir().unwrap();
    write(scratch.path(), "directory/x.xml", "<include/>");
    let inner = scratch.path().join("directory");
    for name in ["s#^x#../x#", "s#^x#/tmp/x#", "s#^x#directory/../../x#"] {
        tar(&["-czPf", path.to_str().unwrap(), "--transform", name, "-C", inner.to_str().unwrap(), "x.xml"]);
        check(name);
    }
    fs::remove_file(&path).unwrap();
    check("none");
    fs::write(&path, sound).unwrap();
    assert_eq!(curl.get(ADMIN, "/api/restore/directory").json()["failed"], "");
}

#[test]
fn a_bomb_changes_nothing_and_takes_no_room() {
    let stage = Stage::new();
    let Some((_connector, curl)) = stored(&stage) else { return };
    let before = stage.tree();
    let path = stage.static_path(ARCHIVE);
    // A file of a thousand million zeros is a few million bytes when packed.
    let bomb =
        format!("truncate -s 1000000000 directory/x.xml && tar -cf - directory | gzip -1 > {}", path.to_string_lossy());
    let scratch = tempfile::tempdir().unwrap();
    fs::create_dir(scratch.path().join("directory")).unwrap();
    assert!(Command::new("sh").args(["-c", &bomb]).current_dir(scratch.path()).status().unwrap().success());
    assert!(!refused(curl).is_empty());
    assert!(stage.tree() == before);
}

#[test]
fn what_the_switch_rejects_is_taken_back() {
    let stage = Stage::new();
    let Some((connector, curl)) = stored(&stage) else { return };
    // Somebody's edit in another folder, which the switch meets when it reloads.
    stage.write("dialplan/conferences/broken.xml", "<extension>\n");
    let before = stage.tree();
    let words = refused(curl);
    assert!(words.contains("[error near line"), "{words}");
    assert!(stage.tree() == before);
    assert_eq!(connector.user_ids(ADMIN), ["20000"]);
    fs::remove_file(stage.path("dialplan/conferences/broken.xml")).unwrap();
    assert_eq!(curl.get(ADMIN, "/api/restore/directory").json()["failed"], "");
    assert_eq!(connector.user_ids(ADMIN), ["20000", "21000"]);
}

#[test]
fn a_full_disk_leaves_the_tree_as_it_was() {
    let Some(stage) = Stage::on_volume(4 << 20) else { return };
    let Some((connector, curl)) = stored(&stage) else { return };
    let before = stage.tree();
    archive(&stage.static_path(ARCHIVE), |folder| {
        for id in 0..2000 {
            let text = format!("<include>\n<!-- {} -->\n</include>\n", "x".repeat(4000));
            write(folder, &format!("directory/team/{id}.xml"), &text);
        }
    });
    let words = refused(curl);
    assert!(words.contains("No space left"), "{words}");
    assert!(stage.tree() == before);
    connector.post(ADMIN, "/api/users/add", &anna());
    assert_eq!(connector.user_ids(ADMIN), ["20000", "21000"], "there is room again");
}

#[test]
fn the_root_of_the_tree_may_be_a_mount_point_of_somebody_else() {
    let Some(stage) = Stage::on_volume(16 << 20) else { return };
    chown(stage.path(""), Some(4711), Some(4711)).unwrap();
    fs::set_permissions(stage.path(""), fs::Permissions::from_mode(0o751)).unwrap();
    let root = || {
        let metadata = fs::metadata(stage.path("")).unwrap();
        (metadata.dev(), metadata.ino(), metadata.uid(), metadata.mode())
    };
    let before = root();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    store(curl, "freeswitch");
    connector.post(ADMIN, "/api/users/add", &anna());
    assert_eq!(curl.get(ADMIN, "/api/restore/freeswitch").json()["failed"], "");
    assert_eq!((connector.user_ids(ADMIN), root()), (vec!["20000".to_owned()], before));
}
