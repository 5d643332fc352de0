//! Real clients log in.

mod stage;

use stage::{Stage, sample};

fn as_user(name: &str) -> String {
    format!("{name}:{}", sample::PASSWORD)
}

#[test]
fn curl_reads_the_users() {
    let stage = Stage::new();
    let Some(body) = stage.curl(&["--digest", "--user", &as_user("anna")], "/api/users") else { return };
    assert!(body.starts_with(r#"{"op":"users","info":{"total":3,"#), "{body}");
}
