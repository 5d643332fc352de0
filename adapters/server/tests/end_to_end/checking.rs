//! What does not fit is named: by `fsconnector check`, and by the program when it starts.

use std::env;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::secrets::Secrets;
use crate::stage::{HOSTNAME, Stage};

/// A user that owns nothing.
const NOBODY: u32 = 65534;

/// The program in the place of a connector for this switch, with some more variables.
fn program(stage: &Stage, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fsconnector"));
    program.args(arguments).env_clear().envs(stage.variables()).envs(variables.iter().copied());
    program
}

/// Everything that it says, and whether it is content. There is no secret in it of what it was told, or has read.
fn said(mut program: Command) -> (bool, String) {
    let output = program.output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{text}");
    if let Some(leak) = secrets_of(&program).search(text.lines()) {
        panic!("{leak}");
    }
    (output.status.success(), text)
}

fn secrets_of(program: &Command) -> Secrets {
    let mut secrets = Secrets::default();
    secrets.add("the event socket's password", "ClueCon");
    secrets.add("a password in a file of the configuration", "hunter2");
    // One may be the tree to check.
    for argument in program.get_args() {
        secrets.read_tree(Path::new(argument));
    }
    for (name, value) in program.get_envs() {
        match (name.to_str(), value) {
            (Some("FSPW"), Some(password)) => secrets.add("the event socket's password", &password.to_string_lossy()),
            (Some("SWITCHCONF"), Some(tree)) => secrets.read_tree(Path::new(tree)),
            _ => {}
        }
    }
    secrets
}

fn check(stage: &Stage, variables: &[(&str, &str)]) -> (bool, String) {
    said(program(stage, &["check"], variables))
}

/// What the check finds under this heading, and nothing else.
#[track_caller]
fn only_finding(stage: &Stage, variables: &[(&str, &str)], heading: &str) -> String {
    let (is_content, report) = check(stage, variables);
    assert!(!is_content && report.contains(": 1 finding in 1 place\n"), "{report}");
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines.first(), Some(&heading), "{report}");
    lines[1].trim_start().to_owned()
}

#[track_caller]
fn assert_content(stage: &Stage, variables: &[(&str, &str)]) {
    let (is_content, report) = check(stage, variables);
    assert!(is_content, "{report}");
}

/// The heading of the switch's findings.
fn switch(stage: &Stage) -> String {
    format!("switch {}", stage.switch.address())
}

/// What the program says that refuses to start.
#[track_caller]
fn refusal(stage: &Stage, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let (is_content, log) = said(program(stage, arguments, variables));
    assert!(!is_content, "{log}");
    log
}

/// Writes a configuration file, and gives its path.
fn configuration(stage: &Stage, text: &str) -> String {
    let path = stage.recording("../fsconnector.toml");
    fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn a_sound_installation_is_found_sound_and_stays_as_it_is_also_while_a_connector_is_at_work() {
    let stage = Stage::with_example();
    let (before, loads) = (stage.tree(), stage.loads());
    let (is_content, report) = check(&stage, &[]);
    let end = format!(" and the {}: nothing to find fault with\n", switch(&stage));
    assert!(is_content && report.starts_with("checked 25 files, 3 users, 3 conferences, what the user "), "{report}");
    assert!(report.ends_with(&end), "{report}");
    assert_eq!((stage.tree(), stage.loads()), (before, loads));
    assert!(!stage.static_path("").exists(), "the check makes nothing");
    let connector = stage.ready();
    let loads = stage.loads();
    assert_content(&stage, &[]);
    assert_eq!(stage.loads(), loads);
    assert_eq!(connector.stop().0, Some(0));
}

#[test]
fn a_tree_alone_is_checked_without_a_switch_and_without_folders() {
    let stage = Stage::with_example();
    stage.switch.kill();
    let tree = stage.path("").to_string_lossy().into_owned();
    let variables = [("SWITCHCONF", "/nowhere"), ("RECPATH", "/nowhere"), ("FASTICERT", "/x"), ("FASTIKEY", "/x")];
    let (is_content, report) = said(program(&stage, &["check", &tree], &variables));
    assert!(is_content, "{report}");
    assert_eq!(report, "checked 25 files, 3 users and 3 conferences: nothing to find fault with\n");
}

#[test]
fn a_switch_that_is_not_there_is_one_finding_and_the_rest_is_checked() {
    let stage = Stage::with_example();
    stage.switch.kill();
    let found = only_finding(&stage, &[], &switch(&stage));
    assert!(found.starts_with("nobody listens there — start the switch, with mod_event_socket"), "{found}");
    fs::remove_dir(stage.recording("")).unwrap();
    stage.write_user("friends", "21001", "", "x");
    let (_, report) = check(&stage, &[]);
    for part in [
        "directory/friends/21001.xml\n",
        "there is no such folder: no recordings are shown — make it",
        "nobody listens",
    ] {
        assert!(report.contains(part), "{report}");
    }
}

#[test]
fn a_tree_that_is_not_there_is_one_finding() {
    let stage = Stage::with_example();
    let found = only_finding(&stage, &[("SWITCHCONF", "/nowhere")], "/nowhere");
    assert!(found.starts_with("there is no such folder: nothing can be changed"), "{found}");
}

#[test]
fn a_switch_that_does_not_let_the_connector_in_is_told_with_the_reason() {
    let stage = Stage::with_example();
    let found = only_finding(&stage, &[("FSPW", "hunter2")], &switch(&stage));
    assert!(found.starts_with("the switch does not accept the password — write the one of"), "{found}");
    stage.switch.edit(|switch| switch.faults.refuse = true);
    let found = only_finding(&stage, &[], &switch(&stage));
    assert!(found.starts_with("the switch turns this computer away — allow its address"), "{found}");
}

#[test]
fn what_is_no_event_socket_is_told() {
    let stage = Stage::with_example();
    for (says, begin) in [
        (
            "HTTP/1.1 400 Bad Request\nContent-Length: none\n\n",
            "what listens there is no event socket of a FreeSWITCH: ",
        ),
        ("", "what listens there ends the connection before it has answered: "),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        thread::spawn(move || listener.incoming().take(2).try_for_each(|peer| peer?.write_all(says.as_bytes())));
        let found = only_finding(&stage, &[("FSPORT", &port)], &format!("switch 127.0.0.1:{port}"));
        assert!(found.starts_with(begin), "{found}");
    }
}

#[test]
fn a_switch_that_has_loaded_another_tree_is_told_and_one_that_has_loaded_a_copy_is_not() {
    let (stage, other) = (Stage::with_example(), Stage::with_example());
    let tree = other.path("").to_string_lossy().into_owned();
    assert_content(&stage, &[("SWITCHCONF", &tree)]);
    other.write_user("friends", "21001", "anna", "its own secret");
    fs::remove_file(other.path("dialplan/conferences/31000.xml")).unwrap();
    fs::remove_file(other.path("directory/public/22000.xml")).unwrap();
    let (_, report) = check(&stage, &[("SWITCHCONF", &tree)]);
    let there = stage.path("").to_string_lossy().into_owned();
    let expected = format!(
        "it has loaded the tree `{}`, not `{}`: it does not show 1 user of the tree (`21001`); \
         it shows 1 user that the tree does not have (`22000`); \
         it shows 1 conference that the tree does not have (`31000`) — correct configuration under [folders]",
        there.trim_end_matches('/'),
        tree.trim_end_matches('/')
    );
    assert!(report.contains(&expected), "{report}");
}

#[test]
fn files_that_the_switch_has_not_loaded_are_told_until_it_has() {
    let stage = Stage::with_example();
    let user = fs::read_to_string(stage.path("directory/friends/21000.xml")).unwrap();
    let new = user.replace("21000", "21001").replace("maria", "anna").replace("00005e005301", "none");
    stage.write("directory/friends/21001.xml", &new);
    let found = only_finding(&stage, &[], &switch(&stage));
    let expected = "it does not show 1 user of the tree (`21001`) — have it loaded: fs_cli -x reloadxml; if that";
    assert!(found.starts_with(expected), "{found}");
    stage.switch.reload();
    assert_content(&stage, &[]);
    stage.write("directory/friends/21001.xml", new.replace("change-me-too", "its own secret"));
    let found = only_finding(&stage, &[], &switch(&stage));
    assert!(found.starts_with("it has other values than the tree for 1 user (`21001`) — "), "{found}");
    fs::remove_file(stage.path("directory/friends/21001.xml")).unwrap();
    let found = only_finding(&stage, &[], &switch(&stage));
    assert!(found.starts_with("it shows 1 user that the tree does not have (`21001`) — "), "{found}");
    stage.switch.reload();
    let variables = fs::read_to_string(stage.path("vars.xml")).unwrap();
    stage.write("vars.xml", variables.replace("internal_tls_port=5061", "internal_tls_port=5062"));
    let found = only_finding(&stage, &[], &switch(&stage));
    assert!(found.starts_with("it has other values than the tree for 1 variable (`internal_tls_port`)"), "{found}");
}

#[test]
fn folders_that_must_not_be_written_are_told_with_the_user() {
    let stage = Stage::with_example();
    let closed = stage.path("directory/team");
    let Some((report, log)) = seen_by_nobody(&stage, &[&closed]) else { return };
    assert!(report.contains(": 1 finding in 1 place\n"), "{report}");
    assert!(report.starts_with(&format!("{}\n  the user ", closed.display())), "{report}");
    let consequence = "may not write here, or not enter a folder above: users of `team` cannot be added, changed or removed — \
                       give the folder to the user ";
    assert!(report.contains(consequence), "{report}");
    assert!(log.contains(&format!("WARN  {}: the user ", closed.display())), "{log}");
    assert!(log.contains(&consequence.replace(" — ", "; ")), "{log}");
}

#[test]
fn folders_of_phones_that_another_user_has_made_are_told_in_one_finding_for_each_tree() {
    let stage = Stage::with_example();
    let phones = ["linphone/20000", "linphone/21000", "linphone/22000", "polycom/00005e005301", "polycom/ucs"];
    for folder in phones {
        stage.write_static(&format!("{folder}/written-before"), "");
    }
    let phones = phones.map(|folder| stage.static_path(folder));
    for open in ["", "linphone", "polycom"] {
        set_mode(&stage.static_path(open), 0o777);
    }
    let [first, second, open, polycom, ucs] = &phones;
    set_mode(open, 0o777);
    let Some((report, log)) = seen_by_nobody(&stage, &[first, second, polycom, ucs]) else { return };
    assert!(report.contains(": 2 findings in 2 places\n"), "{report}");
    for (tree, what) in [
        ("linphone", format!(" may not write in 2 folders of phones, such as {}: these users", first.display())),
        ("polycom", format!(" may not write in 1 folder of phones, such as {}: the users", polycom.display())),
    ] {
        let tree = stage.static_path(tree).display().to_string();
        assert!(report.contains(&format!("{tree}\n  the user ")) && report.contains(&what), "{report}");
        assert!(report.contains(" — give them to the user ") && report.contains(&format!(" {tree}\n")), "{report}");
        assert!(log.contains(&format!("WARN  {tree}: the user ")) && log.contains(&what), "{log}");
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What the check says, and the program when it starts, as a user that must not write in these folders but in all others of the
/// configuration; nothing if the program cannot be run so.
fn seen_by_nobody(stage: &Stage, closed: &[&PathBuf]) -> Option<(String, String)> {
    let is_root = fs::metadata(stage.path("..")).unwrap().uid() == 0;
    for open in
        ["..", ".", "directory/team", "directory/friends", "directory/public", "dialplan/conferences", "../recordings"]
    {
        set_mode(&stage.path(open), 0o777);
    }
    for folder in closed {
        set_mode(folder, 0o555);
    }
    let as_nobody = |arguments: &[&str]| {
        let mut program = program(stage, arguments, &[]);
        if is_root {
            program.uid(NOBODY).gid(NOBODY);
        }
        program
    };
    // Who may not run the program cannot be asked.
    as_nobody(&["--version"]).output().ok()?;
    let (is_content, report) = said(as_nobody(&["check"]));
    let log = log_until_it_listens(as_nobody(&["serve"]));
    for folder in closed {
        set_mode(folder, 0o755);
    }
    assert!(!is_content, "{report}");
    Some((report, log))
}

/// What it says until it serves.
fn log_until_it_listens(mut program: Command) -> String {
    let mut process = program.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = String::new();
    for line in BufReader::new(process.stderr.take().unwrap()).lines() {
        log.push_str(&line.unwrap());
        log.push('\n');
        if log.contains("listening on http") {
            break;
        }
    }
    process.kill().unwrap();
    process.wait().unwrap();
    log
}

#[test]
fn a_name_of_the_switch_that_phones_elsewhere_cannot_know_is_noted() {
    let stage = Stage::with_example();
    let variables = fs::read_to_string(stage.path("vars.xml")).unwrap();
    let named = "<X-PRE-PROCESS cmd=\"set\" data=\"hostname=4f1d2c3b4a59\"/>\n</include>";
    stage.write("vars.xml", variables.replace("</include>", named));
    stage.switch.reload();
    let (is_content, report) = check(&stage, &[]);
    assert!(is_content && report.ends_with(": nothing to find fault with and 1 note in 1 place\n"), "{report}");
    let expected = "  note: phones are sent to the `hostname` of the switch, and `4f1d2c3b4a59` is known to this computer or its \
                    network at most, as that of a container is — set hostname under [http] (CONHOSTNAME)\n";
    assert!(report.starts_with(&format!("{}\n{expected}", switch(&stage))), "{report}");
    let (_, report) = check(&stage, &[("CONHOSTNAME", "a.example")]);
    assert!(report.ends_with(": nothing to find fault with\n"), "{report}");
}

#[test]
fn a_certificate_that_is_not_for_the_switch_phones_are_sent_to_is_told() {
    let stage = Stage::with_example();
    let certificate = stage.recording("../certificate.pem").to_string_lossy().into_owned();
    let certify = |host: &str| {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([host.to_owned()]).unwrap();
        fs::write(&certificate, cert.pem() + &signing_key.serialize_pem()).unwrap();
        fs::set_permissions(&certificate, Permissions::from_mode(0o600)).unwrap();
    };
    let variables = [("FASTICERT", &*certificate), ("FASTIKEY", &certificate)];
    certify(HOSTNAME);
    assert_content(&stage, &variables);
    certify("a.example");
    let found = only_finding(&stage, &variables, &certificate);
    let expected = format!("the certificate is for a.example, not for {HOSTNAME} — clients refuse it; ");
    assert!(found.starts_with(&expected), "{found}");
    fs::write(&certificate, "").unwrap();
    let found = only_finding(&stage, &variables, &certificate);
    assert_eq!(found, "the file is empty — write the file anew, as its issuer gave it");
    let log = refusal(&stage, &[], &variables);
    assert!(log.contains(&format!("{certificate}: the file is empty: write the file anew")), "{log}");
}

#[test]
fn the_version_tells_the_commit() {
    let stage = Stage::with_example();
    let (_, version) = said(program(&stage, &["--version"], &[]));
    assert_eq!(version, format!("fsconnector {}\n", env!("FSCONNECTOR_VERSION")));
    let commit = version.strip_prefix(concat!("fsconnector ", env!("CARGO_PKG_VERSION"), " (")).unwrap();
    let (_, log) = stage.connector().stop();
    assert!(log.lines().next().unwrap().contains(&format!("{}: switch 127.0.0.1:", version.trim_end())), "{log}");
    let git = Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short", "HEAD"]).output();
    // Whoever builds it can name the commit, and need not have git.
    if let (None, Ok(git)) = (env::var_os("FSCONNECTOR_COMMIT"), git)
        && git.status.success()
        && commit != "unknown commit)\n"
    {
        let commit = commit.trim_end_matches(")\n");
        assert_eq!(commit.trim_end_matches("-dirty"), String::from_utf8(git.stdout).unwrap().trim());
    }
}

#[test]
fn a_configuration_that_cannot_be_is_named_at_the_start_with_what_to_do() {
    let stage = Stage::with_example();
    let context = |name: &str, first: u32| {
        let (last, next) = (first + 9, first + 10);
        format!(
            "[[contexts]]\nname = \"{name}\"\nrole = \"admin\"\nusers = [{first}, {last}]\nconferences = [{next}, {next}]\n"
        )
    };
    for (text, expected) in [
        (
            "[http]\nprot = 1\n".to_owned(),
            "fsconnector.toml, line 2: unknown field `prot`, expected one of `address`, `port`",
        ),
        ("[htp]\n".to_owned(), "fsconnector.toml, line 1: unknown field `htp`, expected one of `switch`, `http`, "),
        (
            context("crew", 100) + &context("guests", 105),
            "the ranges users of crew (100-109) and users of guests (105-114) overlap; make them disjoint",
        ),
        ("[switch]\npassword = hunter2\n".to_owned(), "line 2: string values must be quoted"),
        (
            "[http]\norigins = [\"a.example\"]\n".to_owned(),
            "origins: \"a.example\" is not like https://host.example:8443",
        ),
    ] {
        let log = refusal(&stage, &["--config", &configuration(&stage, &text)], &[]);
        assert!(log.contains(expected), "{log}");
    }
    let missing = refusal(&stage, &["--config", "/nowhere/x.toml"], &[]);
    assert!(missing.contains("cannot read the configuration file /nowhere/x.toml: No such file"), "{missing}");
}

#[test]
fn a_variable_that_cannot_be_is_named_at_the_start() {
    let stage = Stage::with_example();
    for (name, value, expected) in [
        ("FSPORT", "abc", "environment variable FSPORT: expected a port number; correct it, or unset it"),
        ("FASTIPORT", "65536", "environment variable FASTIPORT: expected a port number"),
        ("FASTIIP", "localhost", "environment variable FASTIIP: expected an IP address to listen on"),
        ("FASTIIP", "0.0.0.0", "plain HTTP on 0.0.0.0 would show everything to the network: set certificate and key"),
        ("FASTIKEY", "/x.pem", "a certificate is of no use without its key, nor the other way round: set certificate"),
        ("CONHOSTNAME", "https://a.example", "hostname (CONHOSTNAME): \"https://a.example\" is not like host.example"),
        ("RECPATH", "/a'b", "the folder of the recordings, \"/a'b\", has to be an absolute path without quotes"),
    ] {
        let log = refusal(&stage, &[], &[(name, value)]);
        assert!(log.contains(expected), "{log}");
    }
}

#[test]
fn a_port_that_somebody_else_has_is_named_at_the_start() {
    let stage = Stage::with_example();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let log = refusal(&stage, &[], &[("FASTIPORT", &port.to_string())]);
    let expected =
        format!("cannot listen on 127.0.0.1:{port}: Address already in use (os error 98); choose another address");
    assert!(log.contains(&expected), "{log}");
}

#[test]
fn a_folder_that_is_not_fit_for_sockets_is_named_at_the_start() {
    let stage = Stage::with_example();
    let folder = stage.recording("nowhere").to_string_lossy().into_owned();
    let log = refusal(&stage, &[], &[("TMPDIR", &folder)]);
    let expected =
        format!("with sockets in {folder}: No such file or directory (os error 2); if it is that folder, set TMPDIR");
    assert!(log.contains(&expected), "{log}");
}

#[test]
fn folders_in_which_the_program_cannot_write_are_named_at_the_start_and_the_rest_is_served() {
    let stage = Stage::with_example();
    fs::rename(stage.path("directory/public"), stage.path("directory/elsewhere")).unwrap();
    fs::remove_dir(stage.recording("")).unwrap();
    stage.write_static("store", "a file where a folder should be");
    let before = stage.tree();
    let connector = stage.ready();
    let (code, log) = connector.stop();
    assert_eq!(code, Some(0), "{log}");
    for (folder, what) in [
        (
            "directory/public",
            "there is no such folder: users of `public` cannot be added, changed or removed; make it, such that",
        ),
        ("../static/store", "this is no folder: nothing can be stored; put a folder in its place"),
        ("../recordings/", "there is no such folder: no recordings are shown; make it"),
    ] {
        let folder = stage.path("").join(folder).display().to_string().replace("etc/../", "");
        assert!(log.contains(&format!("WARN  {folder}: {what}")), "{folder}: {log}");
    }
    assert_eq!(log.matches("WARN ").count(), 3, "{log}");
    assert_eq!(stage.tree(), before, "nothing is left behind");
}
