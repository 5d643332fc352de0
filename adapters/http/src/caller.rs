//! How the gate tells the handlers behind it who is calling.

use std::net::IpAddr;

use fsconnector_engine::access::Role;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::auth::Caller;
use crate::target;

/// The header. What clients send is never passed on, except a few headers of which this is none.
pub(crate) const HEADER: &str = "Fsconnector-Caller";

/// Who sent a request, as the handlers know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedCaller {
    /// What it may do.
    pub(crate) role: Role,
    /// The user's id.
    pub(crate) id: String,
    /// The user's name.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) address: IpAddr,
}

const ESCAPED: &AsciiSet = NON_ALPHANUMERIC;

/// The header's value: `ROLE ADDRESS ID NAME`, the last two percent-encoded.
pub(crate) fn to_header(caller: Caller<'_>, address: IpAddr) -> String {
    let encoded = |text| utf8_percent_encode(text, ESCAPED);
    format!("{} {address} {} {}", caller.role, encoded(caller.user.id.as_str()), encoded(&caller.user.name))
}

/// Reads the header's value.
pub(crate) fn from_header(value: &str) -> Option<NamedCaller> {
    let mut parts = value.split(' ');
    let (role, address, id, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let role = [Role::Admin, Role::Member, Role::Guest].into_iter().find(|known| known.to_string() == role)?;
    Some(NamedCaller {
        role,
        id: target::decode(id)?.into_owned(),
        name: target::decode(name)?.into_owned(),
        address: address.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_caller_arrives_as_it_was_sent() {
        let state = sample::state();
        let (user, role) = state.users.login("mike").unwrap();
        let mut user = user.clone();
        user.name = "a b\r\n%\"日本".into();
        let address = "2001:db8::1".parse().unwrap();
        let header = to_header(Caller { user: &user, role }, address);
        assert!(header.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{header}");
        let expected = NamedCaller { role: Role::Member, id: "21000".into(), name: (*user.name).into(), address };
        assert_eq!(from_header(&header), Some(expected));
        assert_eq!(from_header("root ::1 1 x"), None);
    }
}
