//! Archives: what is in them, and what people put in their place.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use fsconnector_disk::{Edit, Editing, RelPath, Tree, TreePath};
use fsconnector_engine::files::Part;
use tar::{Archive, Builder, EntryType, Header};

use crate::chance::Chance;
use crate::changing::is_in;
use crate::ledger::{Content, Files};
use crate::tree::is_sound;

/// How many archives of a part are kept besides the present one.
const KEPT: usize = 5;

/// What can be said of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fitness {
    /// It can be restored.
    Fit,
    /// It must not be.
    Unfit,
    /// Somebody has damaged a file that is in it, and the switch may read it all the same.
    Doubtful,
}

/// The files of a part, at their places in the tree; nothing if the archive is not whole, or holds anything else.
pub(crate) fn unpack(packed: &[u8], part: Part) -> Option<Files> {
    let mut bytes = Vec::new();
    let mut decoder = GzDecoder::new(packed);
    decoder.read_to_end(&mut bytes).ok()?;
    if !decoder.into_inner().is_empty() {
        return None;
    }
    let mut files = Files::new();
    let mut archive = Archive::new(&*bytes);
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        let name = String::from_utf8(entry.path_bytes().into_owned()).ok()?;
        let below = name.strip_prefix(part.name())?.strip_prefix('/')?.to_owned();
        match entry.header().entry_type() {
            EntryType::Directory => continue,
            EntryType::Regular => {}
            _ => return None,
        }
        let path = part.folder().map_or_else(|| RelPath::parse(&below), |folder| folder.join(&below))?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).ok()?;
        files.insert(TreePath::configuration(path), content);
    }
    Some(files)
}

/// Whether this can be restored.
pub(crate) fn fitness(packed: &[u8], part: Part) -> Fitness {
    let Some(files) = unpack(packed, part).filter(|files| !files.is_empty()) else { return Fitness::Unfit };
    let unsound: Vec<&Vec<u8>> = files.values().filter(|content| !is_sound(content)).collect();
    let is_broken = |content: &&Vec<u8>| String::from_utf8_lossy(content).contains("</include>");
    if unsound.is_empty() {
        Fitness::Fit
    } else if unsound.iter().any(is_broken) {
        Fitness::Unfit
    } else {
        Fitness::Doubtful
    }
}

/// Somebody puts something in the place of an archive.
pub fn tamper(chance: &mut Chance, serial: usize, archives: &BTreeMap<TreePath, Vec<u8>>) -> Option<Edit> {
    let part = *chance.pick(&Part::ALL)?;
    let path = TreePath::in_static(part.archive());
    let known: Vec<&Vec<u8>> = archives.values().collect();
    let some = || known.get(serial % known.len().max(1)).copied().cloned().unwrap_or_default();
    let content = match chance.below(8) {
        0 => format!("garbage {serial}").into_bytes(),
        1 => some().into_iter().take(chance.below(400)).collect(),
        2 => [some(), b"behind".to_vec()].concat(),
        3 => packed(&[(EntryType::Regular, &format!("{}/../../escaped", part.name()))])?,
        4 => packed(&[(EntryType::Symlink, &format!("{}/link.xml", part.name()))])?,
        5 => packed(&[(EntryType::Regular, "/absolute")])?,
        // A whole one: an older one, or one of another part.
        _ => some(),
    };
    let editing = match chance.below(10) {
        0 => Editing::Remove,
        1 => Editing::Overwrite(content),
        _ => Editing::Replace(content),
    };
    Some(Edit { path, editing, synced: chance.percent(60) })
}

/// An archive with these entries.
fn packed(entries: &[(EntryType, &str)]) -> Option<Vec<u8>> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (kind, name) in entries {
        let mut header = Header::new_gnu();
        // The names that are wanted here are refused otherwise.
        let field = header.as_old_mut().name.get_mut(..name.len())?;
        field.copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(0);
        if *kind == EntryType::Symlink {
            header.set_link_name("/etc/passwd").ok()?;
        }
        header.set_cksum();
        builder.append(&header, &b""[..]).ok()?;
    }
    let mut packed = builder.into_inner().ok()?;
    packed.flush().ok()?;
    packed.finish().ok()
}

/// The making of an archive.
#[derive(Debug)]
pub(crate) struct Storing {
    part: Part,
    /// What each file of the part has held since it began.
    seen: BTreeMap<TreePath, Vec<Content>>,
    /// The archives of the part when it began, as people have changed them since.
    before: Files,
    /// What people have put something else in the place of since.
    replaced: Vec<Vec<u8>>,
    /// Whether somebody has put something else in the place of the present archive since.
    is_replaced: bool,
    /// Whether somebody has not synced what he has put there, and the power was lost.
    is_doubtful: bool,
}

impl Storing {
    pub(crate) fn new(part: Part, expected: &Files) -> Self {
        let of_part = expected.iter().filter(|(path, _)| is_in(path, part));
        let seen = of_part.map(|(path, content)| (path.clone(), vec![Some(content.clone())])).collect();
        let archives = expected.iter().filter(|(path, _)| is_archive(path, part));
        Self {
            part,
            seen,
            before: archives.map(owned).collect(),
            replaced: Vec::new(),
            is_replaced: false,
            is_doubtful: false,
        }
    }

    /// Whether the file is an archive of the part.
    pub(crate) fn concerns(&self, path: &TreePath) -> bool {
        is_archive(path, self.part)
    }

    /// Somebody edits a file.
    pub(crate) fn edited(&mut self, path: &TreePath, before: Content, after: Content) {
        if is_in(path, self.part) {
            self.seen.entry(path.clone()).or_insert_with(|| vec![before]).push(after);
        } else if self.concerns(path) {
            self.is_replaced |= *path == self.present();
            let before = match after {
                Some(content) => self.before.insert(path.clone(), content),
                None => self.before.remove(path),
            };
            self.replaced.extend(before);
        }
    }

    /// Whether an archive may hold this on the way: at every moment there is a whole one if there was one.
    pub(crate) fn tolerates(&self, path: &TreePath, content: Option<&[u8]>) -> bool {
        let present = self.present();
        match content {
            Some(_) if self.is_doubtful => true,
            Some(content) => {
                let is_old = self.before.values().chain(&self.replaced).any(|old| old == content);
                is_old || self.misfit_of(content).is_none()
            }
            None => *path != present || !self.before.contains_key(&present),
        }
    }

    /// What is wrong with an archive that was made just now.
    fn misfit_of(&self, packed: &[u8]) -> Option<String> {
        let Some(files) = unpack(packed, self.part) else { return Some("it is not whole".to_owned()) };
        let wrong = self.seen.iter().find(|(path, seen)| !seen.contains(&files.get(*path).cloned()));
        let stranger = files.keys().find(|path| !self.seen.contains_key(*path));
        wrong.map(|(path, _)| path).or(stranger).map(|path| format!("{path} never held {:?}", files.get(path)))
    }

    /// What does not fit now that the archive is made, among those that there are.
    pub(crate) fn misfit(&self, actual: &Files, pruned: bool) -> Option<String> {
        let present = self.present();
        if self.is_replaced && actual.get(&present) == self.before.get(&present) {
            return None;
        }
        let Some(new) = actual.get(&present) else { return Some("there is no archive".to_owned()) };
        if let Some(misfit) = self.misfit_of(new) {
            return Some(misfit);
        }
        let kept: Files =
            actual.iter().filter(|(path, _)| self.concerns(path) && **path != present).map(owned).collect();
        if let Some(old) = self.before.get(&present) {
            let is_kept = |(path, content): (&TreePath, &Vec<u8>)| content == old && !self.before.contains_key(path);
            if !kept.iter().any(is_kept) {
                return Some(format!("the one before is not kept: {:?}", kept.keys()));
            }
        }
        let mut newest: Vec<&TreePath> =
            kept.keys().chain(self.before.keys().filter(|path| **path != present)).collect();
        newest.sort();
        newest.dedup();
        if pruned && kept.len() > KEPT {
            return Some(format!("too many are kept: {:?}", kept.keys()));
        }
        let lost = newest.into_iter().rev().take(KEPT).find(|path| !kept.contains_key(*path));
        lost.map(|path| format!("{path} is gone, though it is one of the newest {KEPT}"))
    }

    /// The part.
    pub(crate) fn part(&self) -> Part {
        self.part
    }

    /// Where the present archive is.
    pub(crate) fn present(&self) -> TreePath {
        TreePath::in_static(self.part.archive())
    }

    /// Whether somebody has put something else in the place of the present archive since.
    pub(crate) fn is_replaced(&self) -> bool {
        self.is_replaced
    }

    /// The power was lost, and what somebody has put in the place of the present archive was not synced.
    pub(crate) fn is_in_doubt(&mut self) {
        self.is_doubtful = true;
    }
}

fn owned((path, content): (&TreePath, &Vec<u8>)) -> (TreePath, Vec<u8>) {
    (path.clone(), content.clone())
}

/// Whether the file is an archive of a part that is kept besides the present one.
pub(crate) fn is_kept(path: &TreePath, part: Part) -> bool {
    is_archive(path, part) && path.path != part.archive()
}

/// Whether the file is the present archive of a part, or one that is kept.
pub(crate) fn is_archive(path: &TreePath, part: Part) -> bool {
    let name = path.path.as_str().strip_prefix("store/").and_then(|name| name.strip_prefix(part.name()));
    path.tree == Tree::Static && name.is_some_and(|rest| rest.starts_with('.'))
}
