//! What Polycom phones upload: their logs, and the settings and contacts that their owners have made.

use std::fmt;

use fsconnector_disk::{Disk, UploadError, UploadName, Uploaded};
use fsconnector_engine::mac::Mac;
use fsconnector_engine::state::State;
use http::StatusCode;
use serde::Serialize;

use super::provisioning::{self, phone_of};
use super::reply::Reply;
use super::wish::Wish;
use crate::problem::Problem;

/// Who keeps what phones upload.
pub trait Uploads: fmt::Debug + Send + Sync {
    /// Takes what this phone uploads under this name, durably. It may block for as long as a disk takes.
    fn upload(&self, phone: &Mac, name: &UploadName, content: &[u8]) -> Result<Uploaded, UploadError>;
}

impl Uploads for Disk {
    fn upload(&self, phone: &Mac, name: &UploadName, content: &[u8]) -> Result<Uploaded, UploadError> {
        Self::upload(self, phone, name, content)
    }
}

/// What the log calls an upload.
pub(crate) const OP: &str = "polycom";

/// Takes what the phone of whoever asks uploads.
pub(super) fn reply(uploads: Option<&dyn Uploads>, state: &State, wish: &Wish<'_>) -> Reply {
    match take(uploads, state, wish) {
        Ok(receipt) => Reply::json(&receipt),
        Err(problem) => {
            wish.audit(OP, Vec::new(), vec![problem.detail().to_owned()]);
            problem.into()
        }
    }
}

/// What became of an upload.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Receipt {
    Appended(String),
    Written(String),
}

fn take(uploads: Option<&dyn Uploads>, state: &State, wish: &Wish<'_>) -> Result<Receipt, Problem> {
    let user = provisioning::user(state, &wish.caller).ok_or_else(Problem::not_found)?;
    let name = UploadName::parse(&wish.parameter).ok_or_else(bad_name)?;
    let phone = phone_of(state, user).ok_or_else(no_phone)?;
    let uploads = uploads.ok_or_else(not_kept)?;
    let uploaded = uploads.upload(&phone, &name, wish.body).map_err(|error| refusal(&phone, &error))?;
    wish.audit(OP, vec![format!("{phone}/{name}")], Vec::new());
    let name = name.as_str().to_owned();
    Ok(match uploaded {
        Uploaded::Appended => Receipt::Appended(name),
        Uploaded::Written => Receipt::Written(name),
    })
}

fn bad_name() -> Problem {
    let detail = "the name of an upload is made of letters, digits, `_`, `.` and `-`, and does not begin with a dot";
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn no_phone() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "you have no Polycom phone, or somebody else has the same")
}

fn not_kept() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "uploads are not kept here").retry_after(Problem::PAUSE)
}

fn refusal(phone: &Mac, error: &UploadError) -> Problem {
    match error {
        UploadError::TooLarge => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the upload is too large, or the phone has no room for it")
        }
        UploadError::TooMany => {
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "the phone has as many files as it can have")
        }
        UploadError::Unavailable(_) => {
            log::warn!("an upload of the phone {phone} was refused: {error}");
            not_kept()
        }
        UploadError::Failed(_) => {
            log::error!("an upload of the phone {phone} could not be kept: {error}");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the upload cannot be kept at the moment")
                .retry_after(Problem::PAUSE)
        }
    }
}
