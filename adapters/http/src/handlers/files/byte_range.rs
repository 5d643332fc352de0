//! Which part of a file a client wants (RFC 9110 §14).

use std::fmt;

/// What is sent of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// All of it.
    Whole,
    /// A part of it.
    Part(ByteRange),
    /// Nothing: it has no such part.
    Unsatisfiable,
}

/// A part of a file, at least one byte long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteRange {
    first: u64,
    /// At least `first`, and less than `complete`.
    last: u64,
    /// How long the whole file is.
    complete: u64,
}

impl ByteRange {
    /// The position of its first byte.
    pub(super) fn first(self) -> u64 {
        self.first
    }

    /// How many bytes it has.
    pub(super) fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

/// As `Content-Range` says it: `bytes 0-9/100`.
impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, complete } = self;
        write!(f, "bytes {first}-{last}/{complete}")
    }
}

/// What is sent of a file that is `complete` bytes long to a client that sent this value of `Range`.
///
/// Several ranges at once are answered with the whole file, and so is what cannot be understood: both are allowed, and
/// the only clients that ask for several ranges want to do harm.
pub(super) fn select(value: &str, complete: u64) -> Selection {
    match RangeSpec::parse(value) {
        Some(spec) => spec.within(complete),
        None => Selection::Whole,
    }
}

/// One range, as it is asked for.
enum RangeSpec {
    /// From a position on, and where it ends if that is said.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Suffix(u64),
}

impl RangeSpec {
    /// Reads the only range there is in `bytes=…`.
    fn parse(value: &str) -> Option<Self> {
        let (unit, set) = value.split_once('=')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        // A list may have empty elements (RFC 9110 §5.6.1).
        let mut specs = set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty());
        let (only, None) = (specs.next()?, specs.next()) else { return None };
        match only.split_once('-')? {
            ("", length) => Some(Self::Suffix(position(length)?)),
            (first, "") => Some(Self::From(position(first)?, None)),
            (first, last) => {
                let (first, last) = (position(first)?, position(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    fn within(self, complete: u64) -> Selection {
        let Some(end) = complete.checked_sub(1) else {
            // Nothing has no part; only its last bytes, however many, are all of it.
            return if matches!(self, Self::Suffix(1..)) { Selection::Whole } else { Selection::Unsatisfiable };
        };
        match self {
            Self::From(first, last) if first <= end => {
                Selection::Part(ByteRange { first, last: last.map_or(end, |last| last.min(end)), complete })
            }
            Self::Suffix(length @ 1..) => {
                Selection::Part(ByteRange { first: complete.saturating_sub(length), last: end, complete })
            }
            Self::From(..) | Self::Suffix(0) => Selection::Unsatisfiable,
        }
    }
}

/// A number of any size; one that is too large for us is larger than any file.
fn position(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is sent of ten bytes: from where and how many.
    fn of_ten(value: &str) -> Result<(u64, u64), Selection> {
        match select(value, 10) {
            Selection::Part(range) => Ok((range.first(), range.length())),
            other => Err(other),
        }
    }

    #[test]
    fn one_range_is_sent_as_far_as_the_file_goes() {
        for (value, expected) in [
            ("bytes=0-9", (0, 10)),
            ("bytes=0-0", (0, 1)),
            ("bytes=3-5", (3, 3)),
            ("bytes=3-", (3, 7)),
            ("bytes=9-", (9, 1)),
            ("bytes=5-100", (5, 5)),
            ("bytes=5-99999999999999999999999999", (5, 5)),
            ("bytes=-3", (7, 3)),
            ("bytes=-10", (0, 10)),
            ("bytes=-99999999999999999999999999", (0, 10)),
            ("Bytes=003-5", (3, 3)),
            ("bytes= 3-5 ,", (3, 3)),
            ("bytes=,\t3-5", (3, 3)),
        ] {
            assert_eq!(of_ten(value), Ok(expected), "{value}");
        }
    }

    #[test]
    fn a_range_that_begins_behind_the_end_is_not_there() {
        for value in ["bytes=10-", "bytes=10-20", "bytes=99999999999999999999999999-", "bytes=-0"] {
            assert_eq!(of_ten(value), Err(Selection::Unsatisfiable), "{value}");
        }
    }

    #[test]
    fn several_ranges_and_what_cannot_be_understood_mean_the_whole_file() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5",
            "bytes=5-3",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=--1",
            "bytes=1--2",
            "bytes=1-2-3",
            "bytes=1 - 2",
            "bytes=a-b",
            "bytes=0x1-2",
            "bytes=１-2",
            "bytes:1-2",
            "items=1-2",
            "bytes=0-1,3-4",
            "bytes=0-0,0-0",
            "bytes=0-1, bytes=3-4",
        ] {
            assert_eq!(of_ten(value), Err(Selection::Whole), "{value}");
        }
    }

    #[test]
    fn an_empty_file_has_no_part() {
        for (value, expected) in [
            ("bytes=0-", Selection::Unsatisfiable),
            ("bytes=0-0", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
            ("bytes=-5", Selection::Whole),
        ] {
            assert_eq!(select(value, 0), expected, "{value}");
        }
    }

    #[test]
    fn a_range_is_shown_as_its_header_says_it() {
        let Selection::Part(range) = select("bytes=-3", 10) else { panic!("no part") };
        assert_eq!(range.to_string(), "bytes 7-9/10");
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_always_in_the_file(value in "bytes=[0-9]{0,20}-[0-9]{0,20}", complete: u64) {
            if let Selection::Part(range) = select(&value, complete) {
                prop_assert!(range.length() > 0);
                prop_assert!(range.first().checked_add(range.length()).is_some_and(|end| end <= complete));
            }
        }

        #[test]
        fn no_value_stops_the_program(value: String, complete: u64) {
            select(&value, complete);
            select(&format!("bytes={value}"), complete);
        }
    }
}
