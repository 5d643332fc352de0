//! The templates: those that come with the program, each replaced by an operator's own of the same name.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fsconnector_engine::render::{TemplateError, Templates};

/// The template of the conferences whose profile has none of its own.
const EVERY_OTHER: &str = "conference/default.xml";

/// The templates in force. The files of `folder` have the names of those that come with the program; those of conferences
/// may be for any profile.
pub(crate) fn load(folder: Option<&Path>) -> Result<Templates, TemplatesError> {
    let own = folder.map(own).transpose()?.unwrap_or_default();
    let own_names_and_texts = own.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    Templates::new(fsconnector_templates::ALL.into_iter().chain(own_names_and_texts))
        .map_err(|error| TemplatesError::Unfit { folder: folder.map(Path::to_owned), error })
}

/// The profiles for which there are templates of their own in `folder`.
pub(crate) fn own_profiles(folder: &Path) -> Result<Vec<String>, TemplatesError> {
    let names = own(folder)?.into_iter().map(|(name, _)| name).filter(|name| *name != EVERY_OTHER);
    Ok(names.filter_map(|name| profile(&name).map(str::to_owned)).collect())
}

/// Why the templates cannot be used.
#[derive(Debug)]
pub(crate) enum TemplatesError {
    Unreadable { path: PathBuf, error: io::Error },
    NotUtf8 { path: PathBuf, line: usize },
    Unknown { path: PathBuf },
    Unfit { folder: Option<PathBuf>, error: TemplateError },
}

impl fmt::Display for TemplatesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => {
                write!(f, "template {}: cannot be read: {error}; correct templates under [folders]", path.display())
            }
            Self::NotUtf8 { path, line } => {
                write!(f, "template {}, line {line}: is not text in UTF-8", path.display())
            }
            Self::Unknown { path } => {
                write!(f, "template {}: there is none of this name; those that count are ", path.display())?;
                let names: Vec<&str> = fsconnector_templates::ALL.iter().map(|(name, _)| *name).collect();
                write!(f, "{}, and conference/<type>.xml", names.join(", "))
            }
            Self::Unfit { folder: None, error } => error.fmt(f),
            Self::Unfit { folder: Some(folder), error } => write!(f, "{error} (in {})", folder.display()),
        }
    }
}

impl std::error::Error for TemplatesError {}

/// The names and texts of an operator's templates.
fn own(folder: &Path) -> Result<Vec<(String, String)>, TemplatesError> {
    let mut found = Vec::new();
    let mut waiting = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = waiting.pop() {
        let unreadable = |error| TemplatesError::Unreadable { path: folder.clone(), error };
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            // A name that is no UTF-8 is no template's, and is shown as far as it can be.
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if is_passed_over(&entry.file_name().to_string_lossy()) {
                continue;
            }
            let metadata =
                fs::metadata(&path).map_err(|error| TemplatesError::Unreadable { path: path.clone(), error })?;
            if metadata.is_dir() && is_folder(&name) {
                waiting.push((path, format!("{name}/")));
            } else if metadata.is_file() && is_template(&name) {
                let text = read(path)?;
                found.push((name, text));
            } else {
                return Err(TemplatesError::Unknown { path });
            }
        }
    }
    Ok(found)
}

/// Whether it is hidden, or what an editor has left.
fn is_passed_over(file_name: &str) -> bool {
    file_name.starts_with('.') || file_name.ends_with('~')
}

fn is_template(name: &str) -> bool {
    profile(name).is_some() || fsconnector_templates::ALL.iter().any(|(known, _)| *known == name)
}

/// The profile whose conferences the template of this name is for.
fn profile(name: &str) -> Option<&str> {
    let profile = name.strip_prefix("conference/")?.strip_suffix(".xml")?;
    (!profile.is_empty()).then_some(profile)
}

fn is_folder(name: &str) -> bool {
    let is_in = |known: &str| known.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    fsconnector_templates::ALL.iter().any(|(known, _)| is_in(known))
}

fn read(path: PathBuf) -> Result<String, TemplatesError> {
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return Err(TemplatesError::Unreadable { path, error }),
    };
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = good.split(|byte| *byte == b'\n').count();
        TemplatesError::NotUtf8 { path, line }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    fn folder(files: &[(&str, &[u8])]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn refused(files: &[(&str, &[u8])]) -> String {
        load(Some(folder(files).path())).unwrap_err().to_string()
    }

    #[test]
    fn those_that_come_with_the_program_are_fit() {
        load(None).unwrap();
        load(Some(folder(&[]).path())).unwrap();
    }

    #[test]
    fn a_file_of_the_same_name_takes_the_place_of_the_one_that_comes_with_the_program() {
        let text =
            |name: &str| fsconnector_templates::ALL.iter().find(|(known, _)| *known == name).unwrap().1.as_bytes();
        let (user, conference) = (text("user.xml"), text("conference/default.xml"));
        let given = folder(&[("user.xml", user), ("conference/my own.xml", conference), ("conference/.x", b"{")]);
        assert_eq!(own(given.path()).unwrap().len(), 2);
        load(Some(given.path())).unwrap();
    }

    #[test]
    fn hidden_files_and_backups_of_editors_are_passed_over() {
        load(Some(folder(&[(".user.xml.swp", b"\xff"), ("user.xml~", b"\xff"), (".git/HEAD", b"x")]).path())).unwrap();
    }

    #[test]
    fn a_name_that_no_template_has_is_an_error_that_says_which_ones_there_are() {
        for name in ["users.xml", "conference/x.txt", "phones/x.xml", "user.xml/x", "conference/a/b.xml"] {
            let message = refused(&[(name, b"x")]);
            assert!(
                message.contains("there is none of this name") && message.contains("user.xml, "),
                "{name}: {message}"
            );
        }
        let looped = folder(&[]);
        symlink(".", looped.path().join("conference")).unwrap();
        assert!(load(Some(looped.path())).unwrap_err().to_string().contains("conference/conference: there is none"));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_file_and_the_line() {
        let message = refused(&[("user.xml", b"<include>\n<a b='\xfc'/>\n</include>")]);
        assert!(message.ends_with("/user.xml, line 2: is not text in UTF-8"), "{message}");
        let missing = folder(&[]).path().join("x");
        assert!(load(Some(&missing)).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn what_does_not_compile_or_is_no_xml_is_refused_with_the_file_and_the_line() {
        for (text, line) in [
            (&b"<include>\n{id\n</include>"[..], "line 2"),
            (b"<include>\n\n{{ if id }}\n</include>", "line 3"),
            (b"<include>\n<user id=\"{id}\">\n</include>", "line 3"),
            (b"<include>\n{nothing}\n</include>", "line 2"),
        ] {
            let message = refused(&[("user.xml", text)]);
            assert!(message.contains("user.xml") && message.contains(line), "{message}");
        }
    }
}
