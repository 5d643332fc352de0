//! Real clients log in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod narrow;
mod stage;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use fsconnector_disk::Root;
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{State, User, UserId, Users};
use fsconnector_http::GateConfig;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use stage::{Stage, sample};
use tempfile::TempDir;

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
fn curl_logs_in_with_every_name_and_either_algorithm() {
    let stage = Stage::new();
    stage.current.publish(awkward_state());
    for refused in ["MD5", "SHA-256", "none"] {
        let address = narrow::without(refused, stage.address);
        for (name, password) in AWKWARD {
            let user = format!("{name}:{password}");
            let Some(body) = stage::curl(address, &["--digest", "--user", &user], "/userinfo?x=%22y") else { return };
            let json: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(json["name"], name, "without {refused}: {body}");
        }
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

/// What a page looks like in Chromium when all that it does has happened; nothing if that is not installed.
fn browse(url: &str) -> Option<String> {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom"])
        .args(["--timeout=30000", "--virtual-time-budget=10000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .output();
    output.ok().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The URL of the root, with a name and a password.
fn url_with(name: &str, password: &str, address: SocketAddr) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    format!("http://{}:{}@{address}/", encoded(name), encoded(password))
}

#[test]
fn chromium_logs_in_and_shows_the_start_page() {
    let stage = Stage::new();
    stage.current.publish(awkward_state());
    for (at, refused) in [(0, "MD5"), (1, "SHA-256"), (2, "none"), (3, "none")] {
        let (name, password) = AWKWARD[at];
        let address = narrow::without(refused, stage.address);
        // Skipped where there is no Chromium.
        let Some(html) = browse(&url_with(name, password, address)) else { return };
        let shown = name.replace('&', "&amp;");
        assert!(html.contains(&format!("<strong>{shown}</strong>")), "{name}: {html}");
    }
}

/// A gate with a web client that is this page, and two dozen scripts, each of which counts.
fn with_web_client(page: &str) -> (TempDir, Stage) {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("phone")).unwrap();
    fs::write(tree.path().join("phone/index.html"), page).unwrap();
    for number in 0..24 {
        fs::write(tree.path().join(format!("phone/{number}.js")), "window.count = (window.count || 0) + 1;").unwrap();
    }
    let files = Some(Arc::new(Root::open_folder(tree.path()).unwrap()));
    let stage = Stage::with(GateConfig { files, ..GateConfig::default() });
    (tree, stage)
}

#[test]
fn a_page_in_chromium_loads_many_things_at_once_and_may_change_something() {
    let scripts = (0..24).fold(String::new(), |page, number| format!("{page}<script async src={number}.js></script>"));
    let page = format!(
        "<!doctype html><p id=said></p>{scripts}<script>
        // Not relative to the page: its URL holds the password, and `fetch` takes no such.
        const ask = (path, more) => fetch(location.origin + path, more);
        const post = {{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: '[]'}};
        onload = async () => {{
            const answers = [];
            for (let turn = 0; turn < 3; turn++) {{
                const asked = [ask('/api/users/add', post), ask('/api/users/rebuild')];
                for (let n = 0; n < 8; n++) asked.push(ask('/userinfo?' + turn + n));
                answers.push(...await Promise.all(asked));
            }}
            said.textContent = window.count + ' ' + answers.filter(answer => answer.ok).length;
        }};
        </script>"
    );
    let (_tree, stage) = with_web_client(&page);
    stage.with_engine(|| {
        let Some(html) = browse(&url_with("anna", sample::PASSWORD, stage.address)) else { return };
        assert!(html.contains(r#"<p id="said">24 30"#), "{html}");
    });
}

#[test]
fn a_page_of_another_web_site_in_chromium_changes_nothing() {
    // It lies within a page of ours, so that the browser knows name and password.
    let evil = |address: SocketAddr| {
        format!(
            "<!doctype html><img src='http://{address}/api/users/rebuild'><script>
            const how = {{credentials: 'include', mode: 'no-cors'}};
            const ask = (path, more) => fetch('http://{address}' + path, {{...how, ...more}}).catch(() => 0);
            Promise.all([
                ask('/api/users/rebuild'),
                ask('/api/users/rebuild', {{method: 'POST'}}),
                ask('/api/users/add', {{method: 'POST', headers: {{'Content-Type': 'text/plain'}}, body: '[]'}}),
                ask('/api/users/add', {{method: 'POST', mode: 'cors', body: '[]',
                    headers: {{'Content-Type': 'application/json'}}}}),
                ask('/userinfo', {{mode: 'cors'}}).then(answer => answer && answer.text()),
            ]).then(all => parent.postMessage('tried ' + all[4], '*'));
            </script>"
        )
    };
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = format!(
        "<!doctype html><p id=said>nothing<iframe src='http://{}/'></iframe>
        <script>onmessage = message => said.textContent = message.data</script>",
        other.local_addr().unwrap()
    );
    let (_tree, stage) = with_web_client(&page);
    let evil = evil(stage.address);
    thread::spawn(move || {
        for mut client in other.incoming().flatten() {
            let _ = client.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n", evil.len());
            let _ = write!(client, "{head}Content-Type: text/html\r\n\r\n{evil}");
        }
    });
    let Some(html) = browse(&url_with("anna", sample::PASSWORD, stage.address)) else { return };
    assert!(html.contains(r#"<p id="said">tried 0"#), "{html}");
    assert!(stage.asked.is_empty(), "the engine was asked for something");
}

/// Runs a script with these arguments; nothing if there is no Python, or none with `requests`.
#[allow(clippy::print_stdout, reason = "a note for whoever looks at the output of tests")]
fn python(script: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new("python3").args(["-c", script]).args(arguments).output().ok()?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if stderr.contains("ModuleNotFoundError") {
        println!("skipped: this Python has no `requests`");
        return None;
    }
    assert!(output.status.success(), "{stderr}");
    Some(stdout.trim().to_owned())
}

#[test]
fn python_requests_logs_in_with_either_algorithm_and_keeps_its_session() {
    let script = "import sys, requests\n\
        session = requests.Session()\n\
        session.auth = requests.auth.HTTPDigestAuth('anna', sys.argv[2])\n\
        answers = [session.get(sys.argv[1] + '/api/users') for _ in range(3)]\n\
        answers += [session.post(sys.argv[1] + '/api/users/add', json=[]) for _ in range(2)]\n\
        print([answer.status_code for answer in answers], answers[0].json()['op'])\n";
    let stage = Stage::new();
    stage.with_engine(|| {
        for refused in ["MD5", "SHA-256", "none"] {
            let url = format!("http://{}", narrow::without(refused, stage.address));
            let Some(said) = python(script, &[&url, sample::PASSWORD]) else { return };
            assert_eq!(said, "[200, 200, 200, 200, 200] users", "without {refused}");
        }
    });
}

#[test]
fn python_requests_logs_in_with_every_name_that_it_can_send() {
    // It sends names as Latin-1, and knows no way for others.
    let script = "import sys, requests\n\
        auth = requests.auth.HTTPDigestAuth(sys.argv[2], sys.argv[3])\n\
        print(requests.get(sys.argv[1], auth=auth).json()['id'])\n";
    let stage = Stage::new();
    stage.current.publish(awkward_state());
    let url = format!("http://{}/userinfo", stage.address);
    for (at, (name, password)) in AWKWARD.into_iter().enumerate() {
        // `b\c` unescaped is `bc`, and that is somebody else.
        if name.chars().all(|character| u32::from(character) < 256) && name != r"b\c" {
            let Some(said) = python(script, &[&url, name, password]) else { return };
            assert_eq!(said, (20_000 + at).to_string(), "{name}");
        }
    }
}
