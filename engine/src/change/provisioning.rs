//! The files of phones: which there are for a user, and what becomes of them when the user changes.

use std::collections::BTreeMap;

use super::draft::Draft;
use crate::access::Role;
use crate::change_set::{Change, ChangeKind, Document, PhoneFile};
use crate::mac::Mac;
use crate::path::{RelPath, TreePath};
use crate::state::{User, UserId, Users};

/// Who has which phone. Hand-written directories can give one to several users; its owner is the first of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phones(BTreeMap<Mac, Vec<UserId>>);

impl Phones {
    /// The phones of these users.
    pub(crate) fn of(users: &Users) -> Self {
        let mut phones = Self::default();
        for user in users {
            if let Some(mac) = Mac::parse(&user.polymac) {
                phones.give(mac, &user.id);
            }
        }
        phones
    }

    /// Whose files are in the phone's folder.
    pub(crate) fn owner(&self, mac: &Mac) -> Option<&UserId> {
        self.0.get(mac)?.first()
    }

    /// Whether somebody else than `own` has the phone.
    pub(super) fn is_taken(&self, mac: &Mac, own: Option<&UserId>) -> bool {
        self.0.get(mac).is_some_and(|holders| holders.iter().any(|id| Some(id) != own))
    }

    /// The user has the phone now; last of all, if it has others already.
    pub(super) fn give(&mut self, mac: Mac, id: &UserId) {
        let holders = self.0.entry(mac).or_default();
        if !holders.contains(id) {
            holders.push(id.clone());
        }
    }

    /// The user has the phone no more. If it was the owner, and others have the phone, the next of them is said.
    pub(super) fn take(&mut self, mac: &Mac, id: &UserId) -> Option<UserId> {
        let holders = self.0.get_mut(mac)?;
        let place = holders.iter().position(|holder| holder == id)?;
        holders.remove(place);
        holders.first().filter(|_| place == 0).cloned()
    }
}

/// The changes of files that follow when this user comes, changes or goes.
pub(super) fn changes(draft: &Draft, id: &UserId, before: Option<&User>, after: Option<&User>) -> Vec<Change> {
    let mut changes = Vec::new();
    match after {
        Some(user) => {
            let role = draft.role(&user.context);
            changes.extend(linphone(user, role));
            if let Some(mac) = Mac::parse(&user.polymac).filter(|mac| draft.phone_owner(mac) == Some(id)) {
                changes.extend(phone(&mac, user, role, draft.phone_stays(&mac, id)));
            }
        }
        None if before.is_some() => changes.extend(linphone_folder(id).map(removed)),
        None => {}
    }
    // A phone that another user has now is that one's to write.
    let left = before.and_then(|user| Mac::parse(&user.polymac)).filter(|mac| draft.phone_owner(mac).is_none());
    changes.extend(left.and_then(|mac| phone_folder(&mac)).map(removed));
    changes
}

/// The file of the user's Linphone.
pub(crate) fn linphone(user: &User, role: Role) -> Option<Change> {
    let path = linphone_folder(&user.id)?.join("linphone.xml")?;
    Some(Change { path: TreePath::in_static(path), kind: ChangeKind::Write(Document::Linphone(user.clone(), role)) })
}

/// The files of the user's Polycom phone. If the phone was somebody else's, nothing of that is left.
pub(crate) fn phone(mac: &Mac, user: &User, role: Role, stays: bool) -> Vec<Change> {
    let cleared = phone_folder(mac).filter(|_| !stays).map(removed);
    let written = PhoneFile::ALL.into_iter().filter_map(|file| {
        let change = phone_file(file, mac, user, role)?;
        Some(if stays { change } else { afresh(change) })
    });
    cleared.into_iter().chain(written).collect()
}

/// One file of the user's Polycom phone.
pub(super) fn phone_file(file: PhoneFile, mac: &Mac, user: &User, role: Role) -> Option<Change> {
    let path = phone_folder(mac)?.join(&file.name(mac))?;
    let document = Document::Phone(file, mac.clone(), user.clone(), role);
    Some(Change { path: TreePath::in_static(path), kind: ChangeKind::Write(document) })
}

fn afresh(change: Change) -> Change {
    match change.kind {
        ChangeKind::Write(document) => Change { kind: ChangeKind::WriteAfresh(document), ..change },
        _ => change,
    }
}

fn removed(folder: RelPath) -> Change {
    Change { path: TreePath::in_static(folder), kind: ChangeKind::RemoveFolder }
}

/// The folder of a user's Linphone; nothing if the id is no plain name.
fn linphone_folder(id: &UserId) -> Option<RelPath> {
    RelPath::parse("linphone")?.join(id.as_str()).filter(|path| path.file_name() == id.as_str())
}

fn phone_folder(mac: &Mac) -> Option<RelPath> {
    RelPath::parse(&format!("polycom/{mac}"))
}
