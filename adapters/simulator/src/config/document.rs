//! The tree that the parser builds.
//!
//! A directory of 100 000 users has a million elements, so they are kept flat: all elements in one list, all attributes in another, and
//! their names and values one behind the other in a third.

use std::fmt;
use std::ops::Range;

/// A configuration in memory.
#[derive(Clone)]
pub struct Document {
    /// All elements in the order of their tags; the first is the root.
    nodes: Vec<Node>,
    /// The attributes of all elements; each element has a range of them.
    attributes: Vec<Attribute>,
    /// The names and values, each a range.
    strings: Vec<u8>,
}

/// An element as it is kept.
#[derive(Clone)]
struct Node {
    name: Range<usize>,
    attributes: Range<usize>,
    /// The text between the children, all in one.
    text: Vec<u8>,
    /// How much of the parent's text stands before this element.
    offset: usize,
    first_child: Option<usize>,
    last_child: Option<usize>,
    next_sibling: Option<usize>,
}

#[derive(Clone)]
struct Attribute {
    name: Range<usize>,
    /// `None` for an attribute without quotes: it counts as empty.
    value: Option<Range<usize>>,
    /// There is an earlier one of this name: this one is never seen.
    is_hidden: bool,
}

/// One element of a [`Document`].
#[derive(Clone, Copy)]
pub struct Element<'d> {
    document: &'d Document,
    node: &'d Node,
}

/// How large it is: what it holds are passwords, too.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("elements", &self.nodes.len()).finish_non_exhaustive()
    }
}

/// The name of its tag.
impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", String::from_utf8_lossy(self.name()))
    }
}

impl Document {
    /// The outermost element.
    pub fn root(&self) -> Element<'_> {
        // A document is built from its first element on, so that there always is one.
        static NONE: Node = Node::new(0..0, 0..0);
        Element { document: self, node: self.nodes.first().unwrap_or(&NONE) }
    }

    /// The first section of a name; names ignore case.
    pub fn section(&self, name: &[u8]) -> Option<Element<'_>> {
        self.root().child_with(b"section", b"name", name)
    }
}

impl Node {
    const fn new(name: Range<usize>, attributes: Range<usize>) -> Self {
        let text = Vec::new();
        Node { name, attributes, text, offset: 0, first_child: None, last_child: None, next_sibling: None }
    }
}

/// A document that is being built: elements are opened, filled and closed.
pub(super) struct Builder {
    document: Document,
    /// The elements that are open, the innermost last.
    open: Vec<usize>,
    /// Where the attributes begin that no element has yet.
    first_attribute: usize,
}

impl Builder {
    pub(super) fn new() -> Self {
        let document = Document { nodes: Vec::new(), attributes: Vec::new(), strings: Vec::new() };
        Builder { document, open: Vec::new(), first_attribute: 0 }
    }

    /// Adds an attribute for the element that is opened next.
    pub(super) fn add_attribute(&mut self, name: &[u8], value: Option<&[u8]>, is_hidden: bool) {
        let name = self.add_string(name);
        let value = value.map(|value| self.add_string(value));
        self.document.attributes.push(Attribute { name, value, is_hidden });
    }

    /// Opens an element inside of the innermost one.
    pub(super) fn open(&mut self, name: &[u8]) {
        let name = self.add_string(name);
        let attributes = self.first_attribute..self.document.attributes.len();
        self.first_attribute = attributes.end;
        let index = self.document.nodes.len();
        let mut node = Node::new(name, attributes);
        let parent = self.open.last().and_then(|&parent| self.document.nodes.get_mut(parent));
        if let Some(parent) = parent {
            node.offset = parent.text.len();
            parent.first_child.get_or_insert(index);
            let elder = parent.last_child.replace(index);
            if let Some(elder) = elder.and_then(|elder| self.document.nodes.get_mut(elder)) {
                elder.next_sibling = Some(index);
            }
        }
        self.document.nodes.push(node);
        self.open.push(index);
    }

    /// Closes the innermost element.
    pub(super) fn close(&mut self) {
        self.open.pop();
    }

    /// The text of the innermost element, to append to.
    pub(super) fn text(&mut self) -> Option<&mut Vec<u8>> {
        let &innermost = self.open.last()?;
        self.document.nodes.get_mut(innermost).map(|node| &mut node.text)
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The name of the innermost element.
    pub(super) fn innermost(&self) -> Option<&[u8]> {
        let node = self.document.nodes.get(*self.open.last()?)?;
        self.document.strings.get(node.name.clone())
    }

    /// Whether the root has been opened.
    pub(super) fn has_root(&self) -> bool {
        !self.document.nodes.is_empty()
    }

    pub(super) fn finish(self) -> Document {
        self.document
    }

    fn add_string(&mut self, string: &[u8]) -> Range<usize> {
        let begin = self.document.strings.len();
        self.document.strings.extend_from_slice(string);
        begin..self.document.strings.len()
    }
}

impl<'d> Element<'d> {
    /// The name of its tag.
    pub fn name(self) -> &'d [u8] {
        self.string(&self.node.name)
    }

    /// The value of an attribute: empty when it has none, `None` when there is no such attribute.
    pub fn attribute(self, name: &[u8]) -> Option<&'d [u8]> {
        let (_, value) = self.attributes().find(|(known, _)| *known == name)?;
        Some(value)
    }

    /// The names and values of its attributes in order, of equal names the first only (unless they have no values, see
    /// [`Element::to_xml`]).
    pub fn attributes(self) -> impl Iterator<Item = (&'d [u8], &'d [u8])> {
        let attributes = self.document.attributes.get(self.node.attributes.clone()).unwrap_or_default();
        attributes.iter().filter(|attribute| !attribute.is_hidden).map(move |attribute| {
            let value = attribute.value.as_ref().map(|value| self.string(value));
            (self.string(&attribute.name), value.unwrap_or_default())
        })
    }

    /// The text in it, without that of its children.
    pub fn text(self) -> &'d [u8] {
        &self.node.text
    }

    /// How much of its parent's text stands before it.
    pub(super) fn offset(self) -> usize {
        self.node.offset
    }

    /// The elements right inside of it.
    pub fn children(self) -> impl Iterator<Item = Element<'d>> {
        std::iter::successors(self.first_child(), |child| child.next_sibling())
    }

    pub(super) fn first_child(self) -> Option<Element<'d>> {
        self.at(self.node.first_child)
    }

    pub(super) fn next_sibling(self) -> Option<Element<'d>> {
        self.at(self.node.next_sibling)
    }

    /// The first child of a tag's name that has an attribute of this value; the value ignores case.
    pub fn child_with(self, tag: &[u8], attribute: &[u8], value: &[u8]) -> Option<Element<'d>> {
        self.children()
            .filter(|child| child.name() == tag)
            .find(|child| child.attribute(attribute).is_some_and(|found| found.eq_ignore_ascii_case(value)))
    }

    fn at(self, index: Option<usize>) -> Option<Element<'d>> {
        let node = self.document.nodes.get(index?)?;
        Some(Element { document: self.document, node })
    }

    fn string(self, range: &Range<usize>) -> &'d [u8] {
        self.document.strings.get(range.clone()).unwrap_or_default()
    }
}
