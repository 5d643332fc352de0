//! The tree that the parser builds.

/// A configuration in memory.
#[derive(Debug, Clone)]
pub struct Document {
    /// All elements in the order of their tags; the first is the root.
    nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: Vec<u8>,
    pub(super) attributes: Vec<Attribute>,
    /// The text between the children, all in one.
    pub(super) text: Vec<u8>,
    /// How much of the parent's text stands before this element.
    pub(super) offset: usize,
    pub(super) children: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(super) struct Attribute {
    pub(super) name: Vec<u8>,
    /// `None` for an attribute without quotes: it counts as empty.
    pub(super) value: Option<Vec<u8>>,
    /// There is an earlier one of this name: this one is never seen.
    pub(super) is_hidden: bool,
}

/// One element of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct Element<'d> {
    pub(super) document: &'d Document,
    pub(super) index: usize,
}

impl Document {
    /// The outermost element.
    pub fn root(&self) -> Element<'_> {
        Element { document: self, index: 0 }
    }

    /// The first section of a name; names ignore case.
    pub fn section(&self, name: &[u8]) -> Option<Element<'_>> {
        self.root().child_with(b"section", b"name", name)
    }

    /// A document is built by the parser, which begins with a root.
    pub(super) fn new(root: Node) -> Self {
        Document { nodes: vec![root] }
    }

    /// Appends an element behind the last child of `parent`, and gives its index.
    pub(super) fn append(&mut self, parent: usize, mut node: Node) -> usize {
        let index = self.nodes.len();
        if let Some(parent) = self.nodes.get_mut(parent) {
            node.offset = parent.text.len();
            parent.children.push(index);
        }
        self.nodes.push(node);
        index
    }

    pub(super) fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    pub(super) fn node_mut(&mut self, index: usize) -> Option<&mut Node> {
        self.nodes.get_mut(index)
    }
}

impl<'d> Element<'d> {
    fn node(self) -> Option<&'d Node> {
        self.document.node(self.index)
    }

    /// The name of its tag.
    pub fn name(self) -> &'d [u8] {
        self.node().map_or(b"", |node| &node.name)
    }

    /// The value of an attribute: empty when it has none, `None` when there is no such attribute.
    pub fn attribute(self, name: &[u8]) -> Option<&'d [u8]> {
        let attribute = self.node()?.attributes.iter().find(|attribute| attribute.name == name)?;
        Some(attribute.value.as_deref().unwrap_or_default())
    }

    /// The text in it, without that of its children.
    pub fn text(self) -> &'d [u8] {
        self.node().map_or(b"", |node| &node.text)
    }

    /// The elements right inside of it.
    pub fn children(self) -> impl Iterator<Item = Element<'d>> {
        let children = self.node().map(|node| &node.children[..]).unwrap_or_default();
        children.iter().map(move |&index| Element { document: self.document, index })
    }

    /// The first child of a tag's name that has an attribute of this value; the value ignores case.
    pub fn child_with(self, tag: &[u8], attribute: &[u8], value: &[u8]) -> Option<Element<'d>> {
        self.children()
            .filter(|child| child.name() == tag)
            .find(|child| child.attribute(attribute).is_some_and(|found| found.eq_ignore_ascii_case(value)))
    }
}
