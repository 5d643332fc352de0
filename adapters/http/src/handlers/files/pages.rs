//! The operator's web client: the files below `phone/` in the static tree; without one, the built-in start page.

use std::fs::File;
use std::io;

use bytes::Bytes;
use fsconnector_disk::{RelPath, Root};
use http::StatusCode;

use super::conditional::Version;
use super::reply::{Body, Reply};
use super::wish::Wish;
use super::{media_type, start_page};
use crate::answer::HeaderLines;
use crate::problem::Problem;

/// The folder of the web client in the static tree.
const FOLDER: &str = "phone";

/// The page at a path of this static tree.
pub(super) fn reply(tree: Option<&Root>, wish: &Wish<'_>) -> Reply {
    let asked = wish.parameter.trim_start_matches('/');
    let is_root = asked.is_empty();
    let path = plain_path(if is_root { "index.html" } else { asked });
    match open(tree, path).and_then(|(path, file)| file_reply(&path, file, wish)) {
        Ok(reply) => reply,
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_root => start_page::reply(&wish.caller),
        Err(error) => error_reply(&error),
    }
}

fn open(tree: Option<&Root>, path: Option<RelPath>) -> io::Result<(RelPath, File)> {
    let (tree, path) = tree.zip(path).ok_or(io::ErrorKind::NotFound)?;
    let file = tree.open(&path)?;
    Ok((path, file))
}

/// The path in the static tree. Names that begin with a dot are not for the web: editors, version control and half-written
/// files use them.
fn plain_path(path: &str) -> Option<RelPath> {
    let path = RelPath::parse(&format!("{FOLDER}/{path}"))?;
    let hidden = path.names().any(|name| name.starts_with('.'));
    (!hidden).then_some(path)
}

fn file_reply(path: &RelPath, file: File, wish: &Wish<'_>) -> io::Result<Reply> {
    let metadata = file.metadata()?;
    let version = Version::of(&metadata);
    let mut headers = HeaderLines::default();
    headers.push("ETag", &version.tag);
    headers.push("Last-Modified", httpdate::fmt_http_date(version.modified));
    // Kept by the browser, but never shown without asking whether it is still good, and whether the user is.
    headers.push("Cache-Control", "private, no-cache");
    if version.is_known(wish.header("If-None-Match"), wish.header("If-Modified-Since")) {
        return Ok(Reply { status: StatusCode::NOT_MODIFIED, headers, body: Body::Bytes(Bytes::new()) });
    }
    headers.push("Content-Type", media_type::of(path.file_name()));
    headers.push("X-Content-Type-Options", "nosniff");
    Ok(Reply { status: StatusCode::OK, headers, body: Body::File(file, metadata.len()) })
}

fn error_reply(error: &io::Error) -> Reply {
    match error.kind() {
        io::ErrorKind::NotFound => Problem::not_found().into(),
        io::ErrorKind::PermissionDenied => {
            log::warn!("a file of the web client may not be read: {error}");
            Problem::not_found().into()
        }
        _ => {
            log::error!("a file of the web client could not be read: {error}");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the file cannot be read at the moment").into()
        }
    }
}
