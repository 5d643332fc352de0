//! Users: add, mod, del, rebuild, each item on its own.

use sha2::{Digest, Sha256};

use super::command::{NewUser, UserChange, UserTarget};
use super::draft::{Draft, user_path};
use super::rules::{self, Forbidden};
use super::{Failure, Seed};
use crate::mac::Mac;
use crate::render::{default_pin, resolve_pin};
use crate::secret::Secret;
use crate::state::{User, UserId};

/// Makes a user.
pub(super) fn add(draft: &mut Draft, asked: &NewUser, seed: Seed<'_>) -> Result<User, Failure> {
    let name = asked.name.trim();
    let email = asked.email.trim();
    if draft.name_is_taken(name, None) {
        return Err(Failure::NameTaken);
    }
    if !rules::contains_email(email) {
        return Err(Failure::NoEmail);
    }
    let (place, context) = draft.context(&asked.context).ok_or(Failure::NoContext)?;
    let (context, role) = (context.name.clone(), context.role);
    let polymac = rules::polymac(asked.polymac.as_deref().unwrap_or_default().trim());
    check_phone(draft, &polymac, None)?;
    let id = new_id(draft, place)?;
    let password = asked.password.clone().filter(|password| !password.is_empty());
    let conpin = asked.conpin.clone().filter(|conpin| !conpin.is_empty());
    allow("name", rules::name(name))?;
    allow("password", password.as_ref().map_or(Ok(()), |password| rules::password(password.expose())))?;
    allow("conpin", conpin.as_ref().map_or(Ok(()), |conpin| rules::conpin(conpin.expose())))?;
    allow("email", rules::email(email))?;
    let user = User {
        password: password.unwrap_or_else(|| generated(seed)),
        conpin: conpin.unwrap_or_else(|| Secret::new(default_pin(role))),
        context: context.as_str().into(),
        name: name.into(),
        email: email.into(),
        polymac: allow("polymac", polymac)?.into(),
        id,
    };
    Ok(take_in(draft, user, None))
}

/// Changes a user. What is absent stays, but for the password, which is generated anew, and the phone, which goes.
pub(super) fn change(draft: &mut Draft, asked: &UserChange, seed: Seed<'_>) -> Result<User, Failure> {
    let before = draft.user(&asked.id).cloned().ok_or_else(|| Failure::NoUser(asked.id.clone()))?;
    owned(draft, &before)?;
    let name = Part::new(asked.name.as_deref().map(str::trim), &before.name);
    let email = Part::new(asked.email.as_deref().map(str::trim), &before.email);
    let context = Part::new(asked.context.as_deref(), &before.context);
    if name.is_new && draft.name_is_taken(name.value, Some(&before.id)) {
        return Err(Failure::NameTaken);
    }
    if email.is_new && !rules::contains_email(email.value) {
        return Err(Failure::NoEmail);
    }
    let moves_to = match draft.context(context.value) {
        _ if !context.is_new => None,
        Some((place, _)) => Some(place),
        None => return Err(Failure::NoContext),
    };
    let phone = asked.polymac.as_deref().unwrap_or_default().trim();
    let phone = if phone == &*before.polymac { Ok(phone.to_owned()) } else { rules::polymac(phone) };
    let is_same_phone = |phone: &str| Mac::parse(phone).is_some_and(|mac| Some(mac) == Mac::parse(&before.polymac));
    if !phone.as_deref().is_ok_and(is_same_phone) {
        check_phone(draft, &phone, Some(&before.id))?;
    }
    let id = moves_to.map_or_else(|| Ok(before.id.clone()), |place| new_id(draft, place))?;
    let given = asked.password.clone().filter(|password| !password.is_empty());
    let conpin = asked.conpin.clone().unwrap_or_else(|| before.conpin.clone());
    allow("name", if name.is_new { rules::name(name.value) } else { Ok(()) })?;
    let new_password = given.as_ref().filter(|password| **password != before.password);
    allow("password", new_password.map_or(Ok(()), |password| rules::password(password.expose())))?;
    allow("conpin", if conpin == before.conpin { Ok(()) } else { rules::conpin(conpin.expose()) })?;
    allow("email", if email.is_new { rules::email(email.value) } else { Ok(()) })?;
    let role = draft.role(context.value);
    let user = User {
        password: given.unwrap_or_else(|| generated(seed)),
        conpin: if conpin.is_empty() && asked.conpin.is_some() { Secret::new(default_pin(role)) } else { conpin },
        context: context.value.into(),
        name: name.value.into(),
        email: email.value.into(),
        polymac: allow("polymac", phone)?.into(),
        id,
    };
    Ok(take_in(draft, user, Some(&before.id)))
}

/// Removes a user.
pub(super) fn remove(draft: &mut Draft, asked: &UserTarget) -> Result<User, Failure> {
    let mut before = draft.user(&asked.id).cloned().ok_or_else(|| Failure::NoUser(asked.id.clone()))?;
    owned(draft, &before)?;
    draft.remove_user(&before.id);
    before.conpin = resolve_pin(&draft.state().globals, &before.conpin);
    Ok(before)
}

/// Writes a user anew, as it is.
pub(super) fn rewrite(draft: &mut Draft, user: &User) -> Result<User, Failure> {
    owned(draft, user)?;
    draft.rewrite_user(user.clone());
    let conpin = resolve_pin(&draft.state().globals, &user.conpin);
    Ok(User { conpin, ..user.clone() })
}

/// A value that may be asked for; one that equals the stored one is not new, and not judged.
struct Part<'a> {
    value: &'a str,
    is_new: bool,
}

impl<'a> Part<'a> {
    fn new(asked: Option<&'a str>, before: &'a str) -> Self {
        let value = asked.unwrap_or(before);
        Self { value, is_new: value != before }
    }
}

/// A user of no configured context, or with an id that is no file name, cannot have a file that is ours.
fn owned(draft: &Draft, user: &User) -> Result<(), Failure> {
    let path = draft.context(&user.context).and_then(|_| user_path(user));
    path.map(|_| ()).ok_or(Failure::NotItsOwn)
}

fn check_phone(draft: &Draft, phone: &Result<String, Forbidden>, own: Option<&UserId>) -> Result<(), Failure> {
    match phone {
        Ok(mac) if Mac::parse(mac).is_some_and(|mac| draft.phone_is_taken(&mac, own)) => Err(Failure::PhoneTaken),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The lowest free id. It is taken when the user is taken in.
fn new_id(draft: &mut Draft, context: usize) -> Result<UserId, Failure> {
    let lowest = draft.free_user_ids(context).and_then(|free| free.lowest());
    lowest.and_then(|number| UserId::parse(&number.to_string())).ok_or(Failure::NoNumber)
}

/// Takes a user in, who may have had another id before.
fn take_in(draft: &mut Draft, mut user: User, before: Option<&UserId>) -> User {
    if let (Some(number), Some((place, _))) = (user.id.number(), draft.context(&user.context))
        && let Some(free) = draft.free_user_ids(place)
    {
        free.take(number);
    }
    match before.filter(|id| **id != user.id) {
        Some(before) => draft.move_user(before, user.clone()),
        None => draft.put_user(user.clone()),
    }
    user.conpin = resolve_pin(&draft.state().globals, &user.conpin);
    user
}

fn allow<T>(property: &'static str, judged: Result<T, Forbidden>) -> Result<T, Failure> {
    judged.map_err(|why| Failure::NotAllowed(property, why))
}

/// Letters and digits that are not mistaken for each other: 32, so that five bits make one.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// A password of 16 characters, 80 bits, made of the request's entropy.
fn generated(seed: Seed<'_>) -> Secret {
    let digest = Sha256::new().chain_update(seed.request.0).chain_update(seed.item.to_be_bytes()).finalize();
    let password: String = digest.iter().take(16).map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    Secret::new(password)
}
