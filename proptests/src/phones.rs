//! Phones: what they upload, what people do to their files, and what these files have to hold.

use std::collections::{BTreeMap, BTreeSet};

use fsconnector_disk::{Edit, Editing, RelPath, Tree, TreePath};
use fsconnector_engine::change_set::{Before, Change, ChangeKind, ChangeSet, Document, PhoneFile};
use fsconnector_engine::config::Config;
use fsconnector_engine::mac::Mac;
use fsconnector_engine::state::User;

use crate::chance::Chance;
use crate::ledger::Ledger;
use crate::requests::{Done, Operation, PHONES};
use crate::view::{View, values};

/// What a phone uploads: the phone, the name of the file, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The phone.
    pub mac: Mac,
    /// The name of the file.
    pub name: String,
    /// What it says.
    pub content: Vec<u8>,
}

/// What is in every line of a directory that belongs to its owner.
const OWN: &str = "own:";

/// What is in a directory that somebody has damaged.
const DAMAGED: &str = "DAMAGED";

/// Something that one of the known phones uploads; nothing if nobody has one.
pub fn upload(chance: &mut Chance, serial: usize, known: &View) -> Option<Upload> {
    let macs: Vec<Mac> = known.users.values().filter_map(|user| Mac::parse(&user[5])).collect();
    let mac = chance.pick(&macs)?.clone();
    let (name, content) = match chance.weighted(&[60, 20, 20]) {
        0 => (format!("{mac}-directory.xml"), directory(chance, serial)),
        1 => (format!("{mac}-app.log"), format!("line {serial}\n")),
        _ => (format!("{mac}-calls.xml"), format!("<callList>{serial}</callList>")),
    };
    Some(Upload { mac, name, content: content.into_bytes() })
}

/// A directory with entries that its owner has made, each on a line of its own, and others. No other one is the same.
fn directory(chance: &mut Chance, serial: usize) -> String {
    let mut lines = String::new();
    for line in 0..chance.below(5) {
        let own = format!("{OWN}{serial}.{line}");
        let line = match chance.below(8) {
            0 | 1 => "<item server='yes'><ln>old</ln><ct>30009</ct></item>".to_owned(),
            2 => format!("<item server='no' ><ln>{own}&#228; &amp;</ln><ct>17</ct></item>"),
            3 => format!("<!-- {own} <item server='yes'> -->"),
            4 => format!("<item><ln><![CDATA[{own} <item server='yes'/>]]></ln></item>"),
            5 => format!("<unknown a=\"{own}\"/>"),
            6 => format!("<item><ln>{own}</ln><item server='yes'/></item>"),
            _ => format!("<item><ln>{own}</ln><ct>017{line}</ct><sd>7</sd></item>"),
        };
        lines.extend(["    ", &line, "\n"]);
    }
    format!(
        "<?xml version=\"1.0\"?>\n<!-- {serial} -->\n<directory>\n  <item_list>\n{lines}  </item_list>\n</directory>\n"
    )
}

/// What somebody does to the static tree, without asking: he damages a directory, or writes or removes a file.
pub fn tamper(chance: &mut Chance, serial: usize, visible: &[TreePath]) -> Option<Edit> {
    let there: Vec<&TreePath> =
        visible.iter().filter(|path| path.tree == Tree::Static && !path.path.as_str().starts_with("store/")).collect();
    let mac = PHONES[chance.below(PHONES.len())];
    let path = match chance.weighted(&[50, 25, 10, 13, 1, 1]) {
        4 => format!("linphone/{}", 20_000 + chance.below(6)),
        5 => format!("polycom/{mac}"),
        0 => there.get(chance.below(there.len())).map(|path| path.path.as_str().to_owned())?,
        1 => format!("polycom/{mac}/{mac}-directory.xml"),
        2 => format!("polycom/{mac}/notes{serial}.txt"),
        _ => format!("linphone/{}/notes.txt", 20_000 + chance.below(6)),
    };
    let is_directory = path.ends_with("-directory.xml");
    let content = match chance.below(5) {
        0 if is_directory => format!("<directory><item_list><item>{DAMAGED} {serial}"),
        1 if is_directory => format!("{DAMAGED} {serial}"),
        2 if is_directory => format!("<directory><item_list></item></item_list>{DAMAGED} {serial}</directory>"),
        3 if is_directory => directory(chance, serial),
        _ => format!("<!-- by hand {serial} -->\n"),
    };
    let editing = match chance.weighted(&[50, 25, 25]) {
        0 => Editing::Replace(content.into_bytes()),
        1 => Editing::Overwrite(content.into_bytes()),
        _ => Editing::Remove,
    };
    Some(Edit { path: TreePath::in_static(RelPath::parse(&path)?), editing, synced: chance.percent(60) })
}

/// What becomes of a directory: its owner's entries stay as they are, and a damaged one stays altogether.
pub(crate) fn directory_misfit(path: &TreePath, old: &[u8], new: Option<&[u8]>) -> Option<String> {
    let (old, new) = (String::from_utf8_lossy(old), new.map(String::from_utf8_lossy));
    match new {
        Some(new) if old.contains(DAMAGED) => Some(format!("{path} was damaged:\n{old}\nand is\n{new}")),
        Some(new) if own(&old) != own(&new) => Some(format!("{path} was\n{old}\nand is\n{new}")),
        None if is_whole(&old) => Some(format!("{path} passes for damaged:\n{old}")),
        _ => None,
    }
}

/// The entries of a directory's owner.
fn own(directory: &str) -> Vec<&str> {
    directory.lines().filter(|line| line.contains(OWN)).map(str::trim).collect()
}

fn is_whole(directory: &str) -> bool {
    directory.contains("</directory>") && !directory.contains(DAMAGED)
}

/// Every phone file that has to be written with these changes is, and none else is removed. `before` is what the planner knew.
pub(crate) fn set_misfit(set: &ChangeSet, before: &View) -> Option<String> {
    let plan = Plan::new(set, before);
    plan.changed
        .iter()
        .find_map(|user| plan.unwritten(user))
        .or_else(|| plan.wrongly_removed())
        .or_else(|| plan.unremoved())
}

/// Every user's phones are in a sweep, of those of whom the planner knew. It goes on with the first of the users who are in
/// it.
pub(crate) fn sweep_misfit(set: &ChangeSet, known: &View, config: &Config) -> Option<String> {
    let is_written = |path: &String| {
        let kept = |change: &&Change| matches!(change.kind, ChangeKind::Write(_));
        set.changes.iter().filter(kept).any(|change| change.path.path.as_str() == path)
    };
    let ids = set.changes.iter().filter_map(|change| change.path.path.as_str().strip_prefix("linphone/"));
    let first = ids.filter_map(|rest| rest.split('/').next()).min().unwrap_or_default();
    let users = known.users.iter().filter(|(id, user)| &***id >= first && config.context(&user[2]).is_some());
    let users: BTreeMap<&str, &str> = users.map(|(id, user)| (&**id, &*user[5])).collect();
    let all_owners = owners(&known.users.iter().map(|(id, user)| (&**id, &*user[5])).collect());
    let is_in = |owners: &Vec<String>| owners.first().is_some_and(|id| users.contains_key(&**id));
    let directories = all_owners.into_iter().filter(|(_, owners)| is_in(owners)).map(|(mac, _)| mac);
    let directories = directories.map(|mac| phone_path(&mac, PhoneFile::Directory));
    let mut all = users.keys().map(|id| linphone_path(id)).chain(directories);
    all.find(|path| !is_written(path)).map(|path| format!("{path} is not written"))
}

/// What is done of a user is in the files of its phones, unless people have changed them, or they were left alone; of one
/// who is gone nothing is left.
pub(crate) fn done_misfit(
    done: &Done<'_>,
    ledger: &Ledger,
    left_alone: &[String],
    is_taken: impl Fn(&str) -> bool,
) -> Option<String> {
    let [id, password] = values(done.shown, ["id", "password"]);
    // A phone that somebody else got in the same transaction is that one's.
    let phone = mac_of(done).filter(|mac| !is_taken(mac)).and_then(|mac| Mac::parse(&mac));
    let file = |path: &str| RelPath::parse(path).map(TreePath::in_static);
    match done.operation {
        Operation::AddUsers | Operation::ModUsers => {
            let account = phone.map(|mac| phone_path(&mac, PhoneFile::Account));
            let mut paths = [Some(linphone_path(&id)), account].into_iter().flatten();
            let is_wrong = |path: &String| {
                let content = file(path).and_then(|path| ledger.content(&path));
                let is_excused = left_alone.iter().any(|left| left.contains(&**path))
                    || file(path).is_some_and(|path| ledger.is_by_hand(&path));
                !is_excused && !content.is_some_and(|content| is_of(path, content, &id, &password))
            };
            paths.find(is_wrong).map(|path| format!("{path} is not of {}", done.shown))
        }
        Operation::DelUsers if !is_taken(&format!("came: {id}")) => {
            let folders = [Some(format!("linphone/{id}/")), phone.map(|mac| format!("polycom/{mac}/"))];
            let mut left = ledger.files().filter(|path| {
                let mut folders = folders.iter().flatten();
                path.tree == Tree::Static && folders.any(|folder| path.path.as_str().starts_with(&**folder))
            });
            left.find(|path| !ledger.is_by_hand(path)).map(|path| format!("{path} is left of {}", done.shown))
        }
        _ => None,
    }
}

/// The phone of a user of whom something is done.
pub(crate) fn mac_of(done: &Done<'_>) -> Option<String> {
    Mac::parse(&values(done.shown, ["polymac"]).concat()).map(|mac| mac.to_string())
}

/// What a change set makes of users and their phones.
struct Plan<'a> {
    set: &'a ChangeSet,
    /// The users who come or change.
    changed: Vec<&'a User>,
    /// The users who go.
    gone: Vec<&'a User>,
    /// Who has had each phone, and who has it then.
    had: BTreeMap<Mac, Vec<String>>,
    has: BTreeMap<Mac, Vec<String>>,
}

impl<'a> Plan<'a> {
    fn new(set: &'a ChangeSet, before: &View) -> Self {
        let mut macs: BTreeMap<&str, &str> = before.users.iter().map(|(id, user)| (&**id, &*user[5])).collect();
        let had = owners(&macs);
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        for change in &set.changes {
            match &change.kind {
                ChangeKind::Create(Document::User(user, _)) => changed.push(user),
                ChangeKind::Replace(Before::User(old), Document::User(user, _)) if old != user => changed.push(user),
                ChangeKind::Remove(Before::User(user)) => gone.push(user),
                _ => {}
            }
        }
        for user in &gone {
            macs.remove(user.id.as_str());
        }
        macs.extend(changed.iter().map(|user| (user.id.as_str(), &*user.polymac)));
        Self { set, has: owners(&macs), changed, gone, had }
    }

    fn change(&self, path: &str) -> Option<&Change> {
        self.set.changes.iter().find(|change| change.path.tree == Tree::Static && change.path.path.as_str() == path)
    }

    /// A file that is not written with the user.
    fn unwritten(&self, user: &User) -> Option<String> {
        let path = linphone_path(user.id.as_str());
        let is_written =
            |change: &Change| matches!(&change.kind, ChangeKind::Write(Document::Linphone(of, _)) if of == user);
        if !self.change(&path).is_some_and(is_written) {
            return Some(format!("{path} is not written"));
        }
        let mac = Mac::parse(&user.polymac)?;
        let owner = self.has.get(&mac).and_then(|owners| owners.first());
        if owner.is_none_or(|owner| owner != user.id.as_str()) {
            return None;
        }
        PhoneFile::ALL.into_iter().find_map(|file| {
            let path = phone_path(&mac, file);
            let is_written = |change: &Change| match &change.kind {
                ChangeKind::Write(Document::Phone(_, _, of, _))
                | ChangeKind::WriteAfresh(Document::Phone(_, _, of, _)) => of == user,
                _ => false,
            };
            (!self.change(&path).is_some_and(is_written)).then(|| format!("{path} is not written"))
        })
    }

    /// Something of a user or a phone who stay that is removed, or written without what was there.
    fn wrongly_removed(&self) -> Option<String> {
        let gone: BTreeSet<&str> = self.gone.iter().map(|user| user.id.as_str()).collect();
        self.set.changes.iter().find_map(|change| {
            let mut names = change.path.path.names();
            let (kind, whose) = (names.next()?, names.next()?);
            let is_wrong = match (&change.kind, kind) {
                (ChangeKind::RemoveFolder, "linphone") => !gone.contains(whose),
                (ChangeKind::RemoveFolder | ChangeKind::WriteAfresh(_), _) => {
                    let mac = Mac::parse(whose)?;
                    let had = self.had.get(&mac)?;
                    had.len() == 1 && self.has.get(&mac) == Some(had)
                }
                _ => false,
            };
            is_wrong.then(|| format!("{}: {:?}", change.path, change.kind))
        })
    }

    /// Something of a user who goes, or of a phone that nobody has any more, that is not removed.
    fn unremoved(&self) -> Option<String> {
        let users = self.gone.iter().map(|user| format!("linphone/{}", user.id));
        let had = self.had.keys().filter(|mac| !self.has.contains_key(mac));
        let folders = users.chain(had.map(|mac| format!("polycom/{mac}")));
        let is_removed =
            |path: &String| self.change(path).is_some_and(|change| change.kind == ChangeKind::RemoveFolder);
        folders.into_iter().find(|path| !is_removed(path)).map(|path| format!("{path} is not removed"))
    }
}

/// Who has which phone, by id.
fn owners(macs: &BTreeMap<&str, &str>) -> BTreeMap<Mac, Vec<String>> {
    let mut owners: BTreeMap<Mac, Vec<String>> = BTreeMap::new();
    for (id, mac) in macs {
        if let Some(mac) = Mac::parse(mac) {
            owners.entry(mac).or_default().push((*id).to_owned());
        }
    }
    owners
}

/// The path of the file of a user's Linphone.
pub(crate) fn linphone_path(id: &str) -> String {
    format!("linphone/{id}/linphone.xml")
}

/// The path of a file of a Polycom phone.
pub(crate) fn phone_path(mac: &Mac, file: PhoneFile) -> String {
    format!("polycom/{mac}/{}", file.name(mac))
}

/// Whether the file of a Linphone, or of the account of a Polycom phone, is that of this user.
pub(crate) fn is_of(path: &str, content: &[u8], id: &str, password: &str) -> bool {
    let plain = String::from_utf8_lossy(content);
    let plain = plain.replace("&quot;", "\"").replace("&apos;", "'").replace("&#39;", "'");
    let plain = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let wanted = if path.ends_with("linphone.xml") {
        [format!("\"username\" overwrite=\"true\">{id}<"), format!("\"passwd\" overwrite=\"true\">{password}<")]
    } else {
        [format!("auth.userId=\"{id}\""), format!("auth.password=\"{password}\"")]
    };
    wanted.iter().all(|wanted| plain.contains(wanted))
}
