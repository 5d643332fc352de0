//! The arithmetic of HTTP Digest (RFC 7616 §3.4) with `qop=auth`.

use md5::Md5;
use sha2::{Digest, Sha256};

/// A hash that is offered to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// What every client knows.
    Md5,
    /// What newer clients know as well.
    Sha256,
}

impl Algorithm {
    /// In the order in which they are offered: old phones take the first challenge they see, whatever it says.
    pub(crate) const OFFERED: [Self; 2] = [Self::Md5, Self::Sha256];

    /// The token in headers.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// Reads the `algorithm` parameter. The `-sess` variants were not offered and are none of ours.
    pub(crate) fn parse(parameter: Option<&[u8]>) -> Option<Self> {
        let Some(token) = parameter else { return Some(Self::Md5) };
        Self::OFFERED.into_iter().find(|algorithm| token.eq_ignore_ascii_case(algorithm.token().as_bytes()))
    }
}

/// Everything the response is a hash of.
#[derive(Clone, Copy)]
pub(crate) struct Ingredients<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) realm: &'a [u8],
    pub(crate) password: &'a [u8],
    pub(crate) method: &'a [u8],
    pub(crate) uri: &'a [u8],
    pub(crate) nonce: &'a [u8],
    pub(crate) nc: &'a [u8],
    pub(crate) cnonce: &'a [u8],
}

impl Ingredients<'_> {
    /// The `response` a client that knows the password sends.
    pub(crate) fn response(&self, algorithm: Algorithm) -> Hex {
        match algorithm {
            Algorithm::Md5 => self.hashed::<Md5>(),
            Algorithm::Sha256 => self.hashed::<Sha256>(),
        }
    }

    fn hashed<D: Digest>(&self) -> Hex {
        let secret = joined::<D>(&[self.name, self.realm, self.password]);
        let request = joined::<D>(&[self.method, self.uri]);
        joined::<D>(&[secret.as_bytes(), self.nonce, self.nc, self.cnonce, b"auth", request.as_bytes()])
    }
}

/// The hash of `parts` with colons between them.
fn joined<D: Digest>(parts: &[&[u8]]) -> Hex {
    #[cfg(test)]
    HASHED.set(HASHED.get() + 1);
    let mut hash = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    Hex::of(&hash.finalize())
}

#[cfg(test)]
std::thread_local! {
    /// How often this thread has hashed something.
    pub(super) static HASHED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// At most 32 bytes in lower-case hexadecimal digits.
#[derive(Clone, Copy)]
pub(crate) struct Hex {
    digits: [u8; 64],
    len: usize,
}

impl Hex {
    /// `bytes` as digits; what is beyond 32 bytes is dropped.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 64];
        let mut len = 0;
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            len += 2;
        }
        Self { digits, len }
    }

    /// The digits.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(hex: Hex) -> String {
        String::from_utf8(hex.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_example_of_rfc_7616_3_9_1_comes_out_right() {
        let mufasa = Ingredients {
            name: b"Mufasa",
            realm: b"http-auth@example.org",
            password: b"Circle of Life",
            method: b"GET",
            uri: b"/dir/index.html",
            nonce: b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            nc: b"00000001",
            cnonce: b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        };
        assert_eq!(text(mufasa.response(Algorithm::Md5)), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            text(mufasa.response(Algorithm::Sha256)),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    #[test]
    fn another_implementation_agrees() {
        for (algorithm, name, password) in
            [(Algorithm::Md5, "anna", "x y:z"), (Algorithm::Sha256, "日本", "ü\"\\"), (Algorithm::Md5, "a\"b&c", "")]
        {
            let challenge =
                format!(r#"Digest realm="fs \"x\"", nonce="00ff", qop="auth", algorithm={}"#, algorithm.token());
            let context = digest_auth::AuthContext::new(name, password, "/api/users?x=%20");
            let answer = digest_auth::parse(&challenge).unwrap().respond(&context).unwrap();
            let ours = Ingredients {
                name: name.as_bytes(),
                realm: br#"fs "x""#,
                password: password.as_bytes(),
                method: b"GET",
                uri: b"/api/users?x=%20",
                nonce: b"00ff",
                nc: b"00000001",
                cnonce: answer.cnonce.as_ref().unwrap().as_bytes(),
            };
            assert_eq!(text(ours.response(algorithm)), answer.response, "{name}");
        }
    }

    #[test]
    fn an_absent_algorithm_is_md5_and_session_variants_are_none() {
        assert_eq!(Algorithm::parse(None), Some(Algorithm::Md5));
        assert_eq!(Algorithm::parse(Some(b"sha-256")), Some(Algorithm::Sha256));
        for other in ["MD5-sess", "SHA-256-sess", "SHA-512-256", ""] {
            assert_eq!(Algorithm::parse(Some(other.as_bytes())), None, "{other}");
        }
    }
}
