//! Logging in and failing to, with another implementation of Digest as the client.

use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};
use fsconnector_engine::config::Config;
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::UserId;
use proptest::prelude::*;

use super::*;

const NOW: Mono = Mono(1_000_000);
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

const NAMES: [&str; 7] = ["anna", "Jürgen", "日本", r#"Anna "The Boss" & Söhne"#, r"back\slash", r"b\c", "bc"];

fn users() -> Users {
    let user = |(index, name): (usize, &&str)| User {
        id: UserId::parse(&(20_000 + index).to_string()).unwrap(),
        password: Secret::new("p:w \"ü\\"),
        conpin: Secret::default(),
        context: "team".into(),
        name: (*name).into(),
        email: "".into(),
        polymac: "none".into(),
    };
    Users::new(NAMES.iter().enumerate().map(user).collect(), &Config::default())
}

fn authenticator() -> Authenticator {
    Authenticator::new("fs \"connector\"".into(), &[7; 64])
}

fn challenge(authenticator: &Authenticator, algorithm: usize, now: Mono) -> WwwAuthenticateHeader {
    digest_auth::parse(&authenticator.challenges(now, false)[algorithm]).unwrap()
}

/// The header a client sends for `GET /api/users`.
fn header(challenge: &mut WwwAuthenticateHeader, name: &str, password: &str) -> String {
    header_for(challenge, name, password, HttpMethod::GET, "/api/users")
}

fn header_for(
    challenge: &mut WwwAuthenticateHeader,
    name: &str,
    password: &str,
    method: HttpMethod<'_>,
    target: &str,
) -> String {
    let context = AuthContext::new_with_method(name, password, target, None::<&[u8]>, method);
    challenge.respond(&context).unwrap().to_string()
}

fn attempt(header: &str) -> Attempt<'_> {
    Attempt { method: "GET", target: "/api/users", authorization: Some(header.as_bytes()), address: HERE }
}

/// `known NAME`, `unproven`, `stale` or `too many`.
fn judged(authenticator: &Authenticator, attempt: Attempt<'_>, now: Mono) -> String {
    match authenticator.judge(&users(), attempt, now).verdict {
        Verdict::Known(caller) => format!("known {}", caller.user.name),
        Verdict::Unproven { stale: false } => "unproven".into(),
        Verdict::Unproven { stale: true } => "stale".into(),
        Verdict::TooMany { .. } => "too many".into(),
    }
}

const PASSWORD: &str = "p:w \"ü\\";

#[test]
fn every_name_logs_in_with_either_algorithm() {
    for algorithm in [0, 1] {
        for name in NAMES {
            let authenticator = authenticator();
            let header = header(&mut challenge(&authenticator, algorithm, NOW), name, PASSWORD);
            assert_eq!(judged(&authenticator, attempt(&header), NOW), format!("known {name}"), "{header}");
        }
    }
}

#[test]
fn a_client_that_does_not_escape_its_name_is_understood_if_nobody_else_is_meant() {
    let authenticator = authenticator();
    let unescaped = |name: &str| {
        let escaped = format!("username=\"{}\"", name.replace('\\', r"\\"));
        let header = header(&mut challenge(&authenticator, 0, NOW), name, PASSWORD);
        assert!(header.contains(&escaped), "{header}");
        header.replace(&escaped, &format!("username=\"{name}\""))
    };
    assert_eq!(judged(&authenticator, attempt(&unescaped(r"back\slash")), NOW), r"known back\slash");
    // `b\c` read with escapes is `bc`, and that is somebody else.
    assert_eq!(judged(&authenticator, attempt(&unescaped(r"b\c")), NOW), "unproven");
}

#[test]
fn no_way_of_writing_a_name_gives_more_guesses() {
    let (authenticator, said) = (authenticator(), r"back\slash");
    let guess = |written: &str| {
        let header = header(&mut challenge(&authenticator, 0, NOW), "anna", "guess");
        header.replace("username=\"anna\"", &format!("username=\"{written}\""))
    };
    for written in [said, r"back\\slash", said, r"b\ack\\slash", said] {
        assert_eq!(judged(&authenticator, attempt(&guess(written)), NOW), "unproven", "{written}");
    }
    for written in [said, r"back\\slash"] {
        assert_eq!(judged(&authenticator, attempt(&guess(written)), NOW), "too many", "{written}");
    }
}

#[test]
fn a_right_password_also_clears_what_else_its_name_may_mean_unless_that_is_somebody() {
    let mut list: Vec<User> = users().iter().cloned().collect();
    list[0].name = r"b\\c".into();
    let (users, authenticator) = (Users::new(list, &Config::default()), authenticator());
    let verdict = |written: &str, name: &str, password: &str| {
        let header = header(&mut challenge(&authenticator, 0, NOW), name, password);
        let escaped = format!("username=\"{}\"", name.replace('\\', r"\\"));
        let header = header.replace(&escaped, written);
        authenticator.judge(&users, attempt(&header), NOW).verdict
    };
    let unescaped = r#"username="back\slash""#;
    for _ in 0..3 {
        for _ in 0..4 {
            assert!(matches!(verdict(unescaped, r"back\slash", "guess"), Verdict::Unproven { .. }));
        }
        assert!(matches!(verdict(unescaped, r"back\slash", PASSWORD), Verdict::Known(_)));
    }
    // `b\c` escaped looks like the name of somebody else.
    let (escaped, other) = (r#"username="b\\c""#, "username*=UTF-8''b%5C%5Cc");
    for _ in 0..5 {
        assert!(matches!(verdict(other, r"b\\c", "guess"), Verdict::Unproven { .. }));
        assert!(!matches!(verdict(escaped, r"b\c", PASSWORD), Verdict::Unproven { .. }));
    }
    assert!(matches!(verdict(other, r"b\\c", PASSWORD), Verdict::TooMany { .. }));
}

#[test]
fn only_the_name_of_who_has_logged_in_is_trusted_and_nothing_else_that_it_may_mean() {
    let authenticator = authenticator();
    let named = |written: &str, name: &str, password: &str| {
        let header = header(&mut challenge(&authenticator, 0, NOW), name, password);
        let escaped = format!("username=\"{}\"", name.replace('\\', r"\\"));
        judged(&authenticator, attempt(&header.replace(&escaped, &format!("username=\"{written}\""))), NOW)
    };
    // Unescaped, it may mean `backslash` as well.
    assert_eq!(named(r"back\slash", r"back\slash", PASSWORD), r"known back\slash");
    for number in 0..100 {
        named(&number.to_string(), "anna", "guess");
    }
    let is_slowed = |name: &str| {
        let header = header(&mut challenge(&authenticator, 0, NOW), name, PASSWORD);
        !authenticator.judge(&users(), attempt(&header), NOW).delay.is_zero()
    };
    assert!(is_slowed("backslash"));
    assert!(!is_slowed(r"back\slash"));
    for written in [r"back\slash", r"back\\slash"] {
        assert_eq!(named(written, r"back\slash", PASSWORD), r"known back\slash", "{written}");
    }
}

#[test]
fn a_name_sent_as_latin_1_and_hashed_as_utf_8_is_understood() {
    let authenticator = authenticator();
    for (name, latin_1) in
        [("Jürgen", &b"J\xfcrgen"[..]), (r#"Anna "The Boss" & Söhne"#, b"Anna \\\"The Boss\\\" & S\xf6hne")]
    {
        let header = header(&mut challenge(&authenticator, 1, NOW), name, PASSWORD);
        let (before, after) = header.split_once("username=\"").unwrap();
        let (_, after) = after.split_once("\", ").unwrap();
        let sent = [before.as_bytes(), b"username=\"", latin_1, b"\", ", after.as_bytes()].concat();
        let attempt = Attempt { authorization: Some(&sent), ..attempt("") };
        assert_eq!(judged(&authenticator, attempt, NOW), format!("known {name}"));
    }
}

#[test]
fn an_extended_name_is_understood() {
    let authenticator = authenticator();
    let header = header(&mut challenge(&authenticator, 1, NOW), "日本", PASSWORD)
        .replace("username=\"日本\"", "username*=UTF-8''%E6%97%A5%E6%9C%AC");
    assert_eq!(judged(&authenticator, attempt(&header), NOW), "known 日本");
}

#[test]
fn a_wrong_password_an_unknown_name_and_an_absent_header_are_unproven() {
    let authenticator = authenticator();
    for (name, password) in [("anna", "wrong"), ("nobody", PASSWORD), ("", ""), ("nobody", "nobody has this password")]
    {
        let header = header(&mut challenge(&authenticator, 0, NOW), name, password);
        assert_eq!(judged(&authenticator, attempt(&header), NOW), "unproven", "{name}");
    }
    assert_eq!(judged(&authenticator, Attempt { authorization: None, ..attempt("") }, NOW), "unproven");
}

#[test]
fn as_much_is_hashed_for_a_name_that_nobody_has_as_for_a_wrong_password() {
    let mut list: Vec<User> = users().iter().cloned().collect();
    list[1].password = Secret::default();
    list[2].context = "unknown".into();
    for twin in [5, 6] {
        list[twin].name = "shared".into();
    }
    let users = Users::new(list, &Config::default());
    let authenticator = authenticator();
    for name in ["anna", "nobody", "", "Jürgen", "日本", "shared"] {
        for password in ["guess", "", PASSWORD] {
            let header = header(&mut challenge(&authenticator, 0, NOW), name, password);
            digest::HASHED.set(0);
            let judgement = authenticator.judge(&users, attempt(&header), NOW);
            assert_eq!((digest::HASHED.get(), judgement.delay), (3, Duration::ZERO), "{name} {password}");
            let is_right = (name, password) == ("anna", PASSWORD);
            assert_eq!(matches!(judgement.verdict, Verdict::Known(_)), is_right, "{name} {password}");
        }
    }
}

#[test]
fn credentials_for_another_request_are_unproven() {
    let authenticator = authenticator();
    let header = header(&mut challenge(&authenticator, 0, NOW), "anna", PASSWORD);
    for (method, target) in [("POST", "/api/users"), ("GET", "/api/users?"), ("GET", "/api/user%73"), ("GET", "/")] {
        assert_eq!(judged(&authenticator, Attempt { method, target, ..attempt(&header) }, NOW), "unproven", "{target}");
    }
}

#[test]
fn what_was_not_offered_is_unproven() {
    let authenticator = authenticator();
    let good = header(&mut challenge(&authenticator, 0, NOW), "anna", PASSWORD);
    for (from, to) in [
        ("algorithm=MD5", "algorithm=MD5-sess"),
        ("algorithm=MD5", "algorithm=SHA-256"),
        ("qop=auth", "qop=auth-int"),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=+0000001"),
        ("nc=00000001", "nc=00000000"),
        ("realm=\"fs", "realm=\"other"),
        ("uri=\"/api", "uri=\"http://x/api"),
        (", qop=auth, nc=00000001", ""),
        ("username=\"anna\"", "username=\"anna\", username*=UTF-8''anna"),
    ] {
        let changed = good.replace(from, to);
        assert_ne!(changed, good, "{from}");
        assert_eq!(judged(&authenticator, attempt(&changed), NOW), "unproven", "{to}");
    }
    assert_eq!(judged(&authenticator, attempt(&good), NOW), "known anna");
}

#[test]
fn a_replayed_request_is_stale_and_the_next_counter_is_not() {
    let authenticator = authenticator();
    let mut challenge = challenge(&authenticator, 0, NOW);
    let first = header(&mut challenge, "anna", PASSWORD);
    let second = header(&mut challenge, "anna", PASSWORD);
    assert!(second.contains("nc=00000002"));
    for (header, expected) in [(&second, "known anna"), (&first, "known anna"), (&first, "stale"), (&second, "stale")] {
        assert_eq!(judged(&authenticator, attempt(header), NOW), expected);
    }
}

#[test]
fn a_browser_with_many_connections_may_send_its_counters_in_any_order_and_leave_some_out() {
    let authenticator = authenticator();
    let mut challenge = challenge(&authenticator, 1, NOW);
    let headers: Vec<String> = (0..240).map(|_| header(&mut challenge, "anna", PASSWORD)).collect();
    // Six connections with some requests each, in turn from the last to the first; every seventh is never sent.
    for batch in headers.chunks(60) {
        let connections: Vec<&[String]> = batch.chunks(10).collect();
        for at in 0..10 {
            for (number, connection) in connections.iter().enumerate().rev() {
                if (number * 10 + at) % 7 != 0 {
                    assert_eq!(judged(&authenticator, attempt(&connection[at]), NOW), "known anna");
                }
            }
        }
    }
    assert_eq!(judged(&authenticator, attempt(&headers[0]), NOW), "stale", "too far behind");
}

#[test]
fn an_expired_nonce_is_stale_only_with_the_right_password() {
    let authenticator = authenticator();
    let later = NOW.after(nonce::LIFETIME);
    let right = header(&mut challenge(&authenticator, 0, NOW), "anna", PASSWORD);
    let wrong = header(&mut challenge(&authenticator, 0, NOW), "anna", "wrong");
    assert_eq!(judged(&authenticator, attempt(&right), later), "stale");
    assert_eq!(judged(&authenticator, attempt(&wrong), later), "unproven");
}

#[test]
fn a_nonce_from_before_a_restart_is_stale_and_an_invented_one_unproven() {
    let before = Authenticator::new("fs \"connector\"".into(), &[8; 64]);
    let old = header(&mut challenge(&before, 0, NOW), "anna", PASSWORD);
    assert_eq!(judged(&authenticator(), attempt(&old), NOW), "stale");
    let invented = r#"Digest realm="fs \"connector\"", qop="auth", algorithm=MD5, nonce="abc""#;
    let header = header(&mut digest_auth::parse(invented).unwrap(), "anna", PASSWORD);
    assert_eq!(judged(&authenticator(), attempt(&header), NOW), "unproven");
}

#[test]
fn guessing_is_refused_whatever_the_nonce_is_even_if_the_guess_is_right_then() {
    let later = NOW.after(nonce::LIFETIME);
    for issued in [NOW, later] {
        let authenticator = authenticator();
        for _ in 0..5 {
            let header = header(&mut challenge(&authenticator, 0, issued), "anna", "guess");
            assert_eq!(judged(&authenticator, attempt(&header), later), "unproven");
        }
        let right = header(&mut challenge(&authenticator, 0, later), "anna", PASSWORD);
        assert_eq!(judged(&authenticator, attempt(&right), later), "too many");
        let elsewhere = Attempt { address: "192.0.2.1".parse().unwrap(), ..attempt(&right) };
        assert_eq!(judged(&authenticator, elsewhere, later), "known anna");
    }
}

#[test]
fn missing_and_stale_credentials_are_no_failures() {
    let authenticator = authenticator();
    let mut old = challenge(&authenticator, 0, NOW);
    let later = NOW.after(nonce::LIFETIME);
    for _ in 0..20 {
        assert_eq!(judged(&authenticator, Attempt { authorization: None, ..attempt("") }, later), "unproven");
        assert_eq!(judged(&authenticator, attempt(&header(&mut old, "anna", PASSWORD)), later), "stale");
    }
    let right = header(&mut challenge(&authenticator, 0, later), "anna", PASSWORD);
    assert_eq!(judged(&authenticator, attempt(&right), later), "known anna");
}

#[test]
fn a_challenge_names_both_hashes_and_cannot_be_broken_out_of() {
    let authenticator = authenticator();
    let [md5, sha256] = authenticator.challenges(NOW, true);
    assert!(md5.starts_with(r#"Digest realm="fs \"connector\"", qop="auth", algorithm=MD5, nonce=""#), "{md5}");
    assert!(md5.ends_with(", charset=UTF-8, stale=true"), "{md5}");
    assert!(sha256.contains("algorithm=SHA-256"), "{sha256}");
}

proptest! {
    #[test]
    fn any_name_and_password_log_in(name in "[^:\\pC]{1,20}", password in "\\PC{1,20}", algorithm in 0usize..2) {
        let user = User {
            id: UserId::parse("1").unwrap(),
            password: Secret::new(password.as_str()),
            conpin: Secret::default(),
            context: "public".into(),
            name: name.as_str().into(),
            email: "".into(),
            polymac: "none".into(),
        };
        let users = Users::new(vec![user], &Config::default());
        let authenticator = authenticator();
        let header = header(&mut challenge(&authenticator, algorithm, NOW), &name, &password);
        let verdict = authenticator.judge(&users, attempt(&header), NOW).verdict;
        prop_assert!(matches!(verdict, Verdict::Known(Caller { role: Role::Guest, .. })), "{} {:?}", header, verdict);
    }

    #[test]
    fn no_header_makes_anybody_known_without_a_password(header in proptest::collection::vec(any::<u8>(), 0..200)) {
        let attempt = Attempt { authorization: Some(&header), ..attempt("") };
        prop_assert_eq!(judged(&authenticator(), attempt, NOW), "unproven");
        let parameters = [b"Digest ", &header[..]].concat();
        let attempt = Attempt { authorization: Some(&parameters), ..attempt };
        prop_assert_eq!(judged(&authenticator(), attempt, NOW), "unproven");
    }
}
