//! What stands in an `Authorization: Digest` header (RFC 7616 §3.4).

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// The parameters of a Digest `Authorization` header that has all of them, each once.
#[derive(Debug)]
pub(crate) struct Credentials<'a> {
    pub(crate) username: Username<'a>,
    pub(crate) realm: Value<'a>,
    pub(crate) nonce: Value<'a>,
    pub(crate) uri: Value<'a>,
    pub(crate) response: Value<'a>,
    pub(crate) cnonce: Value<'a>,
    /// As sent, since it goes into the hash like that.
    pub(crate) nc: Value<'a>,
    pub(crate) qop: Value<'a>,
    /// Absent means MD5.
    pub(crate) algorithm: Option<Value<'a>>,
}

/// Who the client says it is.
#[derive(Debug)]
pub(crate) enum Username<'a> {
    /// `username="…"`
    Quoted(Value<'a>),
    /// `username*=UTF-8''…` (RFC 8187), decoded.
    Extended(String),
}

/// A parameter's value, without the quotes around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Value<'a> {
    /// The value as it was sent between its quotes.
    pub(crate) fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// The value with its quoted pairs (`\"`, `\\`) resolved.
    pub(crate) fn text(self) -> Cow<'a, [u8]> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut text = Vec::with_capacity(self.raw.len());
        let mut bytes = self.raw.iter();
        while let Some(byte) = bytes.next() {
            // A backslash at the very end cannot be: it would have escaped the closing quote.
            text.push(if *byte == b'\\' { *bytes.next().unwrap_or(byte) } else { *byte });
        }
        Cow::Owned(text)
    }
}

impl<'a> Credentials<'a> {
    /// Reads the header's value; nothing if it is of another scheme, malformed, or not what RFC 7616 asks of a client
    /// that was offered `qop=auth` (the older RFC 2069 had neither `qop` nor `nc` nor `cnonce`).
    pub(crate) fn parse(header: &'a [u8]) -> Option<Self> {
        let (scheme, parameters) = header.split_at_checked("Digest ".len())?;
        if !scheme.eq_ignore_ascii_case(b"Digest ") {
            return None;
        }
        let mut found = Found::default();
        let mut rest = Scanner(parameters);
        while rest.skip_separators() {
            let (name, value) = rest.parameter()?;
            found.note(name, value)?;
        }
        found.complete()
    }
}

/// The parameters seen so far.
#[derive(Default)]
struct Found<'a> {
    username: Option<Value<'a>>,
    extended: Option<Value<'a>>,
    realm: Option<Value<'a>>,
    nonce: Option<Value<'a>>,
    uri: Option<Value<'a>>,
    response: Option<Value<'a>>,
    cnonce: Option<Value<'a>>,
    nc: Option<Value<'a>>,
    qop: Option<Value<'a>>,
    algorithm: Option<Value<'a>>,
    userhash: Option<Value<'a>>,
}

impl<'a> Found<'a> {
    /// Nothing if the parameter was there before. Unknown parameters are passed over, as RFC 7616 asks.
    fn note(&mut self, name: &[u8], value: Value<'a>) -> Option<()> {
        let known: [(&str, &mut Option<Value<'a>>); 11] = [
            ("username", &mut self.username),
            ("username*", &mut self.extended),
            ("realm", &mut self.realm),
            ("nonce", &mut self.nonce),
            ("uri", &mut self.uri),
            ("response", &mut self.response),
            ("cnonce", &mut self.cnonce),
            ("nc", &mut self.nc),
            ("qop", &mut self.qop),
            ("algorithm", &mut self.algorithm),
            ("userhash", &mut self.userhash),
        ];
        for (known_name, place) in known {
            if name.eq_ignore_ascii_case(known_name.as_bytes()) {
                return place.replace(value).is_none().then_some(());
            }
        }
        Some(())
    }

    fn complete(self) -> Option<Credentials<'a>> {
        // Hashed names were not offered, so whoever sends one does not mean us.
        if self.userhash.is_some_and(|userhash| !userhash.raw.eq_ignore_ascii_case(b"false")) {
            return None;
        }
        let username = match (self.username, self.extended) {
            (Some(quoted), None) => Username::Quoted(quoted),
            (None, Some(extended)) => Username::Extended(decode_extended(extended.raw)?),
            _ => return None,
        };
        Some(Credentials {
            username,
            realm: self.realm?,
            nonce: self.nonce?,
            uri: self.uri?,
            response: self.response?,
            cnonce: self.cnonce?,
            nc: self.nc?,
            qop: self.qop?,
            algorithm: self.algorithm,
        })
    }
}

/// RFC 8187: `charset'language'percent-encoded`.
fn decode_extended(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    if !charset.eq_ignore_ascii_case(b"UTF-8") {
        return None;
    }
    Some(percent_decode(encoded).decode_utf8().ok()?.into_owned())
}

/// Takes `name=value` pairs off the front.
struct Scanner<'a>(&'a [u8]);

impl<'a> Scanner<'a> {
    /// Passes over blanks and commas; whether there is more.
    fn skip_separators(&mut self) -> bool {
        self.take_while(|byte| matches!(byte, b' ' | b'\t' | b','));
        !self.0.is_empty()
    }

    /// A parameter, up to the comma after it or the end; nothing if there is something else.
    fn parameter(&mut self) -> Option<(&'a [u8], Value<'a>)> {
        let name = self.take_while(is_token);
        self.take_while(is_blank);
        self.0 = self.0.strip_prefix(b"=")?;
        self.take_while(is_blank);
        let value = match self.0.strip_prefix(b"\"") {
            Some(quoted) if name.eq_ignore_ascii_case(b"username") => self.rest_of_name(quoted)?,
            Some(quoted) => self.rest_of_quoted(quoted)?,
            None => Value { raw: self.take_while(is_token), escaped: false },
        };
        self.take_while(is_blank);
        matches!(self.0.first(), None | Some(b',')).then_some((name, value))
    }

    /// A name whose opening quote is gone already. Linphone escapes nothing: a quote in the name stands there as it is, and
    /// only what comes after the last one shows that it is the end.
    fn rest_of_name(&mut self, text: &'a [u8]) -> Option<Value<'a>> {
        let value = self.rest_of_quoted(text).filter(|_| self.is_before_parameter());
        value.or_else(|| {
            let quotes = text.iter().enumerate().filter(|(_, byte)| **byte == b'"').map(|(at, _)| at);
            quotes.into_iter().find_map(|at| {
                let (raw, rest) = text.split_at_checked(at)?;
                let rest = Self(rest.strip_prefix(b"\"")?);
                rest.is_before_parameter().then(|| {
                    self.0 = rest.0;
                    Value { raw, escaped: false }
                })
            })
        })
    }

    /// Whether a comma, a name and an equals sign come next, or nothing.
    fn is_before_parameter(&self) -> bool {
        let mut rest = Self(self.0);
        rest.take_while(is_blank);
        if !matches!(rest.0.first(), None | Some(b',')) {
            return false;
        }
        let is_last = !rest.skip_separators();
        let name = rest.take_while(is_token);
        rest.take_while(is_blank);
        is_last || (!name.is_empty() && rest.0.first() == Some(&b'='))
    }

    /// A quoted string whose opening quote is gone already.
    fn rest_of_quoted(&mut self, text: &'a [u8]) -> Option<Value<'a>> {
        let mut escaped = false;
        let mut at = 0;
        loop {
            match text.get(at)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    at += 2;
                }
                _ => at += 1,
            }
        }
        let (raw, rest) = text.split_at_checked(at)?;
        self.0 = rest.strip_prefix(b"\"")?;
        Some(Value { raw, escaped })
    }

    fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !fits(*byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str =
        r#"realm="r", nonce="n", uri="/a?b=\"c\"", response="x", cnonce="c", nc=00000001, qop=auth, opaque="o""#;

    fn username(parameters: &str) -> Option<String> {
        let header = format!("Digest {parameters}, {REST}");
        match Credentials::parse(header.as_bytes())?.username {
            Username::Quoted(value) => Some(String::from_utf8(value.text().into_owned()).unwrap()),
            Username::Extended(name) => Some(name),
        }
    }

    #[test]
    fn parameters_are_tokens_or_quoted_strings_in_any_case_and_spacing() {
        let header = b"dIGEST ,, UserName = \"a b\" ,realm=\"r\",nonce=n\t, uri=\"/\",response=x , cnonce=c,NC=\"01\", qop=\"auth\", algorithm=MD5,";
        let credentials = Credentials::parse(header).unwrap();
        assert_eq!(credentials.nc.raw(), b"01");
        assert_eq!(credentials.algorithm.unwrap().raw(), b"MD5");
    }

    #[test]
    fn quoted_pairs_are_resolved_and_the_raw_text_is_kept() {
        assert_eq!(username(r#"username="say \"hi\" \\ é""#).unwrap(), r#"say "hi" \ é"#);
        let header = format!("Digest username=\"a\", {REST}");
        let credentials = Credentials::parse(header.as_bytes()).unwrap();
        assert_eq!(credentials.uri.raw(), br#"/a?b=\"c\""#);
        assert_eq!(&*credentials.uri.text(), br#"/a?b="c""#);
    }

    #[test]
    fn a_name_whose_quotes_and_backslashes_nobody_escaped_ends_where_the_next_parameter_begins() {
        for name in [r#"Jürgen "der Große" Müller"#, r#"""#, r#"a", b"#, r#"back\slash \" end\"#, r"x\", r#"", "x"#]
        {
            assert_eq!(username(&format!("username=\"{name}\"")).as_deref(), Some(name), "{name}");
        }
        // The name last in the header.
        let header = format!(r#"Digest {REST}, username="say "hi"""#);
        let Username::Quoted(name) = Credentials::parse(header.as_bytes()).unwrap().username else { panic!() };
        assert_eq!(name.raw(), br#"say "hi""#);
    }

    #[test]
    fn an_extended_username_is_decoded_from_utf_8_only() {
        assert_eq!(username("username*=UTF-8''J%C3%A4s%C3%B8n%20Doe").unwrap(), "Jäsøn Doe");
        assert_eq!(username("username*=utf-8'en'%E6%97%A5%E6%9C%AC").unwrap(), "日本");
        for bad in ["ISO-8859-1''J%E4s", "UTF-8''%FF", "UTF-8'x", "x"] {
            assert_eq!(username(&format!("username*={bad}")), None, "{bad}");
        }
    }

    #[test]
    fn both_kinds_of_username_at_once_and_hashed_names_are_refused() {
        assert_eq!(username("username=\"a\", username*=UTF-8''a"), None);
        assert_eq!(username("username=\"a\", userhash=true"), None);
        assert_eq!(username("username=\"a\", userhash=false").unwrap(), "a");
    }

    #[test]
    fn a_repeated_or_missing_parameter_makes_the_header_malformed() {
        assert_eq!(username("username=\"a\", nc=2"), None);
        assert_eq!(username("other=1"), None);
        for missing in ["realm", "nonce", "uri", "response", "cnonce", "nc", "qop"] {
            let without: Vec<&str> =
                REST.split(", ").filter(|part| !part.starts_with(&format!("{missing}="))).collect();
            let header = format!("Digest username=\"a\", {}", without.join(", "));
            assert!(Credentials::parse(header.as_bytes()).is_none(), "{missing}");
        }
    }

    #[test]
    fn other_schemes_and_broken_syntax_are_refused() {
        for bad in [
            "",
            "Digest",
            "Digest ",
            "Basic YTpi",
            "Digest a",
            "Digest =x",
            "Digest username=\"a",
            "Digest username=\"a\\",
            "Digest username=\"a\" realm=\"r\"",
            "Digest username=\"a\"x",
            "Digest ;",
        ] {
            assert!(Credentials::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
