//! The loaded tree with the place of every element.

use std::borrow::Cow;

use fsconnector_simulator::config::{Element, Loaded, Place};

use super::tags;

/// The file that everything begins with.
pub(super) const ROOT_FILE: &str = "freeswitch.xml";

/// A loaded tree.
pub(super) struct Tree<'l> {
    loaded: &'l Loaded,
    root: Node<'l>,
}

/// An element, and where it begins.
pub(super) struct Node<'l> {
    element: Element<'l>,
    /// In the merged text.
    offset: usize,
    children: Vec<Node<'l>>,
}

impl<'l> Tree<'l> {
    /// The tree of a load; `None` if it failed.
    pub(super) fn new(loaded: &'l Loaded) -> Option<Self> {
        let document = loaded.outcome.as_ref().ok()?;
        let mut offsets = tags::openings(&loaded.merged).into_iter();
        Some(Self { loaded, root: Node::new(document.root(), &mut offsets) })
    }

    /// The first section of a name: the only one that counts.
    pub(super) fn section(&self, name: &str) -> Option<&Node<'l>> {
        self.root.children("section").find(|section| section.is_named(name))
    }

    /// The configuration of one module.
    pub(super) fn configuration(&self, name: &str) -> Option<&Node<'l>> {
        self.section("configuration")?.children("configuration").find(|module| module.is_named(name))
    }

    /// Where an element begins.
    pub(super) fn place(&self, node: &Node<'_>) -> Place {
        let place = self.loaded.report.origin(&self.loaded.merged, node.offset);
        place.unwrap_or_else(|| Place { file: ROOT_FILE.to_owned(), line: 1 })
    }
}

impl<'l> Node<'l> {
    fn new(element: Element<'l>, offsets: &mut impl Iterator<Item = usize>) -> Self {
        let offset = offsets.next().unwrap_or_default();
        let children = element.children().map(|child| Node::new(child, offsets)).collect();
        Node { element, offset, children }
    }

    /// Whether its tag has this name.
    pub(super) fn is(&self, tag: &str) -> bool {
        self.element.name() == tag.as_bytes()
    }

    /// Whether its attribute `name` is this one; the switch does not tell capitals from small letters.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.attribute("name").is_some_and(|found| found.eq_ignore_ascii_case(name))
    }

    /// The value of an attribute, if it has it.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'l, str>> {
        self.element.attribute(name.as_bytes()).map(String::from_utf8_lossy)
    }

    /// The value of an attribute; empty where it is not there.
    pub(super) fn value(&self, name: &str) -> Cow<'l, str> {
        self.attribute(name).unwrap_or_default()
    }

    /// Its text, without the blanks around it.
    pub(super) fn text(&self) -> Cow<'l, str> {
        String::from_utf8_lossy(self.element.text().trim_ascii())
    }

    /// The elements right inside of it, of one tag.
    pub(super) fn children(&self, tag: &str) -> impl Iterator<Item = &Node<'l>> {
        self.children.iter().filter(move |child| child.is(tag))
    }

    /// All elements right inside of it.
    pub(super) fn all_children(&self) -> impl Iterator<Item = &Node<'l>> {
        self.children.iter()
    }

    /// It and all elements inside of it, in their order.
    pub(super) fn descendants(&self) -> impl Iterator<Item = &Node<'l>> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            let node = waiting.pop()?;
            waiting.extend(node.children.iter().rev());
            Some(node)
        })
    }

    /// The elements of one tag inside of it that do not stand in another one of that tag.
    pub(super) fn outermost(&self, tag: &str) -> impl Iterator<Item = &Node<'l>> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            loop {
                let node = waiting.pop()?;
                if node.is(tag) {
                    return Some(node);
                }
                waiting.extend(node.children.iter().rev());
            }
        })
    }

    /// The element as the switch shows it.
    pub(super) fn to_xml(&self) -> Vec<u8> {
        self.element.to_xml()
    }

    #[cfg(test)]
    pub(super) fn name_at_its_place<'t>(&self, merged: &'t [u8]) -> (&'l [u8], &'t [u8]) {
        let name = self.element.name();
        (name, merged.get(self.offset + 1..self.offset + 1 + name.len()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fsconnector_simulator::config::{Folder, Globals, load};

    #[test]
    fn every_element_of_the_recorded_trees_is_found_at_its_place() {
        let Some(captures) = std::env::var_os("FSCONNECTOR_CAPTURES") else { return };
        let trees = std::path::Path::new(&captures).join("tree");
        let mut seen = 0;
        for folder in std::fs::read_dir(trees).unwrap().map(|entry| entry.unwrap().path()) {
            let Ok(listing) = std::fs::read(folder.join("globals-before.txt")) else { continue };
            let mut globals = Globals::from_listing(&listing);
            let loaded = load(&Folder::new(folder.join("etc")), "/srv/tree/etc", &mut globals);
            let Some(tree) = Tree::new(&loaded) else { continue };
            assert_eq!(tags::openings(&loaded.merged).len(), tree.root.descendants().count(), "{folder:?}");
            for node in tree.root.descendants() {
                let (name, found) = node.name_at_its_place(&loaded.merged);
                assert_eq!(name, found, "{folder:?}");
                seen += 1;
            }
        }
        assert!(seen > 1000, "{seen}");
    }
}
