//! What the loaded directory says of a user.

use crate::config::{Document, Element};

/// The first domain of the directory.
pub(super) fn domain(document: &Document) -> Option<Element<'_>> {
    first(document.section(b"directory")?, b"domain")
}

/// A user of the first domain, and the groups and domain around it, the innermost first.
pub(super) fn user<'d>(document: &'d Document, id: &str) -> Option<[Element<'d>; 3]> {
    user_of(domain(document)?, id)
}

/// A user of a domain, its group and the domain.
pub(super) fn user_of<'d>(domain: Element<'d>, id: &str) -> Option<[Element<'d>; 3]> {
    let groups = first(domain, b"groups")?;
    groups.children().filter(|group| group.name() == b"group").find_map(|group| {
        let user = first(group, b"users")?.child_with(b"user", b"id", id.as_bytes())?;
        Some([user, group, domain])
    })
}

/// A user's variables in their order, with names and values as text.
pub(super) fn variables(user: Element<'_>) -> impl Iterator<Item = (String, String)> {
    let list = first(user, b"variables").into_iter().flat_map(Element::children);
    list.filter(|variable| variable.name() == b"variable").filter_map(|variable| {
        let text =
            |attribute: &[u8]| variable.attribute(attribute).map(|text| String::from_utf8_lossy(text).into_owned());
        Some((text(b"name")?, text(b"value").unwrap_or_default()))
    })
}

/// The value of a `<param>` or `<variable>`; of two equal ones the last counts.
pub(super) fn setting<'d>(level: Element<'d>, list: &[u8], tag: &[u8], name: &str) -> Option<&'d [u8]> {
    let settings = first(level, list)?.children().filter(|setting| setting.name() == tag);
    let named = settings.filter(|setting| setting.attribute(b"name") == Some(name.as_bytes()));
    named.last()?.attribute(b"value")
}

pub(super) fn first<'d>(element: Element<'d>, tag: &[u8]) -> Option<Element<'d>> {
    element.children().find(|child| child.name() == tag)
}
