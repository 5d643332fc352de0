//! Allocation: which numbers of a range are free, and the lowest of them.

use std::collections::BTreeMap;

use crate::config::NumberRange;

/// The free numbers of one range.
///
/// Kept as the gaps between used numbers, so its size follows the number of users and not of the range, and taking the
/// lowest of n costs O(log n).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeNumbers {
    range: NumberRange,
    /// First number of each gap → its last. Gaps neither overlap nor touch.
    gaps: BTreeMap<u32, u32>,
    count: u32,
}

impl FreeNumbers {
    /// The numbers of `range` that are not among `used`, which may be in any order, repeat, and lie outside.
    pub fn new(range: NumberRange, used: impl IntoIterator<Item = u32>) -> Self {
        let mut used: Vec<u32> = used.into_iter().filter(|number| range.contains(*number)).collect();
        used.sort_unstable();
        used.dedup();
        let mut gaps = BTreeMap::new();
        let mut next = Some(range.first());
        for number in &used {
            if let Some(first) = next
                && first < *number
            {
                gaps.insert(first, number - 1);
            }
            next = number.checked_add(1);
        }
        if let Some(first) = next
            && first <= range.last()
        {
            gaps.insert(first, range.last());
        }
        let count = gaps.iter().map(|(first, last)| last - first).sum::<u32>() + u32_len(gaps.len());
        Self { range, gaps, count }
    }

    /// The lowest free number, if any is left.
    pub fn lowest(&self) -> Option<u32> {
        self.gaps.first_key_value().map(|(first, _)| *first)
    }

    /// How many numbers are free.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether `number` is free.
    pub fn contains(&self, number: u32) -> bool {
        self.gap_around(number).is_some()
    }

    /// Takes the lowest free number.
    pub fn take_lowest(&mut self) -> Option<u32> {
        let lowest = self.lowest()?;
        self.take(lowest);
        Some(lowest)
    }

    /// Takes `number`; false if it is not free.
    pub fn take(&mut self, number: u32) -> bool {
        let Some((first, last)) = self.gap_around(number) else { return false };
        self.gaps.remove(&first);
        if first < number {
            self.gaps.insert(first, number - 1);
        }
        if number < last {
            self.gaps.insert(number + 1, last);
        }
        self.count -= 1;
        true
    }

    /// Makes `number` free again; false if it is outside the range or free already.
    pub fn give_back(&mut self, number: u32) -> bool {
        if !self.range.contains(number) || self.contains(number) {
            return false;
        }
        let below = number.checked_sub(1).and_then(|neighbour| self.gap_around(neighbour));
        let above = number.checked_add(1).and_then(|neighbour| self.gap_around(neighbour));
        if let Some((first, _)) = above {
            self.gaps.remove(&first);
        }
        let first = below.map_or(number, |(first, _)| first);
        let last = above.map_or(number, |(_, last)| last);
        self.gaps.insert(first, last);
        self.count += 1;
        true
    }

    fn gap_around(&self, number: u32) -> Option<(u32, u32)> {
        let (first, last) = self.gaps.range(..=number).next_back()?;
        (number <= *last).then_some((*first, *last))
    }
}

/// A range holds at most 2³² − 1 numbers besides zero, and it has no more gaps than numbers.
fn u32_len(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Reads a number as the connector writes it: decimal digits without a leading zero. Any other text is no number of ours.
pub fn parse_number(text: &str) -> Option<u32> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u32, last: u32) -> NumberRange {
        NumberRange::new(first, last).unwrap()
    }

    #[test]
    fn the_lowest_free_number_is_given_and_gaps_are_filled_first() {
        let mut free = FreeNumbers::new(range(10, 14), [12, 10, 99, 12]);
        assert_eq!(free.count(), 3);
        let given: Vec<u32> = std::iter::from_fn(|| free.take_lowest()).collect();
        assert_eq!(given, [11, 13, 14]);
        assert_eq!((free.lowest(), free.count()), (None, 0));
    }

    #[test]
    fn the_whole_number_space_can_be_a_range() {
        let mut free = FreeNumbers::new(range(1, u32::MAX), [u32::MAX]);
        assert_eq!(free.count(), u32::MAX - 1);
        assert!(free.give_back(u32::MAX));
        assert!(free.take(u32::MAX));
        assert_eq!(free.lowest(), Some(1));
    }

    #[test]
    fn only_canonical_decimals_are_numbers() {
        assert_eq!(parse_number("20000"), Some(20_000));
        assert_eq!(parse_number("0"), Some(0));
        for other in ["", "00020000", "+1", "2e4", "-1", " 1", "4294967296", "١"] {
            assert_eq!(parse_number(other), None, "{other:?}");
        }
    }
}
