//! A file of the configuration tree, as it was written: whom it holds.

use super::xml::{Element, Path, Visitor, walk_file};
use crate::state::UserId;

/// The one user or conference of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// A user.
    User(UserId),
    /// An extension with this number.
    Conference(u32),
}

/// Whom the file holds; nothing if that is nobody, somebody else besides, or if it cannot be read.
pub fn holding(content: &[u8]) -> Option<Holding> {
    let mut seen = Seen::default();
    walk_file(content, "include", &mut seen).ok()?;
    match (&mut seen.all[..], seen.others) {
        ([Some(holding)], 0) => Some(holding.clone()),
        _ => None,
    }
}

#[derive(Default)]
struct Seen {
    /// The users and extensions at the top of the file; nothing for one that is not as ours are.
    all: Vec<Option<Holding>>,
    /// Everything else at the top.
    others: usize,
}

impl Visitor for Seen {
    fn open(&mut self, around: Path<'_>, element: Element<'_>) {
        let at_top = around.is(&["include"]);
        match element.name() {
            "user" if at_top => self.all.push(UserId::parse(&element.value("id")).map(Holding::User)),
            "extension" if at_top => self.all.push(None),
            "condition" if around.is(&["include", "extension"]) => self.number(element),
            "user" | "extension" => self.others += 1,
            _ if at_top => self.others += 1,
            _ => {}
        }
    }
}

impl Seen {
    fn number(&mut self, condition: Element<'_>) {
        let number = super::dialplan::single_number(&condition.value("expression")).map(Holding::Conference);
        match self.all.last_mut() {
            Some(extension @ None) if condition.value("field") == "destination_number" => *extension = number,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: Option<&str>) {
        let name = holding(content.as_bytes()).map(|holding| match holding {
            Holding::User(id) => format!("user {id}"),
            Holding::Conference(num) => format!("conference {num}"),
        });
        assert_eq!(name.as_deref(), expected, "{content}");
    }

    #[test]
    fn a_file_of_its_own_holds_one_user_or_one_conference() {
        check(
            "<include>\n<user id=\"20000\"><params><param name=\"a\" value=\"b\"/></params></user>\n</include>\n",
            Some("user 20000"),
        );
        check(
            "<!-- mine --><include>\n<extension name=\"x\"><condition field=\"destination_number\" expression=\"^30000$\"/></extension>\n</include>",
            Some("conference 30000"),
        );
    }

    #[test]
    fn a_file_with_others_with_nobody_or_out_of_order_is_nobodys_own() {
        check("<include><user id=\"1\"/><user id=\"2\"/></include>", None);
        check("<include><user id=\"1\"/><gateway/></include>", None);
        check("<include><user id=\"1\"><user id=\"2\"/></user></include>", None);
        check("<include></include>", None);
        check("<include><user id=\"1\">", None);
        check("", None);
        check("<include><user/></include>", None);
    }
}
