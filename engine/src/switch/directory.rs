//! `xml_locate directory`: the users.

use super::xml::{Element, Path, Visitor, walk, walk_file};
use super::{Oddity, Trouble};
use crate::secret::Secret;
use crate::state::{User, UserId};

/// Where the switch looks for users.
const PLACE: [&str; 5] = ["section", "domain", "groups", "group", "users"];

/// Reads the users, wherever they stand; those whom the switch finds come first.
pub(super) fn read(answer: &[u8], oddities: &mut Vec<Oddity>) -> Result<Vec<User>, Trouble> {
    let mut directory = Directory::default();
    walk(answer, "section", &mut directory)?;
    let Directory { found, astray, nameless, .. } = directory;
    oddities.extend(astray.iter().map(|draft| Oddity::UserAstray(draft.id.clone())));
    if nameless > 0 {
        oddities.push(Oddity::UsersWithoutId(nameless));
    }
    let drafts = found.into_iter().chain(astray);
    Ok(drafts.map(|draft| draft.finish(oddities)).collect())
}

/// Reads the users of a file, as they were written there; nothing if it cannot be read.
pub(super) fn read_file(content: &[u8], root: &'static str) -> Option<Vec<User>> {
    let mut directory = Directory::default();
    walk_file(content, root, &mut directory).ok()?;
    let drafts = directory.found.into_iter().chain(directory.astray);
    Some(drafts.map(|draft| draft.finish(&mut Vec::new())).collect())
}

#[derive(Default)]
struct Directory {
    found: Vec<Draft>,
    astray: Vec<Draft>,
    nameless: usize,
    /// The users that are being read: a user can stand inside of another one.
    open: Vec<Draft>,
}

/// A user that is being read.
struct Draft {
    id: UserId,
    /// How many elements are around it.
    depth: usize,
    params: Block,
    variables: Block,
    values: [Option<Box<str>>; 6],
}

/// The switch takes the first `<params>`, and the first `<variables>`, of a user.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    ToCome,
    Open,
    Past,
}

/// The properties of a user: in which element they stand, under which name, and in what place of [`Draft::values`].
const PROPERTIES: [(&str, &str, usize); 6] = [
    ("param", "password", 0),
    ("variable", "conpin", 1),
    ("variable", "user_context", 2),
    ("variable", "effective_caller_id_name", 3),
    ("variable", "verto_dvar_email", 4),
    ("variable", "polymac", 5),
];

impl Visitor for Directory {
    fn open(&mut self, around: Path<'_>, element: Element<'_>) {
        match element.name() {
            "user" => self.begin(around, element),
            name => {
                if let Some(draft) = self.open.last_mut() {
                    draft.take(around.depth() - draft.depth, name, element);
                }
            }
        }
    }

    fn close(&mut self, around: Path<'_>, element: Element<'_>) {
        let Some(draft) = self.open.last_mut() else { return };
        if draft.depth + 1 == around.depth() {
            draft.close(element.name());
        }
        if draft.depth == around.depth()
            && let Some(draft) = self.open.pop()
        {
            if around.is(&PLACE) { self.found.push(draft) } else { self.astray.push(draft) }
        }
    }
}

impl Directory {
    fn begin(&mut self, around: Path<'_>, element: Element<'_>) {
        // A pointer puts a user of one group into another one.
        if element.value("type") == "pointer" {
            return;
        }
        match UserId::parse(&element.value("id")) {
            Some(id) => self.open.push(Draft {
                id,
                depth: around.depth(),
                params: Block::ToCome,
                variables: Block::ToCome,
                values: Default::default(),
            }),
            None => self.nameless += 1,
        }
    }
}

impl Draft {
    /// Takes an element that stands `below` levels inside of the user.
    fn take(&mut self, below: usize, name: &str, element: Element<'_>) {
        match (below, name) {
            (1, "params") if self.params == Block::ToCome => self.params = Block::Open,
            (1, "variables") if self.variables == Block::ToCome => self.variables = Block::Open,
            (2, "param") if self.params == Block::Open => self.keep(name, element),
            (2, "variable") if self.variables == Block::Open => self.keep(name, element),
            _ => {}
        }
    }

    /// Of two equal names the last counts, as it does in the switch, which does not tell capitals from small letters.
    fn keep(&mut self, kind: &str, element: Element<'_>) {
        let name = element.value("name");
        for (element_name, property, place) in PROPERTIES {
            if element_name == kind && name.eq_ignore_ascii_case(property) {
                self.values[place] = Some(element.value("value").into());
            }
        }
    }

    fn close(&mut self, name: &str) {
        for (block, block_name) in [(&mut self.params, "params"), (&mut self.variables, "variables")] {
            if name == block_name && *block == Block::Open {
                *block = Block::Past;
            }
        }
    }

    fn finish(self, oddities: &mut Vec<Oddity>) -> User {
        let missing: Vec<&'static str> =
            PROPERTIES.iter().filter(|(_, _, place)| self.values[*place].is_none()).map(|(_, name, _)| *name).collect();
        if !missing.is_empty() {
            oddities.push(Oddity::UserLacks(self.id.clone(), missing));
        }
        let [password, conpin, context, name, email, polymac] = self.values;
        User {
            id: self.id,
            password: Secret::new(password.unwrap_or_default()),
            conpin: Secret::new(conpin.unwrap_or_default()),
            context: context.unwrap_or_default(),
            name: name.unwrap_or_default(),
            email: email.unwrap_or_default(),
            polymac: polymac.unwrap_or_else(|| "none".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of users inside of the usual elements: a line a user.
    fn users(inside: &str) -> (Vec<String>, Vec<Oddity>) {
        read_all(&format!(
            r#"<section name="directory"><domain name="x"><groups><group name="team"><users>{inside}</users></group></groups></domain></section>"#
        ))
    }

    fn read_all(answer: &str) -> (Vec<String>, Vec<Oddity>) {
        let mut oddities = Vec::new();
        let line = |user: &User| {
            let (password, conpin) = (user.password.expose(), user.conpin.expose());
            format!("{}|{password}|{conpin}|{}|{}|{}|{}", user.id, user.context, user.name, user.email, user.polymac)
        };
        let users = read(answer.as_bytes(), &mut oddities).unwrap();
        (users.iter().map(line).collect(), oddities)
    }

    #[test]
    fn a_user_is_read_with_all_its_properties() {
        let (users, oddities) = users(
            r#"<user id="20000"><params><param name="password" value="a &amp; b"></param><param name="vm-password" value="1"></param></params>
            <variables><variable name="user_context" value="team"></variable><variable name="conpin" value="2357"></variable>
            <variable name="effective_caller_id_name" value="J&#xFC;rgen"></variable><variable name="other" value="x"></variable>
            <variable name="verto_dvar_email" value="j@example.org"></variable><variable name="polymac" value="0004f2000001"></variable></variables></user>"#,
        );
        assert_eq!(users, ["20000|a & b|2357|team|Jürgen|j@example.org|0004f2000001"]);
        assert_eq!(oddities, []);
    }

    #[test]
    fn what_a_user_lacks_is_empty_and_noted() {
        let (users, oddities) = users(r#"<user id="20000"></user>"#);
        assert_eq!(users, ["20000||||||none"]);
        let id = UserId::parse("20000").unwrap();
        let all = PROPERTIES.iter().map(|(_, name, _)| *name).collect();
        assert_eq!(oddities, [Oddity::UserLacks(id, all)]);
    }

    #[test]
    fn the_first_block_and_the_last_variable_count() {
        let (users, _) = users(
            r#"<user id="1"><params><param name="PASSWORD" value="first"></param></params><params><param name="password" value="second"></param></params>
            <variables><variable name="user_context" value="team"></variable><variable name="user_context" value="friends"></variable></variables>
            <variables><variable name="user_context" value="public"></variable></variables></user>"#,
        );
        assert_eq!(users, ["1|first||friends|||none"]);
    }

    #[test]
    fn only_the_users_own_params_count() {
        let (users, _) = users(
            r#"<user id="1"><gateways><gateway><params><param name="password" value="gateway"></param></params></gateway></gateways>
            <params><unknown name="password" value="no"></unknown></params><param name="password" value="bare"></param></user>"#,
        );
        assert_eq!(users, ["1||||||none"]);
    }

    #[test]
    fn a_pointer_is_no_user_and_a_user_without_id_is_passed_over() {
        let (users, oddities) =
            users(r#"<user id="1" type="pointer"></user><user></user><user name="x"></user><user id=""></user>"#);
        assert_eq!(users, [""; 0]);
        assert_eq!(oddities, [Oddity::UsersWithoutId(3)]);
    }

    #[test]
    fn a_user_outside_of_the_groups_or_inside_of_another_one_is_listed_last() {
        let (users, oddities) = read_all(
            r#"<section name="directory"><domain><user id="1"><params><param name="password" value="x"></param></params></user>
            <groups><group><users><user id="2"><user id="3"></user><params><param name="password" value="y"></param></params></user></users></group></groups></domain></section>"#,
        );
        assert_eq!(users, ["2|y|||||none", "1|x|||||none", "3||||||none"]);
        let astray: Vec<&Oddity> = oddities.iter().filter(|oddity| matches!(oddity, Oddity::UserAstray(_))).collect();
        assert_eq!(astray.len(), 2);
    }
}
