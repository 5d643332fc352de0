//! The provisioning of phones: what is made for the caller's own, and the firmware that is the same for all.

use std::io;

use fsconnector_disk::{RelPath, Root};
use fsconnector_engine::mac::Mac;
use fsconnector_engine::state::{State, User};

use super::media_type;
use super::offer::{Keeping, Offer, refusal};
use super::plain_name::PlainName;
use super::reply::Reply;
use super::wish::Wish;
use crate::caller::NamedCaller;

/// The folder of the phones in the static tree.
const PHONES: &str = "polycom";
/// The folder in there of what is the same for all.
const SHARED: &str = "ucs";
/// The names that end so are of files that are the same for all: firmware, pictures, sounds, versions.
const SHARED_ENDINGS: [&str; 4] = ["ld", "jpg", "wav", "ver"];

/// A file of the static tree that a phone gets.
#[derive(Debug, PartialEq, Eq)]
struct Provision {
    path: RelPath,
    keeping: Keeping,
}

/// The user who asks, as long as that is the same one. Since the gate has looked, the id may have become somebody else's.
pub(super) fn user<'s>(state: &'s State, caller: &NamedCaller) -> Option<&'s User> {
    state.users.by_id(&caller.id).filter(|user| *user.name == *caller.name)
}

/// Answers with the provisioning of this user's Linphone.
pub(super) fn linphone(tree: Option<&Root>, user: &User, wish: &Wish<'_>) -> Reply {
    reply(tree, Provision::linphone(user.id.as_str()), wish)
}

/// Answers with a file of this user's Polycom phone, or with one for all of them, as its name says.
pub(super) fn phone(tree: Option<&Root>, state: &State, user: &User, wish: &Wish<'_>) -> Reply {
    let provision = wish.name().and_then(|name| {
        if is_shared(&name) { Provision::shared(None, &[name]) } else { Provision::own(&phone_of(state, user)?, &name) }
    });
    reply(tree, provision, wish)
}

/// Answers with a file for all Polycom phones, in this folder.
pub(super) fn shared(tree: Option<&Root>, folder: &str, wish: &Wish<'_>) -> Reply {
    reply(tree, wish.names().and_then(|names| Provision::shared(Some(folder), &names)), wish)
}

/// The address of this user's phone. Of two users with one phone it is the first one's, as its files are.
pub(super) fn phone_of(state: &State, user: &User) -> Option<Mac> {
    let mac = Mac::parse(&user.polymac)?;
    let owner = state.users.iter().find(|user| Mac::parse(&user.polymac).as_ref() == Some(&mac))?;
    (owner.id == user.id).then_some(mac)
}

fn is_shared(name: &PlainName) -> bool {
    name.extension().is_some_and(|extension| SHARED_ENDINGS.contains(&extension))
}

impl Provision {
    /// The file of a user's Linphone; nothing if the id is no plain name.
    fn linphone(id: &str) -> Option<Self> {
        let folder = RelPath::parse("linphone")?.join(id).filter(|folder| folder.file_name() == id)?;
        Some(Self { path: folder.join("linphone.xml")?, keeping: Keeping::Never })
    }

    /// The file of this name of one phone.
    fn own(mac: &Mac, name: &PlainName) -> Option<Self> {
        let path = RelPath::parse(&format!("{PHONES}/{mac}/{name}"))?;
        Some(Self { path, keeping: Keeping::Never })
    }

    /// The file of these names that is the same for all phones.
    fn shared(folder: Option<&str>, names: &[PlainName]) -> Option<Self> {
        let steps = [PHONES, SHARED].into_iter().chain(folder).chain(names.iter().map(PlainName::as_str));
        let path = RelPath::parse(&steps.collect::<Vec<_>>().join("/"))?;
        Some(Self { path, keeping: Keeping::AskAgain })
    }
}

fn reply(tree: Option<&Root>, provision: Option<Provision>, wish: &Wish<'_>) -> Reply {
    file(tree, provision, wish).unwrap_or_else(|error| refusal("the provisioning of a phone", &error))
}

fn file(tree: Option<&Root>, provision: Option<Provision>, wish: &Wish<'_>) -> io::Result<Reply> {
    let (tree, Provision { path, keeping }) = tree.zip(provision).ok_or(io::ErrorKind::NotFound)?;
    Offer { media_type: media_type_of(path.file_name()), keeping }.reply(tree.open(&path)?, wish)
}

/// The media type of a file for a phone. What a phone has put there is no page for a browser.
fn media_type_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("xml" | "cfg") => "application/xml",
        Some("log") => "text/plain; charset=utf-8",
        Some(ending) if SHARED_ENDINGS.contains(&ending) => media_type::of(name),
        _ => media_type::UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use fsconnector_engine::access::Role;
    use fsconnector_engine::state::Users;

    use crate::sample;

    /// The sample's state, where the users have these phones.
    fn with_phones(phones: [&str; 3]) -> State {
        let state = sample::state();
        let users = state.users.iter().zip(phones);
        let users = users.map(|(user, polymac)| User { polymac: polymac.into(), ..user.clone() }).collect();
        State { users: Arc::new(Users::new(users, &state.config)), ..State::clone(&state) }
    }

    fn caller(id: &str, name: &str) -> NamedCaller {
        NamedCaller { role: Role::Guest, id: id.into(), name: name.into(), address: [192, 0, 2, 1].into() }
    }

    fn phone(state: &State, id: &str) -> Option<String> {
        phone_of(state, state.users.by_id(id).unwrap()).map(|mac| mac.to_string())
    }

    #[test]
    fn whoever_was_given_the_id_of_a_caller_meanwhile_is_another_one() {
        let state = sample::state();
        let found = |id, name| user(&state, &caller(id, name)).map(|user| user.id.as_str());
        assert_eq!(found("21000", "mike"), Some("21000"));
        assert_eq!(found("21000", "somebody before mike"), None);
        assert_eq!(found("23000", "mike"), None);
    }

    #[test]
    fn everybody_has_the_own_phone_or_none() {
        let state = with_phones(["none", "00:04:F2:00:00:01", "x"]);
        assert_eq!(phone(&state, "20000"), None);
        assert_eq!(phone(&state, "21000").as_deref(), Some("0004f2000001"));
        assert_eq!(phone(&state, "22000"), None);
    }

    #[test]
    fn a_phone_of_two_users_is_the_first_ones() {
        let state = with_phones(["none", "0004f2000001", "00-04-F2-00-00-01"]);
        assert_eq!(phone(&state, "21000").as_deref(), Some("0004f2000001"));
        assert_eq!(phone(&state, "22000"), None);
    }

    #[test]
    fn the_ending_says_whether_a_file_is_for_all_and_its_case_counts() {
        let is_shared = |name| is_shared(&PlainName::parse(name).unwrap());
        for name in ["a.ld", "a.b.jpg", "x.wav", "sip.ver"] {
            assert!(is_shared(name), "{name}");
        }
        for name in ["a.LD", "ld", "a.ld.cfg", "a.cfg", "a.ld "] {
            assert!(!is_shared(name), "{name}");
        }
    }

    #[test]
    fn an_id_that_is_no_name_has_no_file() {
        let path = |id| Provision::linphone(id).map(|provision| provision.path.to_string());
        assert_eq!(path("20000").as_deref(), Some("linphone/20000/linphone.xml"));
        assert_eq!(path("a b").as_deref(), Some("linphone/a b/linphone.xml"));
        for id in ["..", ".", "a/b", "../20000", "a/../20000", "a\\b", "a\0", ""] {
            assert_eq!(path(id), None, "{id}");
        }
    }
}
