//! Frames as a server sends them (RFC 6455 §5.2): whole, and not masked.

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text = 0x1,
    Close = 0x8,
    Ping = 0x9,
}

/// Why a connection is closed (RFC 6455 §7.4.1), and what the client is told about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Farewell {
    pub(super) code: u16,
    pub(super) reason: &'static str,
}

/// The client has closed its side without a word.
pub(super) const NORMAL: Farewell = Farewell { code: 1000, reason: "" };
/// We end.
pub(super) const GOING_AWAY: Farewell = Farewell { code: 1001, reason: "the server stops" };
/// What came is no WebSocket frame, or not one of a client.
pub(super) const PROTOCOL_ERROR: Farewell = Farewell { code: 1002, reason: "malformed frames" };
/// A text that is none.
pub(super) const NO_TEXT: Farewell = Farewell { code: 1007, reason: "a text that is not UTF-8" };
/// Too many pings and pongs.
pub(super) const TOO_MANY: Farewell = Farewell { code: 1008, reason: "too many control frames" };
/// A message that is too long.
pub(super) const TOO_BIG: Farewell = Farewell { code: 1009, reason: "a message that is too long" };

/// The listener may not listen any longer.
pub(super) fn policy(reason: &'static str) -> Farewell {
    Farewell { code: 1008, reason }
}

/// A frame has at most so many bytes more than its payload.
pub(super) const LONGEST_HEADER: usize = 10;
/// The payload of a control frame (RFC 6455 §5.5).
const LONGEST_CONTROL: usize = 125;

/// Appends a frame to `out`.
pub(super) fn append(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | kind as u8);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => out.push(length),
        (_, Ok(length)) => {
            out.push(126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// Appends the frame that closes a connection.
pub(super) fn append_close(farewell: Farewell, out: &mut Vec<u8>) {
    let mut payload = farewell.code.to_be_bytes().to_vec();
    let mut end = farewell.reason.len().min(LONGEST_CONTROL - payload.len());
    while !farewell.reason.is_char_boundary(end) {
        end -= 1;
    }
    payload.extend_from_slice(farewell.reason.get(..end).unwrap_or_default().as_bytes());
    append(Kind::Close, &payload, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_tungstenite::tungstenite::protocol::frame::FrameSocket;

    fn frame(append: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        append(&mut out);
        out
    }

    #[test]
    fn another_implementation_reads_frames_of_every_length() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
            let payload = vec![b'a'; length];
            let wire = frame(|out| append(Kind::Text, &payload, out));
            assert!(wire.len() <= length + LONGEST_HEADER);
            let mut socket = FrameSocket::new(&*wire);
            let read = socket.read(None).unwrap().unwrap();
            assert_eq!(read.header().opcode, 1.into(), "{length}");
            assert!(read.header().is_final && read.header().mask.is_none());
            assert_eq!(read.into_payload(), payload);
            assert!(socket.read(None).unwrap().is_none());
        }
    }

    #[test]
    fn the_reason_of_a_close_frame_is_cut_between_characters() {
        let wire = frame(|out| append_close(policy("ü".repeat(70).leak()), out));
        assert_eq!(wire[..4], [0x88, 2 + 122, 3, 240]);
        assert_eq!(std::str::from_utf8(&wire[4..]).unwrap(), "ü".repeat(61));
        assert_eq!(frame(|out| append_close(NORMAL, out)), [0x88, 2, 3, 232]);
    }
}
