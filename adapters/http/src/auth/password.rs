//! Logging in with the password itself, for clients that can do nothing else.

use std::net::IpAddr;
use std::time::Duration;

use fsconnector_engine::state::Users;
use fsconnector_engine::time::Mono;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::limiter::Admission;
use super::{Authenticator, Caller, Judgement, Verdict};
use crate::live::NameAndPassword;

impl Authenticator {
    /// Judges somebody who says a name and a password that can be understood in these ways. That one of them is right is
    /// enough; if none is, that counts as one failure for each name.
    pub(crate) fn judge_passwords<'s>(
        &self,
        users: &'s Users,
        candidates: &[NameAndPassword],
        address: IpAddr,
        now: Mono,
    ) -> Judgement<'s> {
        let mut names: Vec<&str> = candidates.iter().map(|candidate| &*candidate.name).collect();
        names.sort_unstable();
        names.dedup();
        let delay = match self.admit(now, address, users, names.iter().copied()) {
            Admission::Admitted { delay } => delay,
            Admission::Refused { wait } => {
                return Judgement { verdict: Verdict::TooMany { wait }, delay: Duration::ZERO };
            }
        };
        let mut proven = None;
        for candidate in candidates {
            // None is passed over, so that how long it takes says nothing.
            proven = prove(users, candidate).or(proven);
        }
        if let Some(caller) = proven {
            self.succeeded(now, address, users, caller, names.into_iter());
            return Judgement { verdict: Verdict::Known(caller), delay };
        }
        self.failed(now, address, users, names.into_iter());
        Judgement { verdict: Verdict::Unproven { stale: false }, delay }
    }
}

/// The user, if this is its name and password. The same is computed when nobody has the name.
fn prove<'s>(users: &'s Users, candidate: &NameAndPassword) -> Option<Caller<'s>> {
    let login = users.login(&candidate.name);
    let password = login.map_or("nobody has this password", |(user, _)| user.password.expose());
    // Of hashes all bytes are compared, whatever the lengths of the passwords.
    let [known, said] = [password, candidate.password.expose()].map(Sha256::digest);
    let right: bool = known.as_slice().ct_eq(said.as_slice()).into();
    let (user, role) = login?;
    right.then_some(Caller { user, role })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use fsconnector_engine::secret::Secret;

    const NOW: Mono = Mono(1_000_000);
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn authenticator() -> Authenticator {
        Authenticator::new("x".into(), &[7; 64])
    }

    /// `known NAME`, `unproven` or `too many`.
    fn judged(authenticator: &Authenticator, says: &[(&str, &str)], address: IpAddr) -> String {
        let candidate = |(name, password): &(&str, &str)| NameAndPassword {
            name: (*name).into(),
            password: Secret::new(*password),
        };
        let candidates: Vec<_> = says.iter().map(candidate).collect();
        let state = sample::state();
        match authenticator.judge_passwords(&state.users, &candidates, address, NOW).verdict {
            Verdict::Known(caller) => format!("known {}", caller.user.name),
            Verdict::Unproven { .. } => "unproven".into(),
            Verdict::TooMany { .. } => "too many".into(),
        }
    }

    #[test]
    fn one_right_password_is_enough() {
        let authenticator = authenticator();
        let good = ("anna", sample::PASSWORD);
        assert_eq!(judged(&authenticator, &[good], HERE), "known anna");
        assert_eq!(judged(&authenticator, &[("anna", "x"), good], HERE), "known anna");
        assert_eq!(judged(&authenticator, &[good, ("anna", "x"), ("nobody", "y")], HERE), "known anna");
        for bad in [("anna", ""), ("anna", "x"), ("nobody", sample::PASSWORD), ("nobody", "nobody has this password")] {
            assert_eq!(judged(&authenticator, &[bad], HERE), "unproven", "{bad:?}");
        }
        assert_eq!(judged(&authenticator, &[], HERE), "unproven");
    }

    #[test]
    fn who_guesses_is_locked_out_and_nobody_else() {
        let authenticator = authenticator();
        for _ in 0..5 {
            assert_eq!(judged(&authenticator, &[("anna", "x"), ("anna", "y")], HERE), "unproven");
        }
        let good = ("anna", sample::PASSWORD);
        assert_eq!(judged(&authenticator, &[good], HERE), "too many");
        assert_eq!(judged(&authenticator, &[("x", "y"), good], HERE), "too many", "no way around it");
        assert_eq!(judged(&authenticator, &[("mike", sample::PASSWORD)], HERE), "known mike");
        assert_eq!(judged(&authenticator, &[good], "192.0.2.1".parse().unwrap()), "known anna");
    }
}
