//! Real clients log in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod stage;

use std::process::Command;
use std::sync::Arc;

use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{State, User, UserId, Users};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use stage::{Stage, sample};

const AWKWARD: [(&str, &str); 7] = [
    ("Jürgen", "ü"),
    ("日本", "語 "),
    (r#"Anna "The Boss" & Söhne"#, r#"qu"ote"#),
    (r"back\slash", r"\"),
    (r"b\c", "other"),
    ("bc", "one"),
    ("a,b=c; d%41 😀", "p:w:"),
];

/// A state whose users have names and passwords that are hard to send.
fn awkward_state() -> Arc<State> {
    let mut state = State::clone(&sample::state());
    let user = |(index, (name, password)): (usize, &(&str, &str))| User {
        id: UserId::parse(&(20_000 + index).to_string()).unwrap(),
        password: Secret::new(*password),
        conpin: Secret::default(),
        context: "team".into(),
        name: (*name).into(),
        email: "".into(),
        polymac: "none".into(),
    };
    state.users = Arc::new(Users::new(AWKWARD.iter().enumerate().map(user).collect(), &state.config));
    Arc::new(state)
}

#[test]
fn curl_reads_the_users() {
    let stage = Stage::new();
    let user = format!("anna:{}", sample::PASSWORD);
    let Some(body) = stage.curl(&["--digest", "--user", &user], "/api/users") else { return };
    assert!(body.starts_with(r#"{"op":"users","info":{"total":3,"#), "{body}");
}

#[test]
fn curl_logs_in_with_every_name() {
    let stage = Stage::new();
    stage.current.publish(awkward_state());
    for (name, password) in AWKWARD {
        let Some(body) = stage.curl(&["--digest", "--user", &format!("{name}:{password}")], "/userinfo?x=%22y") else {
            return;
        };
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(json["name"], name, "{body}");
    }
}

#[test]
fn curl_reads_several_things_over_one_connection() {
    let stage = Stage::new();
    let user = format!("gast:{}", sample::PASSWORD);
    let again = format!("http://{}/userinfo", stage.address);
    let arguments = ["--digest", "--user", &user, "--write-out", " %{http_code} %{num_connects}\n", &again, &again];
    let Some(output) = stage.curl(&arguments, "/pubxml") else { return };
    let statistics: Vec<&str> = output.lines().filter_map(|line| line.rsplit_once("} ").map(|(_, end)| end)).collect();
    assert_eq!(statistics.len(), 3, "{output}");
    assert!(statistics.iter().all(|end| end.starts_with("200 ")), "{output}");
    assert_eq!(statistics.iter().filter(|end| end.ends_with(" 1")).count(), 1, "{output}");
}

#[test]
fn curl_gets_a_401_for_a_wrong_password_and_for_other_schemes() {
    let stage = Stage::new();
    for scheme in ["--digest", "--basic"] {
        let arguments = [scheme, "--user", "anna:wrong", "--output", "/dev/null", "--write-out", "%{http_code}"];
        let Some(status) = stage.curl(&arguments, "/api/users") else { return };
        assert_eq!(status, "401", "{scheme}");
    }
}

#[test]
fn chromium_logs_in_and_shows_the_start_page() {
    let stage = Stage::new();
    stage.current.publish(awkward_state());
    for (name, password) in [AWKWARD[0], AWKWARD[1], AWKWARD[2], AWKWARD[3]] {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let url = format!("http://{}:{}@{}/", encoded(name), encoded(password), stage.address);
        let profile = tempfile::tempdir().unwrap();
        let output = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--dump-dom",
                "--timeout=20000",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(&url)
            .output();
        // Skipped where there is no Chromium.
        let Ok(output) = output else { return };
        let html = String::from_utf8_lossy(&output.stdout);
        let shown = name.replace('&', "&amp;");
        assert!(html.contains(&format!("<strong>{shown}</strong>")), "{name}: {html}");
    }
}

#[test]
fn python_requests_logs_in_with_a_plain_name() {
    let stage = Stage::new();
    let script = "import sys, requests\n\
        auth = requests.auth.HTTPDigestAuth('anna', sys.argv[2])\n\
        session = requests.Session()\n\
        answers = [session.get(sys.argv[1], auth=auth) for _ in range(3)]\n\
        print([answer.status_code for answer in answers], answers[-1].json()['op'])\n";
    let url = format!("http://{}/api/users", stage.address);
    let output = Command::new("python3").args(["-c", script, &url, sample::PASSWORD]).output();
    // Skipped where there is no Python, or none with this library.
    let Ok(output) = output else { return };
    if String::from_utf8_lossy(&output.stderr).contains("ModuleNotFoundError") {
        return;
    }
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(stdout.trim(), "[200, 200, 200] users", "{stderr}");
}
