//! Who is calling: HTTP Digest (RFC 7616) against the users of the published state.

mod credentials;
mod digest;
mod limiter;
mod nonce;
mod password;
mod source;
mod uses;

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fsconnector_engine::access::Role;
use fsconnector_engine::change::command;
use fsconnector_engine::state::{User, Users};
use fsconnector_engine::time::Mono;
use log::Level;
use prometheus_client::registry::Registry;
use subtle::ConstantTimeEq;

use crate::shown::Shown;
use crate::sparing::Sparing;
use credentials::{Credentials, Username};
use digest::{Algorithm, Ingredients};
use limiter::{Admission, Limiter};
use nonce::{Mint, Provenance};
pub(crate) use source::Source;
use uses::{Use, Uses};

/// Judges the `Authorization` headers of requests.
pub(crate) struct Authenticator {
    realm: String,
    mint: Mint,
    uses: Mutex<Uses>,
    limiter: Mutex<Limiter>,
    log: Mutex<FailureLog>,
}

/// What the log hears of failures: whoever guesses does not flood it, and drown what others do.
struct FailureLog {
    failures: Sparing,
    refusals: Sparing,
}

/// So many lines of each kind are written at a time.
const LINES: u32 = 20;

/// What the judgement rests on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    /// The request's method.
    pub(crate) method: &'a str,
    /// The request's target, exactly as it was sent.
    pub(crate) target: &'a str,
    /// The header's value; nothing if there is none, or not exactly one.
    pub(crate) authorization: Option<&'a [u8]>,
    /// Where the request comes from.
    pub(crate) address: IpAddr,
}

/// Who sent a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'s> {
    /// The user of the directory.
    pub(crate) user: &'s User,
    /// The role of its context.
    pub(crate) role: Role,
}

impl Caller<'_> {
    /// As the log knows it, at this address.
    pub(crate) fn at(self, address: IpAddr) -> command::Caller {
        command::Caller { id: self.user.id.clone(), name: self.user.name.to_string(), address }
    }
}

/// The outcome for one request.
#[derive(Debug)]
pub(crate) struct Judgement<'s> {
    pub(crate) verdict: Verdict<'s>,
    /// How long the answer is held back.
    pub(crate) delay: Duration,
}

/// Whether the caller is who it says.
#[derive(Debug)]
pub(crate) enum Verdict<'s> {
    /// It is.
    Known(Caller<'s>),
    /// It has to try (again).
    Unproven {
        /// Name and password are right, only the nonce is used up.
        stale: bool,
    },
    /// It has failed too often to be looked at.
    TooMany {
        /// For how long.
        wait: Duration,
    },
}

impl Authenticator {
    /// An authenticator for `realm`. The `key`, for its nonces, has to come from the operating system's randomness.
    pub(crate) fn new(realm: String, key: &[u8; 64]) -> Self {
        let log = FailureLog { failures: Sparing::after(LINES), refusals: Sparing::after(LINES) };
        let mint = Mint::new(key);
        Self { realm, mint, uses: Mutex::default(), limiter: Mutex::default(), log: Mutex::new(log) }
    }

    /// Judges one request.
    pub(crate) fn judge<'s>(&self, users: &'s Users, attempt: Attempt<'_>, now: Mono) -> Judgement<'s> {
        let Some(claim) = self.claim(attempt) else {
            return Judgement { verdict: Verdict::Unproven { stale: false }, delay: Duration::ZERO };
        };
        match self.admit(now, attempt.address, users, claim.names.all()) {
            Admission::Refused { wait } => Judgement { verdict: Verdict::TooMany { wait }, delay: Duration::ZERO },
            Admission::Admitted { delay } => Judgement { verdict: self.check(users, attempt, &claim, now), delay },
        }
    }

    /// Has told how often somebody could not log in.
    pub(crate) fn report(&self, registry: &mut Registry) {
        lock(&self.limiter).report(registry);
    }

    /// The values of the `WWW-Authenticate` headers of a 401. Both carry the same nonce, since some clients mix them up.
    pub(crate) fn challenges(&self, now: Mono, stale: bool) -> [String; 2] {
        let nonce = self.mint.issue(now);
        Algorithm::OFFERED.map(|algorithm| {
            let mut challenge = String::from("Digest realm=\"");
            for character in self.realm.chars() {
                if matches!(character, '"' | '\\') {
                    challenge.push('\\');
                }
                challenge.push(character);
            }
            challenge.push_str("\", qop=\"auth\", algorithm=");
            challenge.push_str(algorithm.token());
            challenge.push_str(", nonce=\"");
            // Hexadecimal digits are ASCII, and writing into a string does not fail.
            let _ = write!(challenge, "{}", String::from_utf8_lossy(nonce.as_bytes()));
            challenge.push_str(if stale { "\", charset=UTF-8, stale=true" } else { "\", charset=UTF-8" });
            challenge
        })
    }

    /// Whether an attempt that can mean any of these names is looked at. Those that nobody has do not count where it is known
    /// who means them.
    fn admit<'n>(
        &self,
        now: Mono,
        address: IpAddr,
        users: &Users,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Admission {
        let mut limiter = lock(&self.limiter);
        let is_known = names.clone().any(|name| limiter.has_seen(now, address, name));
        limiter.admit(now, address, names.filter(|name| !is_known || users.login(name).is_some()))
    }

    /// Notes that this caller has proven who it is, whichever of these names it meant. What went wrong with those that nobody
    /// has went wrong with its own; but only that one is trusted from now on, for somebody may get those others one day.
    fn succeeded<'n>(
        &self,
        now: Mono,
        address: IpAddr,
        users: &Users,
        caller: Caller<'_>,
        names: impl Iterator<Item = &'n str>,
    ) {
        let mut limiter = lock(&self.limiter);
        for name in names.filter(|name| users.login(name).is_none()) {
            limiter.forgive(address, name);
        }
        limiter.succeeded(now, address, &caller.user.name);
    }

    /// Notes that the password was wrong for these names, whichever of them was meant: what happens must not tell which of
    /// them there is. Only the log says that, and it says none that nobody has: it could be a password, in the wrong field.
    fn failed<'n>(&self, now: Mono, address: IpAddr, users: &Users, names: impl Iterator<Item = &'n str>) {
        for name in names {
            let refused = lock(&self.limiter).failed(now, address, name);
            let known = users.login(name).map(|_| Shown(name.as_bytes()));
            let whom: &dyn Display = known.as_ref().map_or(&"an unknown name", |shown| shown);
            lock(&self.log).tell(whom, address, refused);
        }
    }

    /// The credentials, if they are an answer to one of our challenges for this very request.
    fn claim<'a>(&self, attempt: Attempt<'a>) -> Option<Claim<'a>> {
        let credentials = Credentials::parse(attempt.authorization?)?;
        let target = attempt.target.as_bytes();
        // Some clients do not escape what they put between the quotes of `uri`.
        let uri_fits = credentials.uri.raw() == target || *credentials.uri.text() == *target;
        let realm_fits = *credentials.realm.text() == *self.realm.as_bytes();
        if !uri_fits || !realm_fits || credentials.qop.raw() != b"auth" {
            return None;
        }
        let algorithm = Algorithm::parse(credentials.algorithm.map(credentials::Value::raw))?;
        let count = counter(credentials.nc.raw())?;
        let provenance = self.mint.recognise(credentials.nonce.raw());
        let names = Names::of(&credentials.username);
        (provenance != Provenance::Invented).then_some(Claim { credentials, names, algorithm, count, provenance })
    }

    fn check<'s>(&self, users: &'s Users, attempt: Attempt<'_>, claim: &Claim<'_>, now: Mono) -> Verdict<'s> {
        let login = claim.names.all().find_map(|name| users.login(name));
        let Some(caller) = claim.proves(login, attempt) else {
            self.failed(now, attempt.address, users, claim.names.all());
            return Verdict::Unproven { stale: false };
        };
        // A nonce from before our last restart is not an attack: the client only has to take a new one.
        let Provenance::Ours(nonce) = claim.provenance else { return Verdict::Unproven { stale: true } };
        if nonce.is_expired(now) {
            return Verdict::Unproven { stale: true };
        }
        let noted = lock(&self.uses).note(now, nonce, claim.count);
        match noted {
            Ok(Use::First) => self.succeeded(now, attempt.address, users, caller, claim.names.all()),
            Ok(Use::Further) => (),
            Err(uses::Replayed) => return Verdict::Unproven { stale: true },
        }
        Verdict::Known(caller)
    }
}

impl FailureLog {
    fn tell(&mut self, whom: &dyn Display, address: IpAddr, refused: Option<Duration>) {
        match refused {
            None => self.failures.write(Level::Info, format_args!("wrong password for {whom} from {address}")),
            Some(wait) => {
                let seconds = wait.as_secs();
                self.refusals.warn(format_args!(
                    "wrong password for {whom} from {address}, which is refused for {seconds} s now"
                ));
            }
        }
    }
}

/// Credentials of the right form, whose password is not checked yet.
struct Claim<'a> {
    credentials: Credentials<'a>,
    names: Names<'a>,
    algorithm: Algorithm,
    count: NonZeroU32,
    provenance: Provenance,
}

impl Claim<'_> {
    /// The caller, if the response could only be made with its password. The same is computed when nobody has the name.
    fn proves<'s>(&self, login: Option<(&'s User, Role)>, attempt: Attempt<'_>) -> Option<Caller<'s>> {
        let name = login.map_or(&*self.names.meant, |(user, _)| &user.name);
        let password = login.map_or("nobody has this password", |(user, _)| user.password.expose());
        let expected = Ingredients {
            name: name.as_bytes(),
            realm: &self.credentials.realm.text(),
            password: password.as_bytes(),
            method: attempt.method.as_bytes(),
            uri: attempt.target.as_bytes(),
            nonce: self.credentials.nonce.raw(),
            nc: self.credentials.nc.raw(),
            cnonce: &self.credentials.cnonce.text(),
        }
        .response(self.algorithm);
        let right: bool = expected.as_bytes().ct_eq(self.credentials.response.raw()).into();
        let (user, role) = login?;
        right.then_some(Caller { user, role })
    }
}

/// The name a client means.
struct Names<'a> {
    /// With quoted pairs resolved.
    meant: Cow<'a, str>,
    /// As it stands between the quotes, for clients that do not escape; only where that makes a difference.
    literal: Option<Cow<'a, str>>,
}

impl<'a> Names<'a> {
    fn of(username: &Username<'a>) -> Self {
        match username {
            Username::Extended(name) => Self { meant: Cow::Owned(name.clone()), literal: None },
            Username::Quoted(value) => match value.text() {
                Cow::Borrowed(text) => Self { meant: decoded(text), literal: None },
                Cow::Owned(text) => {
                    let meant = decoded(&text).into_owned();
                    Self { meant: meant.into(), literal: Some(decoded(value.raw())) }
                }
            },
        }
    }

    fn all(&self) -> impl Iterator<Item = &str> + Clone {
        std::iter::once(&*self.meant).chain(self.literal.as_deref())
    }
}

/// UTF-8; what is none was meant as Latin-1. Python's `requests` sends names in that, and yet hashes them as UTF-8.
fn decoded(text: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(text).map_or_else(|_| text.iter().copied().map(char::from).collect(), Cow::Borrowed)
}

/// The value of `nc`: exactly eight hexadecimal digits. Clients count from one.
fn counter(nc: &[u8]) -> Option<NonZeroU32> {
    if nc.len() != 8 || !nc.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    NonZeroU32::new(u32::from_str_radix(std::str::from_utf8(nc).ok()?, 16).ok()?)
}

/// The tables stay sound if a thread panics while it holds one: each is changed by single calls.
fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
