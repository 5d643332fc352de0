//! A file as an answer: all of it, a part, or the news that the client has it already.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};

use bytes::Bytes;
use http::StatusCode;

use super::byte_range::{self, Selection};
use super::conditional::{Verdict, Version};
use super::reply::{Body, Reply};
use super::wish::Wish;
use crate::answer::HeaderLines;
use crate::problem::Problem;

/// How a file is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// What it is.
    pub(super) media_type: &'static str,
    /// Whether clients may keep it.
    pub(super) keeping: Keeping,
}

/// Whether clients may keep a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// They may, but never use it without asking whether it is still good, and whether the user is.
    AskAgain,
    /// They may not: it holds a password.
    Never,
}

impl Keeping {
    fn cache_control(self) -> &'static str {
        match self {
            Self::AskAgain => "private, no-cache",
            Self::Never => "no-store",
        }
    }
}

impl Offer {
    /// Answers with an open file. If it grows meanwhile, as recordings do, the client gets what it was announced.
    pub(super) fn reply(self, mut file: File, wish: &Wish<'_>) -> io::Result<Reply> {
        let metadata = file.metadata()?;
        let version = Version::of(&metadata);
        let conditions = wish.conditions();
        match version.judge(&conditions) {
            Verdict::Send => (),
            Verdict::NotModified => return Ok(self.not_modified(&version)),
            Verdict::Failed => return Ok(changed().into()),
        }
        let range = wish.range().filter(|_| version.may_send_part(&conditions));
        match range.map_or(Selection::Whole, |range| byte_range::select(&range, metadata.len())) {
            Selection::Whole => Ok(self.content(StatusCode::OK, &version, file, metadata.len())),
            Selection::Part(range) => {
                file.seek(SeekFrom::Start(range.first()))?;
                let mut reply = self.content(StatusCode::PARTIAL_CONTENT, &version, file, range.length());
                reply.headers.push("Content-Range", range);
                Ok(reply)
            }
            Selection::Unsatisfiable => Ok(no_such_part(metadata.len()).into()),
        }
    }

    fn content(self, status: StatusCode, version: &Version, file: File, length: u64) -> Reply {
        let mut headers = self.headers(version);
        headers.push("Accept-Ranges", "bytes");
        headers.push("Content-Type", self.media_type);
        Reply { status, headers, body: Body::File(file, length) }
    }

    fn not_modified(self, version: &Version) -> Reply {
        Reply { status: StatusCode::NOT_MODIFIED, headers: self.headers(version), body: Body::Bytes(Bytes::new()) }
    }

    fn headers(self, version: &Version) -> HeaderLines {
        let mut headers = HeaderLines::default();
        headers.push("ETag", &version.tag);
        headers.push("Last-Modified", httpdate::fmt_http_date(version.modified));
        headers.push("Cache-Control", self.keeping.cache_control());
        headers
    }
}

/// The answer when a file cannot be had. `what` is for the log.
pub(super) fn refusal(what: &str, error: &io::Error) -> Reply {
    match error.kind() {
        // A name that is too long for the file system is the name of nothing.
        io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename => Problem::not_found().into(),
        io::ErrorKind::PermissionDenied => {
            log::warn!("{what} may not be read: {error}");
            Problem::not_found().into()
        }
        _ => {
            log::error!("{what} could not be read: {error}");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the file cannot be read at the moment").into()
        }
    }
}

fn changed() -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, "the file is not the version that the request is for")
}

fn no_such_part(length: u64) -> Problem {
    Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, format!("the file has {length} bytes, and none of those"))
        .header("Content-Range", &format!("bytes */{length}"))
        .header("Accept-Ranges", "bytes")
}
