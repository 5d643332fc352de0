//! The API's description of itself: an OpenAPI 3.1 document, made of the table that routes and of the schemas that check.

mod document;
mod operations;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use bytes::Bytes;

use crate::routes::{self, Path};

/// How this path is written in the document.
pub(crate) fn written(path: Path) -> String {
    let route = routes::all().iter().find(|route| route.path == path);
    let parameters = route.map_or(&[][..], |route| operations::describe(route.work).parameters);
    document::template(path, parameters).0
}

/// The document. It is made once.
pub(crate) fn document() -> Bytes {
    static DOCUMENT: LazyLock<Bytes> =
        // JSON values cannot fail to serialise.
        LazyLock::new(|| serde_json::to_vec(&document::build()).unwrap_or_default().into());
    DOCUMENT.clone()
}
