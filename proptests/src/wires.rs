//! The two connections to the switch, and what is on its way on them.

use std::collections::VecDeque;

use fsconnector_engine::esl::session::{Line, Session};
use fsconnector_simulator::{ConnectionId, Output};

/// Two connections.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) session: Session,
    pub(crate) events: Wire,
    pub(crate) control: Wire,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) id: ConnectionId,
    pub(crate) to_connector: VecDeque<u8>,
    pub(crate) to_switch: VecDeque<u8>,
    pub(crate) closed_by_switch: bool,
}

impl Wire {
    pub(crate) fn new(id: ConnectionId) -> Self {
        Self { id, to_connector: VecDeque::new(), to_switch: VecDeque::new(), closed_by_switch: false }
    }

    /// Whether the connector can read something: bytes, or the end.
    pub(crate) fn is_readable(&self) -> bool {
        !self.to_connector.is_empty() || self.closed_by_switch
    }
}

impl Pair {
    pub(crate) fn wire(&mut self, line: Line) -> &mut Wire {
        match line {
            Line::Events => &mut self.events,
            Line::Control => &mut self.control,
        }
    }

    pub(crate) fn wire_of(&self, line: Line) -> &Wire {
        match line {
            Line::Events => &self.events,
            Line::Control => &self.control,
        }
    }

    /// Puts what the switch has sent on its way.
    pub(crate) fn take(&mut self, output: Output) {
        let (Output::Send(id, _) | Output::Close(id)) = output;
        let Some(wire) = [&mut self.events, &mut self.control].into_iter().find(|wire| wire.id == id) else { return };
        match output {
            Output::Send(_, bytes) => wire.to_connector.extend(bytes),
            Output::Close(_) => wire.closed_by_switch = true,
        }
    }
}
