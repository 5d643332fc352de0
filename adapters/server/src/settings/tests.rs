use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use fsconnector_engine::config::NumberRange;

use super::file::File;
use super::*;

fn settings(text: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let environment = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
    let mut file = File::parse(Path::new("a.toml"), text).map_err(|error| error.to_string())?;
    file.override_by(environment).and_then(|()| file.check()).map_err(|error| error.to_string())
}

fn refused(text: &str, variables: &[(&str, &str)]) -> String {
    settings(text, variables).unwrap_err()
}

#[test]
fn nothing_at_all_gives_the_defaults() {
    let settings = settings("", &[]).unwrap();
    assert_eq!(settings.switch.patience, Patience::default());
    assert_eq!((settings.switch.address.as_str(), settings.switch.port), ("127.0.0.1", 8021));
    assert_eq!(settings.switch.password, Password::parse("ClueCon").unwrap());
    assert_eq!((settings.http.address.to_string().as_str(), settings.http.port), ("127.0.0.1", 3000));
    assert_eq!(settings.http.tls, None);
    assert_eq!(settings.http.reach, Reach { is_secure: true, host: Host::OfSwitch });
    assert_eq!(settings.folders.templates, None);
    assert_eq!(settings.folders.configuration, Path::new("/etc/freeswitch"));
    assert_eq!(settings.folders.recordings, Path::new("/recordings"));
    assert_eq!(settings.folders.files, Path::new("/static"));
    assert_eq!(settings.metrics, Some(SocketAddr::from(([127, 0, 0, 1], 9464))));
    assert_eq!(settings.engine, Config::default());
}

#[test]
fn metrics_are_told_where_it_is_said_or_nowhere() {
    let metrics = |text: &str| settings(&format!("[metrics]\n{text}"), &[]).unwrap().metrics;
    assert_eq!(metrics("address = \"::1\"\nport = 0"), Some("[::1]:0".parse().unwrap()));
    assert_eq!(metrics("enabled = false\nport = 1"), None);
    assert!(refused("[metrics]\nadress = \"::1\"", &[]).contains("unknown field `adress`"));
}

#[test]
fn the_environment_overrides_the_file() {
    let text = "[switch]\nport = 8022\n[http]\nhostname = \"a.example\"\n[folders]\nstatic = \"/srv/a\"";
    let variables = [
        ("FSIP", "switch.example"),
        ("FSPORT", "8023"),
        ("FSPW", "other"),
        ("RECPATH", "/r"),
        ("SWITCHCONF", "/c"),
        ("FASTIPORT", "3001"),
        ("FASTIIP", "::1"),
        ("CONHOSTNAME", "b.example"),
        ("STATICPATH", ""),
    ];
    let settings = settings(text, &variables).unwrap();
    assert_eq!((settings.switch.address.as_str(), settings.switch.port), ("switch.example", 8023));
    assert_eq!(settings.switch.password, Password::parse("other").unwrap());
    assert_eq!((settings.http.address.to_string().as_str(), settings.http.port), ("::1", 3001));
    assert_eq!(settings.http.reach, at("b.example", true));
    assert_eq!(settings.folders.recordings, Path::new("/r"));
    assert_eq!(settings.folders.configuration, Path::new("/c"));
    assert_eq!(settings.folders.files, Path::new("/srv/a"), "an empty variable says nothing");
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let message = refused("[http]\nport = 1\nprot = 2\n", &[]);
    assert!(
        message.starts_with("a.toml, line 3: unknown field `prot`, expected one of `address`, `port`, "),
        "{message}"
    );
}

#[test]
fn contexts_are_configurable_and_overlapping_ranges_are_refused() {
    let context = |name: &str, role: &str, first: u32| {
        format!(
            "[[contexts]]\nname = \"{name}\"\nrole = \"{role}\"\nusers = [{first}, {}]\nconferences = [{}, {}]\n",
            first + 9,
            first + 10,
            first + 19
        )
    };
    let good = context("crew", "admin", 100) + &context("guests", "guest", 200);
    let settings = settings(&good, &[]).unwrap();
    assert_eq!(settings.engine.contexts[1].name.as_str(), "guests");
    assert_eq!(settings.engine.contexts[0].users, NumberRange::new(100, 109).unwrap());
    let bad = context("crew", "admin", 100) + &context("guests", "guest", 105);
    assert!(refused(&bad, &[]).contains("overlap"));
}

/// What phones are told when that is the configured host name.
fn at(hostname: &str, is_secure: bool) -> Reach {
    Reach { is_secure, host: Host::Named(Hostname::parse(hostname).unwrap()) }
}

#[test]
fn plain_http_beyond_loopback_has_to_be_allowed() {
    let message = refused("", &[("FASTIIP", "0.0.0.0")]);
    assert!(message.contains("allow_plain_http = true") && message.contains("FASTICERT"), "{message}");
    assert!(settings("[http]\nallow_plain_http = true", &[("FASTIIP", "0.0.0.0")]).is_ok());
    assert!(refused("[http]\nallow_plain = true", &[]).contains("unknown field `allow_plain`"));
}

#[test]
fn with_a_certificate_any_address_will_do() {
    let variables = [("FASTIIP", "0.0.0.0"), ("FASTICERT", "/c.pem"), ("FASTIKEY", "/k.pem")];
    let settings = settings("", &variables).unwrap();
    let files = CertificateFiles { certificate: "/c.pem".into(), key: "/k.pem".into() };
    assert_eq!(settings.http.tls, Some(files));
    assert!(settings.to_string().contains(", certificate /c.pem, key /k.pem, phones use HTTPS at"), "{settings}");
}

#[test]
fn a_certificate_without_a_key_is_refused_and_so_is_a_key_alone() {
    for (variable, missing) in [("FASTICERT", "set key (FASTIKEY)"), ("FASTIKEY", "set certificate (FASTICERT)")] {
        let message = refused("", &[(variable, "/x.pem")]);
        assert!(message.contains(missing), "{message}");
    }
}

#[test]
fn phones_are_told_the_scheme_that_is_spoken() {
    let reach =
        |text: &str, address: &str| settings(&format!("[http]\n{text}"), &[("FASTIIP", address)]).unwrap().http.reach;
    let (tls, plain) = ("certificate = \"/c\"\nkey = \"/k\"\n", "allow_plain_http = true\n");
    let named = "hostname = \"a.example\"\n";
    assert_eq!(reach(&format!("{tls}{named}"), "0.0.0.0"), at("a.example", true));
    assert_eq!(reach(tls, "192.0.2.1"), Reach { is_secure: true, host: Host::OfSwitch });
    // A proxy stands before it, whether plain HTTP is allowed or not.
    assert_eq!(reach(&format!("{plain}{named}"), "127.0.0.1"), at("a.example", true));
    assert_eq!(reach(&format!("{plain}{named}"), "192.0.2.1"), at("a.example", false));
    assert_eq!(reach(plain, "192.0.2.1"), Reach { is_secure: false, host: Host::WhereItListens });
    assert_eq!(reach(plain, "0.0.0.0"), Reach { is_secure: false, host: Host::OfSwitch });
}

#[test]
fn a_host_name_may_carry_a_port_and_nothing_else() {
    let reach = |text: &str| settings(text, &[]).unwrap().http.reach;
    assert_eq!(reach("[http]\nhostname = \"a.example:3000\""), at("a.example:3000", true));
    for bad in ["https://a.example", "a.example/x", "a.example:x", "a b"] {
        let messages = [refused(&format!("[http]\nhostname = \"{bad}\""), &[]), refused("", &[("CONHOSTNAME", bad)])];
        for message in messages {
            assert!(message.contains(bad) && message.contains("neither a scheme"), "{message}");
        }
    }
}

#[test]
fn proxies_are_named_by_their_addresses() {
    let http = settings("[http]\nproxies = [\"127.0.0.1\", \"::1\"]", &[]).unwrap().http;
    assert_eq!(http.proxies, [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]);
    assert!(settings("", &[]).unwrap().http.proxies.is_empty());
    for bad in ["localhost", "10.0.0.0/8", "127.0.0.1:80", ""] {
        let message = refused(&format!("[http]\nproxies = [\"{bad}\"]"), &[]);
        assert!(message.starts_with(&format!("proxies: {bad:?} is not an IP address")), "{message}");
    }
}

#[test]
fn a_folder_of_templates_can_be_named() {
    let settings = settings("[folders]\ntemplates = \"/t\"", &[]).unwrap();
    assert_eq!(settings.folders.templates.as_deref(), Some(Path::new("/t")));
    assert!(settings.to_string().contains(", templates /t"), "{settings}");
}

#[test]
fn an_error_never_quotes_a_password() {
    for text in [
        "password = 815815",
        "password = hunter2",
        "password2 = \"hunter2\"",
        "password = \"hunter2",
        "password = hunter2\"",
        "password = \"hunt\"hunter2\"",
        "password = hunter2 hunter2",
        "password = 'hunter2",
        "password = [\"hunter2\"]",
        "password = [\n\"hunter2\"",
        "password = {hunter2 = \"hunter2\"}",
        "password = \"\"\"\nhunter2\n",
        "password = \"\"\"\nhunter2\"\"\"hunter2\n",
        "password = \"\\hunter2\"",
        "password = \"hunter2\"\npassword = \"hunter2\"",
        "passwort = hunter2",
        "passwd hunter2",
        "port = \"hunter2\"",
        "port = 815815",
        "port = 'x', expected hunter2",
        "heartbeat = hunter2",
        "address = hunter2",
        "address = 815815",
        "hunter2",
    ] {
        let message = refused(&format!("[switch]\n{text}"), &[]);
        assert!(!message.contains("hunter2") && !message.contains("815815"), "{text}: {message}");
    }
    let message = refused("", &[("FSPW", "hunter2\nx")]);
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn an_error_of_the_file_says_what_is_wrong_in_which_line() {
    for (text, expected) in [
        ("password = 815815", "a.toml, line 2: the value does not fit, expected a string"),
        ("password = hunter2", "a.toml, line 2: string values must be quoted, expected literal string"),
        ("password = \"a\"\npassword = \"b\"", "a.toml, line 3: duplicate key"),
        ("port = 65536", "a.toml, line 2: the value does not fit, expected u16"),
    ] {
        assert_eq!(refused(&format!("[switch]\n{text}"), &[]), expected);
    }
}

#[test]
fn a_switch_that_cannot_be_reached_is_refused() {
    for (text, expected) in [
        ("address = \"\"", "address (FSIP) under [switch] is empty: write"),
        ("port = 0", "nobody listens on port 0 (FSPORT) under [switch]: write"),
        ("heartbeat = 0", "heartbeat under [switch] is 0: write"),
    ] {
        let message = refused(&format!("[switch]\n{text}"), &[]);
        assert!(message.starts_with(expected), "{message}");
    }
    assert!(refused("", &[("FSPORT", "0")]).contains("port 0"));
}

#[test]
fn a_variable_that_does_not_fit_is_named() {
    assert_eq!(
        refused("", &[("FSPORT", "many")]),
        "environment variable FSPORT: expected a port number; correct it, or unset it"
    );
    assert_eq!(
        refused("", &[("FASTIIP", "here")]),
        "environment variable FASTIIP: expected an IP address to listen on; correct it, or unset it"
    );
    let odd = |name: &str| (name == "CONHOSTNAME").then(|| OsString::from_vec(b"\xff".into()));
    let error = File::default().override_by(odd).unwrap_err().to_string();
    assert_eq!(error, "environment variable CONHOSTNAME: expected text in UTF-8; correct it, or unset it");
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let error = Settings::load(Some(Path::new("/dev/zero")), |_| None).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the configuration file /dev/zero: it has more than 1 MiB"), "{error}");
}
