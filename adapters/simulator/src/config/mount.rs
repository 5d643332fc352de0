//! The switch's absolute paths over a tree of files, and the globs it finds them with.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::files::Files;

/// A tree of files, known to the switch under an absolute path.
pub(super) struct Mount<'a> {
    files: &'a dyn Files,
    base: Vec<Vec<u8>>,
}

/// What an absolute path leads to.
enum Target {
    /// Something in the tree, by its path from the tree's root.
    Inside(PathBuf),
    /// A folder above the tree, and the one name in it that leads to the tree.
    Above(OsString),
}

impl<'a> Mount<'a> {
    pub(super) fn new(files: &'a dyn Files, base: &str) -> Self {
        let base = components(base.as_bytes()).map(<[u8]>::to_vec).collect();
        Mount { files, base }
    }

    /// Reads the file at an absolute path.
    pub(super) fn read(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        match self.resolve(path)? {
            Target::Inside(path) => self.files.read(&path),
            Target::Above(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn list(&self, folder: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let names = match self.resolve(folder)? {
            Target::Inside(path) => self.files.list(&path)?,
            Target::Above(name) => vec![name],
        };
        Ok(names.into_iter().map(OsString::into_vec).collect())
    }

    /// The path from the tree's root, for whoever reads a report; what lies outside keeps its absolute path.
    pub(super) fn shown(&self, path: &[u8]) -> String {
        match self.resolve(path) {
            Ok(Target::Inside(inside)) => inside.to_string_lossy().into_owned(),
            _ => String::from_utf8_lossy(path).into_owned(),
        }
    }

    /// Follows a path from the root. As in any file system, `x/..` needs the folder `x`.
    fn resolve(&self, path: &[u8]) -> io::Result<Target> {
        let mut walked: Vec<&[u8]> = Vec::new();
        for component in components(path) {
            if component == b".." {
                if let Target::Inside(folder) = self.target(&walked)? {
                    self.files.list(&folder)?;
                }
                walked.pop();
            } else if component != b"." {
                walked.push(component);
            }
        }
        self.target(&walked)
    }

    fn target(&self, walked: &[&[u8]]) -> io::Result<Target> {
        if !walked.iter().zip(&self.base).all(|(name, base)| name == base) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(match self.base.get(walked.len()) {
            Some(next) => Target::Above(OsString::from_vec(next.clone())),
            None => Target::Inside(walked.iter().skip(self.base.len()).map(|name| OsStr::from_bytes(name)).collect()),
        })
    }

    /// The paths that a pattern stands for, sorted by their bytes. Names without wildcards are not looked up: whether they are there
    /// shows when they are read.
    pub(super) fn glob(&self, pattern: &[u8]) -> Vec<Vec<u8>> {
        let mut found = vec![Vec::new()];
        for component in pattern.split(|&byte| byte == b'/').skip(1) {
            found = found.into_iter().flat_map(|folder| self.step(folder, component)).collect();
        }
        found.sort_unstable();
        found
    }

    /// One component further from `folder`.
    fn step(&self, mut folder: Vec<u8>, component: &[u8]) -> Vec<Vec<u8>> {
        if !has_wildcard(component) {
            folder.push(b'/');
            folder.extend(without_escapes(component));
            return vec![folder];
        }
        let pattern = Pattern::new(component);
        let names = self.list(&folder).unwrap_or_default();
        let matching = names.into_iter().filter(|name| pattern.matches(name));
        matching.map(|name| [&folder[..], b"/", &name].concat()).collect()
    }
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|component| !component.is_empty())
}

fn has_wildcard(component: &[u8]) -> bool {
    component.iter().any(|byte| b"*?[".contains(byte))
}

fn without_escapes(component: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(component.len());
    let mut bytes = component.iter();
    while let Some(&byte) = bytes.next() {
        let literal = if byte == b'\\' { bytes.next().copied().unwrap_or(byte) } else { byte };
        plain.push(literal);
    }
    plain
}

/// A name with wildcards.
struct Pattern {
    tokens: Vec<Token>,
}

enum Token {
    Literal(u8),
    Any,
    Anything,
    OneOf { ranges: Vec<(u8, u8)>, negated: bool },
}

impl Token {
    fn accepts(&self, byte: u8) -> bool {
        match self {
            Token::Literal(literal) => *literal == byte,
            Token::Any | Token::Anything => true,
            Token::OneOf { ranges, negated } => {
                ranges.iter().any(|&(low, high)| (low..=high).contains(&byte)) != *negated
            }
        }
    }
}

impl Pattern {
    fn new(mut rest: &[u8]) -> Self {
        let mut tokens = Vec::new();
        while let [byte, behind @ ..] = rest {
            rest = behind;
            tokens.push(match byte {
                b'*' => Token::Anything,
                b'?' => Token::Any,
                b'[' => match bracket(behind) {
                    Some((token, behind)) => {
                        rest = behind;
                        token
                    }
                    None => Token::Literal(b'['),
                },
                b'\\' => match behind {
                    [escaped, behind @ ..] => {
                        rest = behind;
                        Token::Literal(*escaped)
                    }
                    [] => Token::Literal(b'\\'),
                },
                literal => Token::Literal(*literal),
            });
        }
        Pattern { tokens }
    }

    /// Whether a name fits. A dot at its beginning has to be written out.
    fn matches(&self, name: &[u8]) -> bool {
        if name.first() == Some(&b'.') && !matches!(self.tokens.first(), Some(Token::Literal(b'.'))) {
            return false;
        }
        let (mut token, mut at) = (0, 0);
        // Where to go on when what follows the last `*` does not fit: let the star take one byte more.
        let mut again: Option<(usize, usize)> = None;
        while let Some(&byte) = name.get(at) {
            match self.tokens.get(token) {
                Some(Token::Anything) => {
                    again = Some((token, at));
                    token += 1;
                }
                Some(one) if one.accepts(byte) => {
                    token += 1;
                    at += 1;
                }
                _ => {
                    let Some((star, eaten)) = again else { return false };
                    again = Some((star, eaten + 1));
                    token = star + 1;
                    at = eaten + 1;
                }
            }
        }
        self.tokens.iter().skip(token).all(|token| matches!(token, Token::Anything))
    }
}

/// The set behind a `[`, and what follows its `]`; `None` where there is no `]`, so that the bracket is an ordinary sign.
fn bracket(inside: &[u8]) -> Option<(Token, &[u8])> {
    let (negated, mut rest) = match inside {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, inside),
    };
    let mut ranges = Vec::new();
    loop {
        rest = match rest {
            // A `]` that comes first belongs to the set.
            [b']', rest @ ..] if !ranges.is_empty() => return Some((Token::OneOf { ranges, negated }, rest)),
            [low, b'-', high, rest @ ..] if *high != b']' => {
                ranges.push((*low, *high));
                rest
            }
            [b'\\', one, rest @ ..] | [one, rest @ ..] => {
                ranges.push((*one, *one));
                rest
            }
            [] => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::Memory;
    use super::*;

    fn check(pattern: &str, name: &str, fits: bool) {
        assert_eq!(Pattern::new(pattern.as_bytes()).matches(name.as_bytes()), fits, "{pattern} {name}");
    }

    #[test]
    fn wildcards_fit_as_in_a_shell() {
        check("*.xml", "20000.xml", true);
        check("*.xml", "20000.xml.bak", false);
        check("*.xml", ".xml", false);
        check(".*.xml", ".a.xml", true);
        check("o????.xml", "other.xml", true);
        check("[!d]*.xml", "d.xml", false);
        check("[!d]*.xml", "e.xml", true);
        check("[a-c]x", "bx", true);
        check("[]a]x", "]x", true);
        check("[ax", "[ax", true);
        check(r"\*x", "*x", true);
        check(r"\*x", "ax", false);
        check("a*b*c", "aXbYbZc", true);
    }

    #[test]
    fn paths_are_sorted_by_their_bytes_folders_included() {
        let files = Memory::new([("a/x", ""), ("a-b/x", ""), ("A/x", "")]);
        let mount = Mount::new(&files, "/etc/fs");
        assert_eq!(mount.glob(b"/etc/fs/*/x"), [&b"/etc/fs/A/x"[..], b"/etc/fs/a-b/x", b"/etc/fs/a/x"]);
    }

    #[test]
    fn a_path_leaves_and_enters_folders_only_where_they_are() {
        let files = Memory::new([("a/x", "1"), ("b/y", "2")]);
        let mount = Mount::new(&files, "/etc/fs");
        assert_eq!(mount.read(b"/etc/fs/a/../b//./y").unwrap(), b"2");
        assert_eq!(mount.read(b"/etc/../etc/fs/a/x").unwrap(), b"1");
        assert!(mount.read(b"/etc/fs/nowhere/../b/y").is_err());
        assert!(mount.read(b"/etc/passwd").is_err());
        assert!(mount.read(b"/etc/fs/../../../../../../etc/passwd").is_err());
    }
}
