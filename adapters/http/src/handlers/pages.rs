//! The operator's web client: the files below `phone/` in the static tree; without one, the built-in start page.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use fsconnector_disk::{RelPath, Root};
use http::StatusCode;
use tiny_http::{Header, Request, Response};

use super::conditional::Version;
use super::{media_type, start_page};
use crate::caller::{self, NamedCaller};
use crate::problem::{self, Problem};
use crate::target;

/// The folder of the web client in the static tree.
const FOLDER: &str = "phone";

/// Answers with pages.
pub(crate) struct Pages {
    files: Option<Arc<Root>>,
}

/// What is asked for.
struct Wish<'a> {
    /// Percent-encoded, with its first slash.
    path: &'a str,
    if_none_match: Option<&'a str>,
    if_modified_since: Option<&'a str>,
    caller: Option<NamedCaller>,
}

/// An answer.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

/// The body of an answer.
pub(super) enum Body {
    File(File, u64),
    Bytes(Bytes),
}

impl Pages {
    /// The pages of this static tree.
    pub(crate) fn new(files: Option<Arc<Root>>) -> Self {
        Self { files }
    }

    /// Answers a request of the gate.
    pub(super) fn respond(&self, request: Request) {
        let header = |name: &'static str| {
            request.headers().iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
        };
        let page = self.page(&Wish {
            path: request.url(),
            if_none_match: header("If-None-Match"),
            if_modified_since: header("If-Modified-Since"),
            caller: header(caller::HEADER).and_then(caller::from_header),
        });
        if let Err(error) = request.respond(page.into_response()) {
            log::debug!("the gate did not take an answer: {error}");
        }
    }

    fn page(&self, wish: &Wish<'_>) -> Page {
        let is_root = wish.path == "/";
        let path = if is_root { Some("index.html".into()) } else { target::decode(wish.path.trim_start_matches('/')) };
        let file = path.as_deref().and_then(plain_path).map_or_else(not_found, |path| self.open(&path));
        match file.and_then(|(path, file)| file_page(&path, file, wish)) {
            Ok(page) => page,
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_root => start_page::page(wish.caller.as_ref()),
            Err(error) => error_page(&error),
        }
    }

    fn open(&self, path: &RelPath) -> io::Result<(RelPath, File)> {
        let root = self.files.as_ref().ok_or(io::ErrorKind::NotFound)?;
        Ok((path.clone(), root.open(path)?))
    }
}

fn not_found<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotFound.into())
}

/// The path in the static tree. Names that begin with a dot are not for the web: editors, version control and half-written
/// files use them.
fn plain_path(path: &str) -> Option<RelPath> {
    let path = RelPath::parse(&format!("{FOLDER}/{path}"))?;
    let hidden = path.names().any(|name| name.starts_with('.'));
    (!hidden).then_some(path)
}

fn file_page(path: &RelPath, file: File, wish: &Wish<'_>) -> io::Result<Page> {
    let metadata = file.metadata()?;
    let version = Version::of(&metadata);
    let mut headers = vec![
        ("ETag", version.tag.clone()),
        ("Last-Modified", httpdate::fmt_http_date(version.modified)),
        // Kept by the browser, but never shown without asking whether it is still good, and whether the user is.
        ("Cache-Control", "private, no-cache".to_owned()),
    ];
    if version.is_known(wish.if_none_match, wish.if_modified_since) {
        return Ok(Page { status: StatusCode::NOT_MODIFIED, headers, body: Body::Bytes(Bytes::new()) });
    }
    headers.push(("Content-Type", media_type::of(path.file_name()).to_owned()));
    headers.push(("X-Content-Type-Options", "nosniff".to_owned()));
    Ok(Page { status: StatusCode::OK, headers, body: Body::File(file, metadata.len()) })
}

fn error_page(error: &io::Error) -> Page {
    let problem = match error.kind() {
        io::ErrorKind::NotFound => Problem::not_found(),
        io::ErrorKind::PermissionDenied => {
            log::warn!("a file of the web client may not be read: {error}");
            Problem::not_found()
        }
        _ => {
            log::error!("a file of the web client could not be read: {error}");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the file cannot be read at the moment")
        }
    };
    Page {
        status: problem.status(),
        headers: vec![
            ("Content-Type", problem::MEDIA_TYPE.to_owned()),
            ("Cache-Control", "no-store".to_owned()),
            ("X-Content-Type-Options", "nosniff".to_owned()),
        ],
        body: Body::Bytes(problem.json()),
    }
}

impl Page {
    /// With its length announced, always: the gate takes no chunks.
    fn into_response(self) -> Response<Box<dyn Read + Send>> {
        let header = |(name, value): (&str, String)| Header::from_bytes(name, value).ok();
        let headers = self.headers.into_iter().filter_map(header).collect();
        let (body, length): (Box<dyn Read + Send>, u64) = match self.body {
            // A file that grows meanwhile must not overrun what was announced.
            Body::File(file, length) => (Box::new(file.take(length)), length),
            Body::Bytes(bytes) => {
                let length = bytes.len() as u64;
                (Box::new(bytes.reader()), length)
            }
        };
        let length = usize::try_from(length).ok();
        Response::new(self.status.as_u16().into(), headers, body, length, None).with_chunked_threshold(usize::MAX)
    }
}
