//! The long texts that listeners ask for, each made once for all who ask before anything changes.

use std::collections::BTreeMap;

use super::listener::Frame;
use crate::access::Role;

/// A text that many may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Text {
    /// The reply to `init`.
    Init(Role),
    /// `newLiveState`
    NewLiveState(Role),
    /// The reply to `initreg`.
    InitReg,
}

/// The texts that are still true.
#[derive(Debug, Default)]
pub(super) struct Prepared(BTreeMap<Text, Frame>);

impl Prepared {
    /// The text; made if nobody has asked for it since something changed.
    pub(super) fn text(&mut self, text: Text, make: impl FnOnce() -> Frame) -> Frame {
        self.0.entry(text).or_insert_with(make).clone()
    }

    /// Something may have changed.
    pub(super) fn forget(&mut self) {
        if !self.0.is_empty() {
            self.0.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_made_once_until_something_changes() {
        let mut prepared = Prepared::default();
        let text = |prepared: &mut Prepared, words: &'static str| {
            prepared.text(Text::Init(Role::Guest), || Frame(words.into())).as_bytes().clone()
        };
        assert_eq!(text(&mut prepared, "a"), "a");
        assert_eq!(text(&mut prepared, "b"), "a");
        assert_eq!(prepared.text(Text::InitReg, || Frame("c".into())).as_bytes(), "c");
        prepared.forget();
        assert_eq!(text(&mut prepared, "b"), "b");
    }
}
