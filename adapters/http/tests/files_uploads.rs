//! What phones upload.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod files_stage;
mod samples;
mod stage;

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use files_stage::{Archive, PHONE_OF_ANNA, PHONE_OF_MIKE, json, names_in, put};
use fsconnector_disk::{LARGEST_LOG, MOST_FILES, NoStaticTree, TreePath, UploadError, UploadName, Uploaded};
use fsconnector_engine::files::FileError;
use fsconnector_engine::mac::Mac;
use fsconnector_engine::path::RelPath;
use fsconnector_http::{GateConfig, Limits, Uploads};
use samples::sample;
use serde_json::json;
use stage::wait_until;

/// The content of a file of the static tree.
fn content(archive: &Archive, path: &str) -> Vec<u8> {
    fs::read(archive.tree.path().join(path)).unwrap()
}

#[test]
fn a_phone_writes_its_files_anew_and_continues_its_log() {
    let archive = Archive::new();
    let mut client = archive.stage.connect();
    for (name, answered, contents) in [
        (format!("{PHONE_OF_MIKE}-directory.xml"), "written", ["<a/>", "<b/>", "<b/>"]),
        (format!("{PHONE_OF_MIKE}-phone.cfg"), "written", ["1", "", "22"]),
        (format!("{PHONE_OF_MIKE}-boot.log"), "written", ["1", "2", "3"]),
        (format!("{PHONE_OF_MIKE}-app.log"), "appended", ["1\n", "2\n", "3\n"]),
    ] {
        let mut expected = String::new();
        for text in contents {
            let answer = put(&mut client, "mike", &format!("/polycom/{name}"), "", text.as_bytes());
            assert_eq!((answer.status, json(&answer)), (200, json!({answered: name})));
            expected = if answered == "appended" { expected + text } else { text.to_owned() };
            assert_eq!(content(&archive, &format!("polycom/{PHONE_OF_MIKE}/{name}")), expected.as_bytes());
            assert_eq!(client.get("mike", &format!("/polycom/{name}")).text(), expected);
        }
    }
}

#[test]
fn every_role_uploads_to_its_own_phone_only() {
    let archive = Archive::new();
    let mut client = archive.stage.connect();
    let target = format!("/polycom/{PHONE_OF_ANNA}-directory.xml");
    for (user, status) in [("anna", 200), ("mike", 200), ("gast", 404), ("gabi", 404)] {
        let answer = put(&mut client, user, &target, "", user.as_bytes());
        assert_eq!(answer.status, status, "{user}: {answer:?}");
        if status != 200 {
            archive.assert_problem(&answer, status, user);
        }
    }
    let of = |phone| content(&archive, &format!("polycom/{phone}/{PHONE_OF_ANNA}-directory.xml"));
    assert_eq!((of(PHONE_OF_ANNA), of(PHONE_OF_MIKE)), (b"anna".to_vec(), b"mike".to_vec()));
    assert_eq!(names_in(&archive.tree.path().join("polycom")), [PHONE_OF_ANNA, PHONE_OF_MIKE]);
    client.send(&format!("PUT {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"));
    assert_eq!(client.answer(false).status, 401);
}

#[test]
fn a_name_that_is_not_plain_is_refused() {
    let archive = Archive::new();
    let mut client = archive.stage.connect();
    let too_long = "x".repeat(129);
    for name in ["..", "%2e%2e", ".hidden", "a%2Fb", "..%2Fx", "a%5Cb", "a%00", "a%0Ab", "a%20b", "%C3%BC", &too_long] {
        let target = format!("/polycom/{name}");
        archive.assert_problem(&put(&mut client, "mike", &target, "", b"x"), 400, &target);
    }
    for target in ["/polycom/a/b", "/polycom/../x", "/polycom/", "/polycom"] {
        let answer = put(&mut client, "mike", target, "", b"x");
        archive.assert_problem(&answer, 404, target);
    }
    assert_eq!(put(&mut client, "mike", "/polycom/Config/site.cfg", "", b"x").status, 405);
    assert!(names_in(archive.tree.path()).iter().all(|name| name.starts_with('.')), "nothing was written");
}

#[test]
fn what_is_in_the_way_stays() {
    let archive = Archive::new();
    let folder = archive.tree.path().join("polycom").join(PHONE_OF_MIKE);
    archive.put("outside", "secret");
    fs::create_dir_all(folder.join("folder")).unwrap();
    symlink(archive.tree.path().join("outside"), folder.join("link")).unwrap();
    symlink(archive.tree.path().join("outside"), folder.join("link-app.log")).unwrap();
    let mut client = archive.stage.connect();
    for name in ["folder", "link", "link-app.log"] {
        archive.assert_problem(&put(&mut client, "mike", &format!("/polycom/{name}"), "", b"x"), 503, name);
    }
    assert_eq!(content(&archive, "outside"), b"secret");
    assert_eq!(names_in(&folder), ["folder", "link", "link-app.log"]);
    let anna = archive.tree.path().join("polycom").join(PHONE_OF_ANNA);
    symlink(&folder, &anna).unwrap();
    archive.assert_problem(&put(&mut client, "anna", "/polycom/x", "", b"x"), 503, "the folder is a link");
    assert_eq!(names_in(&folder), ["folder", "link", "link-app.log"]);
}

#[test]
fn there_is_only_so_much_room() {
    let archive = Archive::new();
    let mut client = archive.stage.connect();
    let target = "/polycom/x-app.log";
    let large = vec![b'x'; LARGEST_LOG + 1];
    archive.assert_problem(&put(&mut client, "mike", target, "", &large), 413, "larger than a log");
    let authorization = client.authorization("mike", "PUT", "/polycom/x");
    client.send(&format!("PUT /polycom/x HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: 999999999\r\n\r\n"));
    archive.assert_problem(&client.answer(false), 413, "larger than anything");
    let mut client = archive.stage.connect();
    for content in [&large[1..], b"next"] {
        assert_eq!(put(&mut client, "mike", target, "", content).status, 200);
    }
    assert_eq!(client.get("mike", target).text(), "next");
    assert_eq!(client.get("mike", &format!("{target}.1")).body.len(), LARGEST_LOG);
    for number in 0..MOST_FILES - 2 {
        assert_eq!(put(&mut client, "mike", &format!("/polycom/{number}"), "", b"").status, 200);
    }
    archive.assert_problem(&put(&mut client, "mike", "/polycom/one-more", "", b""), 507, "one more");
    assert_eq!(put(&mut client, "mike", "/polycom/0", "", b"again").status, 200, "what is there can be changed");
    assert_eq!(put(&mut client, "anna", "/polycom/one-more", "", b"").status, 200, "others have their own room");
}

#[test]
fn an_upload_is_whole_or_nothing() {
    let archive = Archive::new();
    let mut client = archive.stage.connect();
    let authorization = client.authorization("mike", "PUT", "/polycom/x");
    client.send(&format!("PUT /polycom/x HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: 10\r\n\r\n12345"));
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    client.rest();
    let mut client = archive.stage.connect();
    archive.assert_problem(&client.get("mike", "/polycom/x"), 404, "the body broke off");
    let authorization = client.authorization("mike", "PUT", "/polycom/x");
    client.send(&format!("PUT /polycom/x HTTP/1.1\r\nHost: x\r\n{authorization}\r\n"));
    archive.assert_problem(&client.answer(false), 411, "no length");
    let authorization = client.authorization("mike", "PUT", "/polycom/x");
    client.send(&format!(
        "PUT /polycom/x HTTP/1.1\r\nHost: x\r\n{authorization}Transfer-Encoding: chunked\r\n\r\n3\r\n123\r\n0\r\n\r\n"
    ));
    assert_eq!(client.answer(false).status, 200);
    assert_eq!(client.get("mike", "/polycom/x").text(), "123");
}

#[test]
fn uploads_that_stall_keep_no_changes_waiting() {
    let archive = Archive::with_limits(Limits { bodies_bytes: 100, ..Limits::default() });
    let mut stalled = archive.stage.connect();
    let authorization = stalled.authorization("mike", "PUT", "/polycom/x");
    let most = "x".repeat(98);
    stalled.send(&format!("PUT /polycom/x HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: 99\r\n\r\n{most}"));
    wait_until(|| sample(&archive.stage.gate, "http_lane_requests{lane=\"uploads\"}") == Some(1.0));
    // What came with its head is in memory: there is no room for another upload; for changes there is.
    assert_eq!(put(&mut archive.stage.connect(), "anna", "/polycom/x", "", b"1234").status, 503);
    let mut client = archive.stage.connect();
    assert_eq!(client.post("anna", "/api/recordings/del", r#"[{"file":"x"}]"#).status, 200);
    archive.stage.with_engine(|| {
        assert_eq!(client.post("anna", "/api/users/del", r#"[{"id":"7"}]"#).status, 200);
    });
    stalled.send("x");
    assert_eq!(stalled.answer(false).status, 200);
}

#[test]
fn another_web_site_can_have_nothing_uploaded() {
    let archive = Archive::new();
    let mut client = archive.stage.connect();
    for headers in ["Origin: https://elsewhere.example\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        archive.assert_problem(&put(&mut client, "mike", "/polycom/x", headers, b"x"), 403, headers);
        client = archive.stage.connect();
    }
    archive.assert_problem(&client.get("mike", "/polycom/x"), 404, "nothing was written");
}

/// A disk that always fails in the same way.
#[derive(Debug)]
struct Failing(UploadError);

impl Uploads for Failing {
    fn upload(&self, _: &Mac, _: &UploadName, _: &[u8]) -> Result<Uploaded, UploadError> {
        Err(self.0.clone())
    }
}

#[test]
fn when_the_disk_fails_the_phone_is_told_no_more_than_that() {
    let path = TreePath::in_static(RelPath::parse("polycom/secret").unwrap());
    let failed = UploadError::Failed(FileError::Failed { path, reason: "secret".into() });
    let unreachable = NoStaticTree::Unreachable { path: "/secret".into(), reason: "secret".into() };
    for (error, status) in [
        (failed, 503),
        (UploadError::Unavailable(unreachable), 503),
        (UploadError::TooMany, 507),
        (UploadError::TooLarge, 413),
    ] {
        let uploads: Option<Arc<dyn Uploads>> = Some(Arc::new(Failing(error.clone())));
        let archive = Archive::with(|config| GateConfig { uploads, ..config });
        let answer = put(&mut archive.stage.connect(), "mike", "/polycom/x", "", b"x");
        archive.assert_problem(&answer, status, &error.to_string());
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
        assert!(!answer.text().contains("secret"), "{}", answer.text());
    }
    let archive = Archive::with(|config| GateConfig { uploads: None, ..config });
    archive.assert_problem(&put(&mut archive.stage.connect(), "mike", "/polycom/x", "", b"x"), 503, "nobody");
}
