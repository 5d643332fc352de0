//! What answers forbid browsers to do with them on behalf of other web sites: one table.
//!
//! There is no `Strict-Transport-Security`: it would bind all ports of a host name that the switch and others use as well, and
//! whose certificate may be one that signs itself, which browsers then let nobody accept any more. Who has a proxy that
//! speaks TLS can have that say it.

use super::cors::Origin;
use crate::answer::HeaderLines;
use crate::routes::{FileRoute, Work};

/// The headers, by what is asked for.
#[derive(Debug)]
pub(super) struct Shelter {
    recordings: HeaderLines,
    pages: HeaderLines,
}

/// Of all that is for programs: nothing is guessed, embedded, loaded, run or framed. Phones pass over all of it.
const API: HeaderLines = HeaderLines::fixed(
    "X-Content-Type-Options: nosniff\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n",
);

impl Shelter {
    /// Pages of `origins` may frame the web client, and embed its files and recordings.
    pub(super) fn new(origins: &[Origin]) -> Self {
        let framed_by = origins.iter().fold(String::from("'self'"), |list, origin| format!("{list} {origin}"));
        let mut common = HeaderLines::fixed("X-Content-Type-Options: nosniff\r\n");
        // There is no way to say that only some others may.
        if origins.is_empty() {
            common.push("Cross-Origin-Resource-Policy", "same-origin");
        }
        let with_policy = |policy: &str| {
            let mut headers = common.clone();
            headers.push("Content-Security-Policy", policy);
            headers
        };
        Self {
            // A browser that shows nothing but a recording makes a page for it, with itself as the source.
            recordings: with_policy(
                "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'",
            ),
            // What it loads and runs is up to the operator's web client, and the built-in page has a policy of its own. That
            // others lay it under their pages, and have visitors press its buttons unknowingly, would do nobody any good.
            pages: with_policy(&format!("frame-ancestors {framed_by}")),
        }
    }

    /// Those of the answer to a request that leads to this `work`, or nowhere.
    pub(super) fn of(&self, work: Option<Work>) -> HeaderLines {
        match work {
            Some(Work::File(FileRoute::Page)) => self.pages.clone(),
            Some(Work::File(FileRoute::Recording | FileRoute::FriendsRecording)) => self.recordings.clone(),
            _ => API,
        }
    }

    /// Those of the answer to what is no request.
    pub(super) fn of_nothing() -> HeaderLines {
        API
    }
}
