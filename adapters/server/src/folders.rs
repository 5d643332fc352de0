//! The folders in which the program writes, looked at before it has to: what cannot be done there, and why.
//!
//! Nothing changes in them, and nothing is left behind ([`Root::try_writing`]). Of the folders of single phones, which the
//! program makes itself, only the permissions are looked at: there can be many, and another program, or this one as another user,
//! may have made them.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fsconnector_disk::{RelPath, Root};
use fsconnector_engine::config::Config;
use fsconnector_engine::mac::Mac;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::geteuid;

use crate::settings::Folders;

/// What the program makes in the static tree when it is needed, and what comes of it if it cannot be written in.
const IN_STATIC_TREE: [(&str, &str); 3] = [
    ("linphone", "no user can be added or changed, for the files of their Linphones are written here"),
    ("polycom", "no user with a Polycom phone can be added or changed, and these phones cannot upload"),
    ("store", "nothing can be stored"),
];

/// Where single phones have folders, whose they are, and what comes of it if these cannot be written in.
const PHONES: [(&str, IsPhone, &str); 2] = [
    ("linphone", |name| !name.starts_with('.'), "these users cannot be changed, nor their Linphones"),
    (
        "polycom",
        |name| Mac::parse(name).is_some(),
        "the users of these phones cannot be changed, and the phones cannot upload",
    ),
];

/// Whether a folder of this name is a phone's. The operator keeps other ones beside them.
type IsPhone = fn(&str) -> bool;

/// A folder in which the program cannot do what it has to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Obstacle {
    pub(crate) path: PathBuf,
    /// What is wrong, and what does not work because of it.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) remedy: String,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path.display(), self.what, self.remedy)
    }
}

/// All obstacles.
pub(crate) fn obstacles(folders: &Folders, config: &Config) -> Vec<Obstacle> {
    let configuration = in_configuration(&folders.configuration, config);
    let files = in_static_tree(&folders.files);
    configuration.into_iter().chain(files).chain(in_recordings(&folders.recordings)).collect()
}

/// The obstacles in the configuration tree.
pub(crate) fn in_configuration(path: &Path, config: &Config) -> Vec<Obstacle> {
    let nothing = "nothing can be changed, for the journal of changes is kept here";
    let root = match Root::open_folder(path) {
        Err(error) => return vec![Obstacle::new(path, path, &error, nothing)],
        Ok(root) => root,
    };
    let own = root.try_writing(None).err();
    // Then its folders are not for writing either, as a rule.
    let is_read_only = own.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::ReadOnlyFilesystem);
    let own = own.map(|error| Obstacle::new(path, path, &error, nothing));
    if is_read_only {
        return own.into_iter().collect();
    }
    let below = config.folders().into_iter().filter_map(|folder| {
        let error = root.try_writing(Some(&folder)).err()?;
        let who = match folder.as_str().strip_prefix("directory/") {
            Some(context) => format!("users of `{context}`"),
            None => "conferences".to_owned(),
        };
        let consequence = format!("{who} cannot be added, changed or removed");
        Some(Obstacle::new(path, &path.join(folder.as_str()), &error, &consequence))
    });
    own.into_iter().chain(below).collect()
}

/// The obstacles in the static tree. What is missing there is made when it is needed.
pub(crate) fn in_static_tree(path: &Path) -> Vec<Obstacle> {
    let nothing = "phones are not provisioned, and nothing can be stored";
    let root = match Root::open_folder(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && can_be_made(path) => return Vec::new(),
        Err(error) => return vec![Obstacle::new(path, path, &error, nothing)],
        Ok(root) => root,
    };
    let obstacle = |(name, consequence): (&str, &str)| {
        let at = path.join(name);
        let error = root.try_writing(Some(&RelPath::parse(name)?)).err()?;
        let is_missing = error.kind() == io::ErrorKind::NotFound && at.symlink_metadata().is_err();
        let error = if is_missing { root.try_writing(None).err()? } else { error };
        Some(Obstacle::new(path, &at, &error, consequence))
    };
    let obstacles: Vec<Obstacle> = IN_STATIC_TREE.into_iter().filter_map(obstacle).collect();
    // Where the folder itself is closed, that is told.
    let open =
        PHONES.into_iter().filter(|(name, ..)| !obstacles.iter().any(|obstacle| obstacle.path == path.join(name)));
    let of_phones: Vec<Obstacle> = open.filter_map(|phones| in_folders_of_phones(path, phones)).collect();
    obstacles.into_iter().chain(of_phones).collect()
}

/// The obstacle in the folders of single phones, if any of them must not be written in.
fn in_folders_of_phones(tree: &Path, (name, is_phone, consequence): (&str, IsPhone, &str)) -> Option<Obstacle> {
    let path = tree.join(name);
    // What is not there yet, is made.
    let entries = fs::read_dir(&path).ok()?.flatten();
    let phones = entries.filter(|entry| {
        entry.file_type().is_ok_and(|kind| kind.is_dir()) && entry.file_name().to_str().is_some_and(is_phone)
    });
    let mut closed: Vec<PathBuf> = phones.map(|entry| entry.path()).filter(|phone| !may_be_written(phone)).collect();
    closed.sort();
    let (first, count) = (closed.first()?, closed.len());
    let user = user();
    let folders = if count == 1 { "1 folder" } else { &*format!("{count} folders") };
    let (what, remedy) = (
        format!("{user} may not write in {folders} of phones, such as {}: {consequence}", first.display()),
        format!("give them to {user}: chown -R {} {}", geteuid().as_raw(), path.display()),
    );
    Some(Obstacle { path, what, remedy })
}

/// Whether files can be made, replaced and removed in a folder, as far as permissions go.
fn may_be_written(folder: &Path) -> bool {
    accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

/// The obstacles to removing recordings.
pub(crate) fn in_recordings(path: &Path) -> Vec<Obstacle> {
    let consequence = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => "no recordings are shown",
        _ => "recordings cannot be removed",
    };
    let tried = Root::open_folder(path).and_then(|root| root.try_writing(None));
    tried.err().map(|error| Obstacle::new(path, path, &error, consequence(&error))).into_iter().collect()
}

/// Whether a folder that is not there can be made, with those above it.
fn can_be_made(path: &Path) -> bool {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let above = path.ancestors().skip(1).find(|folder| folder.symlink_metadata().is_ok());
    path.symlink_metadata().is_err()
        && above.is_some_and(|above| Root::open_folder(above).and_then(|root| root.try_writing(None)).is_ok())
}

impl Obstacle {
    /// What `error` means for the folder `path`, which is in the tree `root` or is that itself.
    fn new(root: &Path, path: &Path, error: &io::Error, consequence: &str) -> Self {
        let user = user();
        let is_link = path.ancestors().take_while(|folder| *folder != root).any(Path::is_symlink);
        let is_there = path.symlink_metadata().is_ok();
        let (what, remedy) = match error.kind() {
            io::ErrorKind::NotFound if is_link => (
                "a link leads here, and links are not followed".to_owned(),
                "put the folder itself in the place of the link, or mount it there".to_owned(),
            ),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory if is_there => {
                ("this is no folder".to_owned(), "put a folder in its place".to_owned())
            }
            io::ErrorKind::NotFound => {
                ("there is no such folder".to_owned(), format!("make it, such that {user} may write in it"))
            }
            io::ErrorKind::PermissionDenied => (
                format!("{user} may not write here, or not enter a folder above"),
                format!("give the folder to {user}, or to a group that it is in and that may write"),
            ),
            io::ErrorKind::ReadOnlyFilesystem => (
                "the file system is only read here".to_owned(),
                "mount it for writing; in a systemd unit, name the folder in ReadWritePaths".to_owned(),
            ),
            _ => (format!("{user} cannot write here: {error}"), "see to the file system".to_owned()),
        };
        Self { path: path.to_owned(), what: format!("{what}: {consequence}"), remedy }
    }
}

/// The user that this program runs as, for a person. One that is known to the network only has no name here.
pub(crate) fn user() -> String {
    let id = geteuid().as_raw();
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|account| {
        let mut fields = account.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    name.map_or_else(|| format!("the user with the id {id}"), |name| format!("the user {name} ({id})"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// All that there has to be, with the folders of the default contexts.
    fn complete() -> (TempDir, Folders) {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        for folder in ["team", "friends", "public"] {
            fs::create_dir_all(at("etc/directory").join(folder)).unwrap();
        }
        fs::create_dir_all(at("etc/dialplan/conferences")).unwrap();
        fs::create_dir(at("recordings")).unwrap();
        let folders =
            Folders { configuration: at("etc"), recordings: at("recordings"), files: at("static"), templates: None };
        (scratch, folders)
    }

    /// The obstacles, each by its path below the scratch folder.
    fn found((scratch, folders): &(TempDir, Folders)) -> Vec<String> {
        let obstacles = obstacles(folders, &Config::default()).into_iter();
        let prefix = format!("{}/", scratch.path().display());
        obstacles.map(|obstacle| obstacle.to_string().replace(&prefix, "").replace(&user(), "USER")).collect()
    }

    #[test]
    fn a_complete_installation_has_no_obstacles_and_nothing_is_left_in_it() {
        let trees = complete();
        assert_eq!(found(&trees), [""; 0], "the static tree can be made");
        assert!(!trees.1.files.exists());
        fs::create_dir_all(trees.1.files.join("polycom")).unwrap();
        assert_eq!(found(&trees), [""; 0], "what is not in it can be made");
        assert_eq!(fs::read_dir(&trees.1.configuration).unwrap().count(), 2);
        assert_eq!(fs::read_dir(trees.1.configuration.join("directory/team")).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_missing_is_named_with_what_does_not_work() {
        let trees = complete();
        for folder in ["etc/directory/friends", "etc/dialplan/conferences", "recordings"] {
            fs::remove_dir(trees.0.path().join(folder)).unwrap();
        }
        let remedy = "make it, such that USER may write in it";
        assert_eq!(
            found(&trees),
            [
                format!(
                    "etc/directory/friends: there is no such folder: users of `friends` cannot be added, changed or removed; \
                     {remedy}"
                ),
                format!(
                    "etc/dialplan/conferences: there is no such folder: conferences cannot be added, changed or removed; \
                     {remedy}"
                ),
                format!("recordings: there is no such folder: no recordings are shown; {remedy}"),
            ]
        );
    }

    #[test]
    fn a_file_or_a_link_is_no_folder() {
        let trees = complete();
        fs::create_dir(&trees.1.files).unwrap();
        fs::write(trees.1.files.join("linphone"), "").unwrap();
        symlink(trees.0.path(), trees.1.files.join("store")).unwrap();
        fs::rename(trees.0.path().join("etc/directory"), trees.0.path().join("elsewhere")).unwrap();
        symlink(trees.0.path().join("elsewhere"), trees.0.path().join("etc/directory")).unwrap();
        let found = found(&trees);
        assert_eq!(found.len(), 5, "{found:#?}");
        for (found, begin) in found.iter().zip([
            "etc/directory/team: a link leads here, and links are not followed: users of `team` cannot",
            "etc/directory/friends: a link leads here",
            "etc/directory/public: a link leads here",
            "static/linphone: this is no folder: no user can be added or changed",
            "static/store: a link leads here, and links are not followed: nothing can be stored; put the folder itself",
        ]) {
            assert!(found.starts_with(begin), "{found}");
        }
    }

    #[test]
    fn trees_that_cannot_be_reached_are_one_obstacle_each() {
        let (scratch, mut folders) = complete();
        folders.configuration = scratch.path().join("nowhere");
        fs::write(scratch.path().join("file"), "").unwrap();
        folders.files = scratch.path().join("file/static");
        let found = found(&(scratch, folders));
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].starts_with("nowhere: there is no such folder: nothing can be changed"), "{found:#?}");
        assert!(found[1].starts_with("file/static: "), "{found:#?}");
        assert!(found[1].contains(": phones are not provisioned, and nothing can be stored; "), "{found:#?}");
    }

    #[test]
    fn what_the_system_says_becomes_a_sentence_and_a_remedy() {
        let (at, user) = (Path::new("/nowhere/x"), user());
        let told = |kind: io::ErrorKind| Obstacle::new(Path::new("/nowhere"), at, &kind.into(), "so").to_string();
        assert_eq!(
            told(io::ErrorKind::PermissionDenied),
            format!(
                "/nowhere/x: {user} may not write here, or not enter a folder above: so; give the folder to {user}, or to a \
                 group that it is in and that may write"
            )
        );
        assert!(told(io::ErrorKind::ReadOnlyFilesystem).contains("only read here: so; mount it for writing"));
        assert!(told(io::ErrorKind::StorageFull).contains("cannot write here: no storage space: so; see to"));
    }

    #[test]
    fn root_has_a_name() {
        if geteuid().is_root() {
            assert_eq!(user(), "the user root (0)");
        }
    }
}
