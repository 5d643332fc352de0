//! What was told to all lately, in the bytes that go over the wire.

use std::collections::VecDeque;

use fsconnector_engine::access::{Role, Roles};

use super::frames::{self, Kind, LONGEST_HEADER};

/// A place between two frames: how many were told before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position(pub(super) u64);

/// The latest frames, as many as there is memory for. The oldest go first, a segment at a time.
pub(super) struct Ring {
    segments: VecDeque<Segment>,
    end: Position,
    /// Of all segments.
    bytes: usize,
    most_bytes: usize,
}

/// The ring has passed a listener: what comes next for it is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passed;

/// Some frames, one after the other. What it has room for it has from the beginning.
struct Segment {
    first: Position,
    wire: Vec<u8>,
    marks: Vec<Mark>,
}

/// A frame of a segment.
#[derive(Clone, Copy)]
struct Mark {
    /// Where it ends.
    end: usize,
    hearers: Roles,
}

/// Bytes of frames in a segment, if the ring has room for many.
const SEGMENT: usize = 64 * 1024;
/// So many bytes are expected of a frame at least. Of shorter ones a segment takes no more.
const SHORT_FRAME: usize = 64;
/// How many segments are looked through at once; another role may hear all of them.
const AT_ONCE: usize = 4;

impl Ring {
    /// An empty one that keeps frames in at most so many bytes, and the latest frame always.
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { segments: VecDeque::new(), end: Position(0), bytes: 0, most_bytes }
    }

    /// Where the next frame will be.
    pub(super) fn end(&self) -> Position {
        self.end
    }

    /// Where the oldest frame is that is still there.
    fn start(&self) -> Position {
        self.segments.front().map_or(self.end, |oldest| oldest.first)
    }

    /// Adds a frame of this text.
    pub(super) fn push(&mut self, hearers: Roles, text: &[u8]) {
        let longest = text.len() + LONGEST_HEADER;
        if !self.segments.back().is_some_and(|latest| latest.has_room_for(longest)) {
            self.begin_segment(longest);
        }
        if let Some(latest) = self.segments.back_mut() {
            latest.push(hearers, text);
        }
        self.end.0 += 1;
    }

    /// Counts a frame that nobody hears.
    pub(super) fn pass_over(&mut self) {
        self.end.0 += 1;
        self.forget_before(self.end);
    }

    /// Appends to `out` what `role` hears of the frames between `from` and `to`, until that has `room` bytes or more; and
    /// says how far it came.
    pub(super) fn copy(
        &self,
        role: Role,
        from: Position,
        to: Position,
        room: usize,
        out: &mut Vec<u8>,
    ) -> Result<Position, Passed> {
        if from < self.start() {
            return Err(Passed);
        }
        let after = self.segments.partition_point(|segment| segment.first <= from);
        let mut at = from;
        for segment in self.segments.range(after.saturating_sub(1)..).take(AT_ONCE) {
            if at >= to || out.len() >= room {
                break;
            }
            at = segment.copy(role, at, to, room, out);
        }
        Ok(at)
    }

    /// Gives back what is only kept for who is before `position`.
    pub(super) fn forget_before(&mut self, position: Position) {
        while let Some(oldest) = self.segments.front()
            && oldest.end() <= position
        {
            self.bytes -= oldest.bytes();
            self.segments.pop_front();
        }
    }

    /// The memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn begin_segment(&mut self, longest: usize) {
        let segment = Segment::new(self.end, longest.max(SEGMENT.min(self.most_bytes / 8)));
        self.bytes += segment.bytes();
        while self.bytes > self.most_bytes
            && let Some(oldest) = self.segments.pop_front()
        {
            self.bytes -= oldest.bytes();
        }
        self.segments.push_back(segment);
    }
}

impl Segment {
    fn new(first: Position, bytes: usize) -> Self {
        Self { first, wire: Vec::with_capacity(bytes), marks: Vec::with_capacity(bytes / SHORT_FRAME + 1) }
    }

    fn end(&self) -> Position {
        Position(self.first.0 + self.marks.len() as u64)
    }

    fn bytes(&self) -> usize {
        self.wire.capacity() + self.marks.capacity() * size_of::<Mark>() + size_of::<Self>()
    }

    fn has_room_for(&self, longest: usize) -> bool {
        self.wire.capacity() - self.wire.len() >= longest && self.marks.len() < self.marks.capacity()
    }

    fn push(&mut self, hearers: Roles, text: &[u8]) {
        frames::append(Kind::Text, text, &mut self.wire);
        self.marks.push(Mark { end: self.wire.len(), hearers });
    }

    fn copy(&self, role: Role, from: Position, to: Position, room: usize, out: &mut Vec<u8>) -> Position {
        // A segment has fewer frames than memory has bytes.
        let index = usize::try_from(from.0 - self.first.0).unwrap_or(usize::MAX);
        let begin = index.checked_sub(1).and_then(|before| self.marks.get(before)).map_or(0, |mark| mark.end);
        let mut run = begin..begin;
        let mut at = from;
        for mark in self.marks.get(index..).unwrap_or_default() {
            if at >= to || out.len() + run.len() >= room {
                break;
            }
            if !mark.hearers.contains(role) {
                out.extend_from_slice(self.wire.get(run).unwrap_or_default());
                run = mark.end..mark.end;
            }
            run.end = mark.end;
            at.0 += 1;
        }
        out.extend_from_slice(self.wire.get(run).unwrap_or_default());
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROLES: [Role; 3] = [Role::Admin, Role::Member, Role::Guest];

    fn wire(text: &str) -> Vec<u8> {
        let mut wire = Vec::new();
        frames::append(Kind::Text, text.as_bytes(), &mut wire);
        wire
    }

    /// All that a role hears from `from` on.
    fn heard(ring: &Ring, role: Role, mut from: Position, room: usize) -> Result<Vec<u8>, Passed> {
        let mut all = Vec::new();
        while from < ring.end() {
            let mut out = Vec::new();
            let to = ring.copy(role, from, ring.end(), room, &mut out)?;
            assert!(to > from, "it comes forward");
            all.extend(out);
            from = to;
        }
        Ok(all)
    }

    #[test]
    fn a_role_hears_what_is_for_it_in_its_order() {
        let mut ring = Ring::new(1 << 20);
        ring.push(Roles::ALL, b"a");
        ring.push(Roles::only(Role::Admin), b"b");
        ring.push(Roles::who_see(Role::Member), b"c");
        ring.push(Roles::ALL, b"d");
        for (role, texts) in ROLES.into_iter().zip([&["a", "b", "c", "d"][..], &["a", "c", "d"], &["a", "d"]]) {
            let expected: Vec<u8> = texts.iter().flat_map(|text| wire(text)).collect();
            assert_eq!(heard(&ring, role, Position(0), usize::MAX), Ok(expected.clone()));
            assert_eq!(heard(&ring, role, Position(0), 1), Ok(expected), "a frame at a time");
        }
        assert_eq!(heard(&ring, Role::Guest, Position(1), usize::MAX), Ok(wire("d")));
    }

    #[test]
    fn nothing_after_the_given_end_is_heard() {
        let mut ring = Ring::new(1 << 20);
        for text in [b"a", b"b", b"c"] {
            ring.push(Roles::ALL, text);
        }
        let mut out = Vec::new();
        assert_eq!(ring.copy(Role::Guest, Position(1), Position(2), usize::MAX, &mut out), Ok(Position(2)));
        assert_eq!(out, wire("b"));
        assert_eq!(ring.copy(Role::Guest, Position(3), Position(3), usize::MAX, &mut out), Ok(Position(3)));
    }

    #[test]
    fn the_ring_keeps_within_its_memory_and_passes_who_is_too_slow() {
        let mut ring = Ring::new(100_000);
        for _ in 0..10_000 {
            ring.push(Roles::ALL, &[b'x'; 100]);
            assert!(ring.bytes() <= 100_000);
        }
        assert_eq!(ring.copy(Role::Admin, Position(0), ring.end(), 1, &mut Vec::new()), Err(Passed));
        let kept = (ring.end().0 - ring.start().0) * 102;
        assert!(kept > 60_000, "{kept} bytes of frames");
        assert_eq!(heard(&ring, Role::Admin, ring.start(), 4096).unwrap().len() as u64, kept);
    }

    #[test]
    fn a_frame_that_is_larger_than_the_ring_is_kept_alone() {
        let mut ring = Ring::new(1000);
        ring.push(Roles::ALL, b"a");
        ring.push(Roles::ALL, &vec![b'x'; 100_000]);
        assert_eq!(ring.start(), Position(1));
        assert_eq!(heard(&ring, Role::Admin, Position(1), 1).unwrap().len(), 100_010);
        ring.push(Roles::ALL, b"b");
        assert_eq!(heard(&ring, Role::Admin, Position(2), 1).unwrap(), wire("b"));
        assert!(ring.bytes() <= 1000);
    }

    #[test]
    fn what_everybody_has_heard_takes_no_memory() {
        let mut ring = Ring::new(1 << 20);
        for _ in 0..3000 {
            ring.push(Roles::ALL, &[b'x'; 100]);
        }
        ring.forget_before(Position(1000));
        assert!(ring.start() <= Position(1000));
        assert_eq!(heard(&ring, Role::Guest, Position(1000), 4096).unwrap().len(), 2000 * 102);
        ring.forget_before(ring.end());
        assert_eq!((ring.bytes(), ring.start()), (0, ring.end()));
        ring.pass_over();
        assert_eq!(ring.end(), Position(3001));
        assert_eq!(heard(&ring, Role::Guest, Position(3001), 1), Ok(Vec::new()));
        assert_eq!(ring.copy(Role::Guest, Position(3000), ring.end(), 1, &mut Vec::new()), Err(Passed));
    }

    proptest! {
        #[test]
        fn who_is_not_passed_hears_everything_whatever_the_sizes(
            lengths in proptest::collection::vec((0usize..300, 0usize..3), 1..200),
            room in 1usize..2000,
            from in 0usize..200,
        ) {
            let mut ring = Ring::new(16 * 1024);
            for (length, sees) in &lengths {
                ring.push(Roles::who_see(ROLES[*sees]), &vec![b'x'; *length]);
            }
            let from = from.min(lengths.len());
            let role = ROLES[room % 3];
            let all: Vec<u8> = lengths[from..]
                .iter()
                .filter(|(_, sees)| Roles::who_see(ROLES[*sees]).contains(role))
                .flat_map(|(length, _)| wire(&"x".repeat(*length)))
                .collect();
            match heard(&ring, role, Position(from as u64), room) {
                Ok(heard) => prop_assert_eq!(heard, all),
                Err(Passed) => prop_assert!(ring.start() > Position(from as u64)),
            }
            prop_assert!(ring.bytes() <= 16 * 1024);
        }
    }
}
