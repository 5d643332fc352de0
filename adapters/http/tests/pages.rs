//! The web client's files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod stage;

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use fsconnector_disk::Root;
use fsconnector_http::{GateConfig, Limits, Origin};
use stage::Stage;
use tempfile::TempDir;

fn with_files(limits: Limits) -> (TempDir, Stage) {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir_all(tree.path().join("phone/sub")).unwrap();
    fs::write(tree.path().join("secret"), "secret").unwrap();
    let files = Some(Arc::new(Root::open_folder(tree.path()).unwrap()));
    let stage = Stage::with(GateConfig { files, limits, ..GateConfig::default() });
    (tree, stage)
}

fn with_default_limits() -> (TempDir, Stage) {
    with_files(Limits::default())
}

#[test]
fn the_start_page_is_there_until_the_operator_puts_another() {
    let (tree, stage) = with_default_limits();
    let mut client = stage.connect();
    let built_in = client.get("gast", "/");
    assert!(built_in.text().contains("<strong>gast</strong>"), "{}", built_in.text());
    assert!(!built_in.text().contains("/api/users"));
    let policies = built_in.all("content-security-policy");
    assert!(policies.iter().any(|policy| policy.starts_with("default-src 'none';")), "{policies:?}");
    assert!(policies.contains(&"frame-ancestors 'self'"), "{policies:?}");
    assert_eq!(
        (built_in.header("referrer-policy"), built_in.header("cross-origin-opener-policy")),
        (Some("no-referrer"), Some("same-origin"))
    );
    fs::write(tree.path().join("phone/index.html"), "<p>own").unwrap();
    let own = client.get("gast", "/");
    assert_eq!((own.text(), own.header("content-type")), ("<p>own", Some("text/html; charset=utf-8")));
    assert_eq!(client.get("gast", "/index.html").text(), "<p>own");
}

#[test]
fn a_web_client_may_load_and_run_what_it_likes_and_be_framed_where_the_operator_says() {
    let (tree, stage) = with_default_limits();
    fs::write(tree.path().join("phone/index.html"), "<p>own").unwrap();
    let page = stage.connect().get("gast", "/");
    assert_eq!(page.all("content-security-policy"), ["frame-ancestors 'self'"]);
    assert_eq!((page.header("cross-origin-opener-policy"), page.header("referrer-policy")), (None, None));
    assert_eq!(page.header("cross-origin-resource-policy"), Some("same-origin"));

    let origins = ["https://a.example", "http://b.example:81"].map(|origin| Origin::parse(origin).unwrap()).to_vec();
    let files = Some(Arc::new(Root::open_folder(tree.path()).unwrap()));
    let open = Stage::with(GateConfig { files, origins, ..GateConfig::default() });
    let page = open.connect().get("gast", "/");
    assert_eq!(page.all("content-security-policy"), ["frame-ancestors 'self' https://a.example http://b.example:81"]);
    assert_eq!(page.header("cross-origin-resource-policy"), None, "their pages may show its pictures");
    let api = open.connect().get("gast", "/userinfo");
    assert_eq!(api.header("cross-origin-resource-policy"), Some("same-origin"));
}

#[test]
fn nobody_can_pretend_to_be_somebody_else_to_the_handlers() {
    let (_tree, stage) = with_default_limits();
    let page = stage.connect().request("gast", "GET", "/", "Fsconnector-Caller: admin 20000 anna\r\n");
    assert!(page.text().contains("<strong>gast</strong>") && !page.text().contains("anna"), "{}", page.text());
}

#[test]
fn files_are_found_at_their_paths_and_nothing_else_is() {
    let (tree, stage) = with_default_limits();
    let phone = tree.path().join("phone");
    fs::write(phone.join("sub/ä b%.js"), "x()").unwrap();
    fs::write(phone.join(".hidden"), "secret").unwrap();
    symlink(tree.path().join("secret"), phone.join("link")).unwrap();
    symlink(tree.path(), phone.join("way")).unwrap();
    let mut client = stage.connect();
    for target in ["/sub/%C3%A4%20b%25.js", "/sub/ä%20b%25.js", "/sub/%C3%A4%20b%25.js?v=1", "/sub%2F%C3%A4%20b%25.js"]
    {
        let found = client.get("gast", target);
        assert_eq!((found.status, found.text()), (200, "x()"), "{target}");
        assert_eq!(found.header("content-type"), Some("text/javascript; charset=utf-8"));
    }
    for target in [
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/sub/../../secret",
        "//secret",
        "/link",
        "/way/secret",
        "/.hidden",
        "/sub",
        "/sub/",
        "/sub/.",
        "/sub%00",
        "/sub\\x",
        "/secret",
        "/phone/index.html",
        "/%0d%0aX:y",
    ] {
        let answer = client.get("gast", target);
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")), "{target}");
        assert!(!answer.text().contains("secret") && !answer.text().contains(tree.path().to_str().unwrap()));
    }
}

#[test]
fn a_client_that_has_the_version_gets_304() {
    let (tree, stage) = with_default_limits();
    fs::write(tree.path().join("phone/a.css"), "a{}").unwrap();
    let mut client = stage.connect();
    let first = client.get("mike", "/a.css");
    let (tag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    for headers in [format!("If-None-Match: {tag}\r\n"), format!("If-Modified-Since: {date}\r\n")] {
        let again = client.request("mike", "GET", "/a.css", &headers);
        assert_eq!((again.status, again.text(), again.header("etag")), (304, "", Some(tag)), "{headers}");
    }
    fs::write(tree.path().join("phone/a.css"), "b{}b").unwrap();
    let changed = client.request("mike", "GET", "/a.css", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((changed.status, changed.text()), (200, "b{}b"));
}

#[test]
fn a_large_file_arrives_whole_and_its_head_alone_on_request() {
    let (tree, stage) = with_default_limits();
    let content: Vec<u8> = (0..5_000_000u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[2]).collect();
    fs::write(tree.path().join("phone/large.wasm"), &content).unwrap();
    let mut client = stage.connect();
    for _ in 0..3 {
        assert!(client.get("mike", "/large.wasm").body == content);
    }
    let head = client.request("mike", "HEAD", "/large.wasm", "");
    assert_eq!(head.header("content-length"), Some("5000000"));
    assert_eq!(client.get("mike", "/userinfo").status, 200, "the connection goes on");
}

#[test]
fn clients_that_do_not_read_give_their_handlers_back() {
    let write_time = Duration::from_millis(100);
    let (tree, stage) = with_files(Limits { write_time, ..Limits::default() });
    fs::write(tree.path().join("phone/large"), vec![b'x'; 20_000_000]).unwrap();
    fs::write(tree.path().join("phone/small"), "small").unwrap();
    let greedy: Vec<_> = (0..40)
        .map(|_| {
            let mut client = stage.connect();
            let authorization = client.authorization("mike", "GET", "/large");
            client.send(&format!("GET /large HTTP/1.1\r\nHost: x\r\n{authorization}\r\n"));
            client
        })
        .collect();
    // More of them than there are handlers; each is dropped when it does not read, and then it is our turn.
    assert_eq!(stage.connect().get("mike", "/small").text(), "small");
    drop(greedy);
}

#[test]
fn many_clients_read_files_at_once() {
    let (tree, stage) = with_default_limits();
    fs::write(tree.path().join("phone/a.txt"), "abc").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                let mut client = stage.connect();
                for _ in 0..20 {
                    assert_eq!(client.get("gast", "/a.txt").text(), "abc");
                }
            });
        }
    });
}
