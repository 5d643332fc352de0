//! The second half of a commit, and its reverse: visible files change here, one by one.
//!
//! Whoever edits a file at the same time never loses what he wrote: a file is not overwritten but swapped with the hidden
//! one next to it, and swapped back if what came out is not what was expected.

use std::io;

use fsconnector_engine::change_set::Refusal;

use crate::fingerprint::Fingerprint;
use crate::journal::StepKind;
use crate::operations::Operations;
use crate::places::Place;

/// How often a file is swapped back at most that somebody keeps writing.
const SWAPS: usize = 16;

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    Done,
    /// Somebody was faster; his file stays.
    Refused(Refusal),
}

/// Makes a staged change visible.
pub(crate) fn place<O: Operations>(operations: &O, place: &Place<'_, O::Folder>, kind: StepKind) -> io::Result<Placed> {
    match kind {
        StepKind::Create { .. } => match operations.rename_new(&place.folder, &place.hidden, place.name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Placed::Refused(Refusal::Occupied)),
            other => other.map(|()| Placed::Done),
        },
        StepKind::Replace { old, new } | StepKind::ReplaceMode { old, new } => {
            Ok(if swap(operations, place, old, new, Place::set_aside)? {
                Placed::Done
            } else {
                Placed::Refused(Refusal::Changed)
            })
        }
        StepKind::Remove { old } => {
            Ok(if set_aside(operations, place, old)? { Placed::Done } else { Placed::Refused(Refusal::Changed) })
        }
    }
}

/// What came of putting back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PutBack {
    /// The file is as it was before, or was never changed by the step.
    Done,
    /// Somebody has changed the file after the step; his file stays.
    Left,
}

/// Takes the step back, as far as it was carried out: that is read off the files. It can be interrupted anywhere and
/// done again.
pub(crate) fn put_back<O: Operations>(
    operations: &O,
    place: &Place<'_, O::Folder>,
    kind: StepKind,
) -> io::Result<PutBack> {
    let visible = place.visible(operations)?;
    let aside = place.set_aside(operations)?;
    let done = match kind {
        StepKind::Create { new } => uncreate(operations, place, new, visible, aside)?,
        StepKind::Replace { old, new } | StepKind::ReplaceMode { old, new } => match (visible, aside) {
            (Some(visible), Some(aside)) if visible == new => swap(operations, place, new, aside, Place::set_aside)?,
            // The last attempt was interrupted when it had swapped what somebody wrote just then.
            (Some(visible), Some(aside)) if visible == old && ![old, new].contains(&aside) => {
                swap(operations, place, old, aside, Place::set_aside)?;
                false
            }
            // With the new content set aside the step was not carried out, or taken back already.
            _ => visible == Some(old) || aside == Some(new),
        },
        StepKind::Remove { old } => match (visible, aside) {
            (Some(visible), Some(_)) => visible == old,
            (None, Some(_)) => bring_back(operations, place)?,
            (_, None) => true,
        },
    };
    Ok(if done { PutBack::Done } else { PutBack::Left })
}

fn uncreate<O: Operations>(
    operations: &O,
    place: &Place<'_, O::Folder>,
    new: Fingerprint,
    visible: Option<Fingerprint>,
    aside: Option<Fingerprint>,
) -> io::Result<bool> {
    if visible == Some(new) {
        place.clear(operations)?;
        return set_aside(operations, place, new);
    }
    match aside {
        // The last attempt was interrupted when it had set aside what somebody wrote just then.
        Some(aside) if aside != new => {
            bring_back(operations, place)?;
            Ok(false)
        }
        // The step was not carried out, or taken back already.
        Some(_) => Ok(true),
        None => Ok(visible.is_none()),
    }
}

/// Swaps the visible file, which should be `expected`, with the hidden one, which is `ours`. Whether it was: if not, what
/// somebody wrote last is visible again. Both are recognised by `set_aside`, which looks at the hidden one.
pub(crate) fn swap<'p, O: Operations, T: PartialEq>(
    operations: &O,
    place: &Place<'p, O::Folder>,
    expected: T,
    ours: T,
    set_aside: impl Fn(&Place<'p, O::Folder>, &O) -> io::Result<Option<T>>,
) -> io::Result<bool> {
    // What should come out of the visible name, and what goes in.
    let (mut out, mut in_) = (Some(expected), Some(ours));
    for round in 0..SWAPS {
        match operations.exchange(&place.folder, &place.hidden, place.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return if operations.exists(&place.folder, place.name)? { Err(error) } else { Ok(false) };
            }
            other => other?,
        }
        let came_out = match set_aside(place, operations) {
            Ok(came_out) => came_out,
            Err(error) => {
                // Nobody knows whose it is: it may be what somebody wrote.
                let _ = operations.exchange(&place.folder, &place.hidden, place.name);
                return Err(error);
            }
        };
        if came_out == out {
            return Ok(round == 0);
        }
        // It is newer than what went in: the other way round.
        (out, in_) = (in_, came_out);
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "somebody keeps changing the file"))
}

/// Gives the visible file, which should be `expected`, the hidden name. Whether it was: if not, it is visible again.
fn set_aside<O: Operations>(operations: &O, place: &Place<'_, O::Folder>, expected: Fingerprint) -> io::Result<bool> {
    match operations.rename_new(&place.folder, place.name, &place.hidden) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    }
    if place.set_aside(operations)? == Some(expected) {
        return Ok(true);
    }
    bring_back(operations, place)?;
    Ok(false)
}

/// Makes the file under the hidden name visible, unless somebody has made another one meanwhile.
fn bring_back<O: Operations>(operations: &O, place: &Place<'_, O::Folder>) -> io::Result<bool> {
    match operations.rename_new(&place.folder, &place.hidden, place.name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        other => other.map(|()| true),
    }
}
