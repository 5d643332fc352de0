//! The secrets of a run of the program, as far as anybody gets to see them: whoever sends or receives something here tells
//! them to the run's [`Secrets`], which then are searched in everything that the program has written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aho_corasick::{AhoCorasick, MatchKind};
use md5::{Digest as _, Md5};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use sha2::Sha256;

use crate::client::Login;

/// The secrets of the programs that run, by the addresses where they listen.
static KNOWN: Mutex<BTreeMap<SocketAddr, Secrets>> = Mutex::new(BTreeMap::new());

/// What is shorter occurs by chance. No test has such a password or PIN that is right.
const SHORTEST: usize = 6;

/// The realm of the program's challenges.
const REALM: &str = "fsconnector";

/// What is never in a log, whatever follows it.
const TELLTALES: [(&str, &str); 4] = [
    ("a query that logs in", "login="),
    ("a query with a ticket", "ticket="),
    ("a header that logs in", "Authorization:"),
    ("a part of a header that logs in", "nonce="),
];

/// Secrets, each with what it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(BTreeSet<(&'static str, String)>);

/// A secret where it must not be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Leak {
    pub(crate) kind: &'static str,
    /// The line, with all secrets blanked.
    pub(crate) line: String,
}

/// Remembers what is secret for the program at this address.
pub(crate) fn learn(address: SocketAddr, learn: impl FnOnce(&mut Secrets)) {
    learn(known().entry(address).or_default());
}

/// Gives what was learnt about the program at this address, and forgets it: the next one there has its own.
pub(crate) fn take(address: SocketAddr) -> Secrets {
    known().remove(&address).unwrap_or_default()
}

fn known() -> MutexGuard<'static, BTreeMap<SocketAddr, Secrets>> {
    // A test that fails while it learns does not make the others fail.
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Secrets {
    /// Remembers one.
    pub(crate) fn add(&mut self, kind: &'static str, value: &str) {
        if value.chars().count() >= SHORTEST {
            self.0.insert((kind, value.to_owned()));
        }
    }

    /// Remembers a password, and what it is hashed to with its name.
    pub(crate) fn add_login(&mut self, login: Login<'_>) {
        let Login { name, password } = login;
        self.add("a password", password);
        let hashed = format!("{name}:{REALM}:{password}");
        self.add("the hash of a password", &hex(&Md5::digest(&hashed)));
        self.add("the hash of a password", &hex(&Sha256::digest(&hashed)));
        self.add("a name with its password", &format!("{name}:{password}"));
    }

    /// Finds what is secret in the head of a request or an answer.
    pub(crate) fn read_head(&mut self, head: &str) {
        for parameter in ["nonce", "cnonce", "response"] {
            for value in behind(head, &format!("{parameter}=\"")).filter_map(|rest| rest.split('"').next()) {
                self.add("a part of a login", value);
            }
        }
        for (kind, parameter) in [("the value of `login`", "?login="), ("a ticket", "?ticket=")] {
            for value in behind(head, parameter).filter_map(|rest| rest.split_whitespace().next()) {
                let decoded = percent_decode_str(value).decode_utf8_lossy();
                let password = decoded.split_once(':').map_or("", |(_, password)| password);
                for value in [value, &decoded, password] {
                    self.add(kind, value);
                }
            }
        }
    }

    /// Finds what is secret in the body of a request or an answer.
    pub(crate) fn read_body(&mut self, body: &[u8]) {
        if let Ok(json) = serde_json::from_slice(body) {
            self.read_json(&json);
        }
        self.read_xml(&String::from_utf8_lossy(body));
    }

    fn read_json(&mut self, json: &Value) {
        match json {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str() {
                        Some(text) => self.add_named(name, text),
                        None => self.read_json(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.read_json(item)),
            _ => (),
        }
    }

    /// Finds what is secret in the files of a configuration tree.
    pub(crate) fn read_tree(&mut self, folder: &Path) {
        // They come and go; what cannot be read is none of the program's.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.read_tree(&entry.path());
            } else if let Ok(bytes) = fs::read(entry.path()) {
                self.read_xml(&String::from_utf8_lossy(&bytes));
            }
        }
    }

    /// Finds `name="password" value="…"` and `data="modconpin=…"`, and the like.
    fn read_xml(&mut self, text: &str) {
        for rest in behind(text, "name=\"") {
            if let Some((name, rest)) = rest.split_once('"')
                && let Some(value) = rest.trim_start().strip_prefix("value=\"").and_then(|rest| rest.split('"').next())
            {
                self.add_named(name, &unescaped(value));
            }
        }
        for rest in behind(text, "data=\"") {
            if let Some((name, value)) = rest.split('"').next().and_then(|data| data.split_once('=')) {
                self.add_named(name, &unescaped(value));
            }
        }
    }

    /// Remembers the value of something with this name, if that is secret.
    fn add_named(&mut self, name: &str, value: &str) {
        // A mailbox has the number of its user as its password, and a reference is none itself.
        if name == "vm-password" || value.starts_with('$') {
            return;
        }
        for (ending, kind) in
            [("password", "a password"), ("pin", "a PIN"), ("_pw", "a password"), ("ticket", "a ticket")]
        {
            if name.ends_with(ending) {
                self.add(kind, value);
            }
        }
    }

    /// The first secret in these lines, in whatever form.
    pub(crate) fn search<'l>(&self, lines: impl IntoIterator<Item = &'l str>) -> Option<Leak> {
        let (kinds, forms): (Vec<&str>, Vec<String>) = self.forms().into_iter().unzip();
        let searcher =
            AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest).build(&forms);
        let searcher = searcher.unwrap();
        lines.into_iter().find_map(|line| {
            let found = searcher.find(line)?;
            let kind = kinds[found.pattern().as_usize()];
            Some(Leak { kind, line: searcher.replace_all(line, &vec!["█████"; forms.len()]) })
        })
    }

    /// What each secret can look like in a line.
    fn forms(&self) -> BTreeSet<(&'static str, String)> {
        let telltales = TELLTALES.map(|(kind, text)| (kind, text.to_owned()));
        let of_secrets = self.0.iter().flat_map(|(kind, value)| forms(value).map(|form| (*kind, form)));
        of_secrets.chain(telltales).collect()
    }
}

/// What has to be encoded at least.
const AS_IN_A_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\');

/// The ways in which a value may be written.
fn forms(value: &str) -> [String; 9] {
    let quoted = format!("{value:?}");
    let json = Value::from(value).to_string();
    let bytes = format!("{:?}", value.as_bytes());
    let inner = |text: &str| text[1..text.len() - 1].to_owned();
    [
        value.to_owned(),
        utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
        utf8_percent_encode(value, AS_IN_A_QUERY).to_string(),
        inner(&quoted),
        inner(&json),
        inner(&bytes),
        escaped(value),
        hex(value.as_bytes()),
        base64(value.as_bytes()),
    ]
}

/// What stands behind each `mark`.
fn behind<'t>(text: &'t str, mark: &str) -> impl Iterator<Item = &'t str> {
    text.match_indices(mark).map(|(at, mark)| &text[at + mark.len()..])
}

const ENTITIES: [(&str, &str); 5] = [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'")];

fn escaped(text: &str) -> String {
    ENTITIES.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(character, entity))
}

fn unescaped(text: &str) -> String {
    // The ampersand last: it may belong to another one.
    ENTITIES.iter().rev().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Without the last character, and what fills it up: in there is what follows as well.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextet = |at: usize| {
        let word = (0..2).fold(0u16, |word, next| word << 8 | u16::from(*bytes.get(at / 8 + next).unwrap_or(&0)));
        char::from(ALPHABET[usize::from(word >> (10 - at % 8) & 0x3f)])
    };
    (0..bytes.len() * 8 / 6).map(|number| sextet(number * 6)).collect()
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the program wrote {}: {:?}", self.kind, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody whose password has all kinds of characters.
    const SOMEBODY: Login<'_> = Login { name: "Jürgen", password: "gehört \"zu\" <mir> & \\" };

    #[test]
    fn a_planted_secret_is_found_in_whatever_form_and_not_shown() {
        let mut secrets = Secrets::default();
        secrets.add_login(SOMEBODY);
        secrets.read_head(
            "GET /api/live?ticket=AbCdEfGh12 HTTP/1.1\r\nAuthorization: Digest nonce=\"n0nce-1\", response=\"4f5e6d\"",
        );
        secrets.read_head("GET /api/live?login=anna:pass%20word HTTP/1.1");
        secrets.read_body(br#"{"users": [{"id": "20000", "password": "in an answer", "conpin": "7391502"}], "globals": {"es_pw": "of the socket"}}"#);
        secrets.read_body(b"<param name=\"password\" value=\"in a &quot;file&quot;\"/><X data=\"modconpin=8642097\"/>");
        secrets.read_body(
            b"<param name=\"vm-password\" value=\"2000000\"/><param name=\"conpin\" value=\"$${modconpin}\"/>",
        );
        for (kind, planted) in [
            ("a password", "gehört \"zu\" <mir> & \\"),
            ("a password", "GEHöRT \"zu\" <mir> & \\"),
            ("a password", "geh%C3%B6rt%20%22zu%22%20%3Cmir%3E%20%26%20%5C"),
            ("a password", "geh%c3%b6rt%20%22zu%22%20%3Cmir%3E%20&%20%5C"),
            ("a password", "gehört \\\"zu\\\" <mir> & \\\\"),
            ("a password", "gehört &quot;zu&quot; &lt;mir&gt; &amp; \\"),
            ("a password", &hex(SOMEBODY.password.as_bytes())),
            ("a password", "Z2Vow7ZydCAienUiIDxtaXI+ICYgXA=="),
            (
                "a password",
                "103, 101, 104, 195, 182, 114, 116, 32, 34, 122, 117, 34, 32, 60, 109, 105, 114, 62, 32, 38, 32, 92",
            ),
            ("the hash of a password", &hex(&Md5::digest("Jürgen:fsconnector:gehört \"zu\" <mir> & \\"))),
            ("the hash of a password", &hex(&Sha256::digest("Jürgen:fsconnector:gehört \"zu\" <mir> & \\"))),
            ("a ticket", "AbCdEfGh12"),
            ("a part of a login", "n0nce-1"),
            ("a part of a login", "4f5e6d"),
            ("the value of `login`", "pass word"),
            ("the value of `login`", "anna:pass%20word"),
            ("a password", "in an answer"),
            ("a PIN", "7391502"),
            ("a password", "of the socket"),
            ("a password", "in a \"file\""),
            ("a PIN", "8642097"),
            ("a query that logs in", "login="),
        ] {
            let line = format!("12:00 INFO before {planted} behind");
            let leak =
                secrets.search(["12:00 INFO nothing", &line]).unwrap_or_else(|| panic!("{planted} was not found"));
            assert_eq!((leak.kind, leak.line.contains(planted)), (kind, false), "{leak}");
            assert!(leak.line.starts_with("12:00 INFO before █████") && leak.line.ends_with(" behind"), "{leak}");
        }
        assert_eq!(secrets.search(["\"Jürgen\" (20000) from 127.0.0.1: $${modconpin} 2000000"]), None);
    }
}
