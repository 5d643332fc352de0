//! The operator's web client: the files below `phone/` in the static tree; without one, the built-in start page.

use std::io;

use fsconnector_disk::{RelPath, Root};

use super::offer::{Keeping, Offer, refusal};
use super::reply::Reply;
use super::wish::Wish;
use super::{media_type, start_page};

/// The folder of the web client in the static tree.
const FOLDER: &str = "phone";

/// The page at a path of this static tree.
pub(super) fn reply(tree: Option<&Root>, wish: &Wish<'_>) -> Reply {
    let asked = wish.parameter.trim_start_matches('/');
    let is_root = asked.is_empty();
    let path = plain_path(if is_root { "index.html" } else { asked });
    match file(tree, path, wish) {
        Ok(reply) => reply,
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_root => start_page::reply(&wish.caller),
        Err(error) => refusal("a file of the web client", &error),
    }
}

fn file(tree: Option<&Root>, path: Option<RelPath>, wish: &Wish<'_>) -> io::Result<Reply> {
    let (tree, path) = tree.zip(path).ok_or(io::ErrorKind::NotFound)?;
    let offer = Offer { media_type: media_type::of(path.file_name()), keeping: Keeping::AskAgain };
    offer.reply(tree.open(&path)?, wish)
}

/// The path in the static tree. Names that begin with a dot are not for the web: editors, version control and half-written
/// files use them.
fn plain_path(path: &str) -> Option<RelPath> {
    let path = RelPath::parse(&format!("{FOLDER}/{path}"))?;
    let hidden = path.names().any(|name| name.starts_with('.'));
    (!hidden).then_some(path)
}
