//! How somebody who wants to listen says who it is, in the query of the target.

use std::fmt;

use fsconnector_engine::secret::Secret;

use crate::target;

/// What the query says about who comes.
#[derive(PartialEq, Eq)]
pub(crate) enum Login<'a> {
    /// `login=NAME:PASSWORD`. It can be understood in several ways.
    Password(Vec<NameAndPassword>),
    /// `ticket=T`
    Ticket(&'a str),
    /// Nothing.
    Absent,
    /// There is more than one of them.
    Unclear,
}

/// A name and a password, as somebody says.
#[derive(PartialEq, Eq)]
pub(crate) struct NameAndPassword {
    pub(crate) name: String,
    pub(crate) password: Secret,
}

/// All of it is secret: even a name could be a part of a password, if a colon was forgotten.
impl fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::Ticket(_) => "Ticket",
            Self::Absent => "Absent",
            Self::Unclear => "Unclear",
        })
    }
}

impl<'a> Login<'a> {
    /// Reads the query, which is without its question mark.
    ///
    /// Some clients encode nothing. So the value of `login` may end at the next `&` or be all of the rest, and what looks
    /// percent-encoded may be so or not.
    pub(crate) fn parse(query: &'a str) -> Self {
        let (mut logins, mut tickets) = (Vec::new(), Vec::new());
        let mut rest = Some(query);
        while let Some(parameters) = rest {
            let (parameter, others) = parameters.split_once('&').map_or((parameters, None), |(a, b)| (a, Some(b)));
            if let Some(to_the_end) = parameters.strip_prefix("login=") {
                logins.push([to_the_end, parameter.strip_prefix("login=").unwrap_or_default()]);
            }
            tickets.extend(parameter.strip_prefix("ticket="));
            rest = others;
        }
        match (&*logins, &*tickets) {
            ([values], _) => Self::Password(candidates(*values)),
            ([], [ticket]) => Self::Ticket(ticket),
            ([], []) => Self::Absent,
            _ => Self::Unclear,
        }
    }
}

/// All that these values can mean, each once.
fn candidates(values: [&str; 2]) -> Vec<NameAndPassword> {
    let mut candidates = Vec::new();
    for value in values {
        for text in [target::decode(value), Some(value.into())].into_iter().flatten() {
            let Some((name, password)) = text.split_once(':') else { continue };
            let candidate = NameAndPassword { name: name.into(), password: Secret::new(password) };
            if !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
        }
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: &[(&str, &str)]) {
        let Login::Password(found) = Login::parse(query) else { panic!("{query}") };
        let found: Vec<_> = found.iter().map(|found| (&*found.name, found.password.expose())).collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn a_plain_login_means_one_thing() {
        check("login=anna:secret", &[("anna", "secret")]);
        check("login=anna:", &[("anna", "")]);
        check("login=:x", &[("", "x")]);
        check("a=b&login=anna:p:w+d", &[("anna", "p:w+d")]);
        check("login=日本:ü", &[("日本", "ü")]);
        check("login=anna", &[]);
        check("login=", &[]);
    }

    #[test]
    fn a_login_that_can_be_understood_in_several_ways_is() {
        check("login=anna:a&b", &[("anna", "a&b"), ("anna", "a")]);
        check("login=a&b:c", &[("a&b", "c")]);
        check("login=anna%3a%41", &[("anna", "A")]);
        check("login=anna:%41", &[("anna", "A"), ("anna", "%41")]);
        check("login=J%C3%BCrgen:x", &[("Jürgen", "x"), ("J%C3%BCrgen", "x")]);
        check("login=anna:100%", &[("anna", "100%")]);
        check("login=anna:%FF", &[("anna", "%FF")]);
        let all = [("a", "A&B&ticket=1"), ("a", "%41&%42&ticket=1"), ("a", "A"), ("a", "%41")];
        check("login=a:%41&%42&ticket=1", &all);
    }

    #[test]
    fn there_is_one_login_or_one_ticket() {
        assert_eq!(Login::parse("ticket=abc"), Login::Ticket("abc"));
        assert_eq!(Login::parse("x&ticket=abc&y=z"), Login::Ticket("abc"));
        for absent in ["", "x", "login", "&", "xlogin=a:b", "x=login=a:b", "Login=a:b", "%6cogin=a:b"] {
            assert_eq!(Login::parse(absent), Login::Absent, "{absent}");
        }
        for unclear in ["login=a:b&login=c:d", "login=a:b&x&login=a:b", "ticket=a&ticket=a"] {
            assert_eq!(Login::parse(unclear), Login::Unclear, "{unclear}");
        }
    }

    #[test]
    fn a_debug_print_shows_no_part_of_it() {
        assert_eq!(format!("{:?}", Login::parse("login=anna:secret")), "Password");
        assert_eq!(format!("{:?}", Login::parse("ticket=secret")), "Ticket");
    }
}
