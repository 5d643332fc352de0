//! The running switch: whether it answers, and with what.

use std::io;
use std::sync::Arc;

use fsconnector_engine::config::Config;
use fsconnector_engine::esl::session::SessionEnd;
use fsconnector_engine::io::Reply;
use fsconnector_engine::switch::{QUESTIONS, Reading};
use fsconnector_esl::{Address, AskError, ask};
use fsconnector_simulator::config::Globals;

use super::findings::Finding;
use crate::heart::Clock;
use crate::settings::Switch;

/// What to do when something else listens in the switch's place.
const CORRECT: &str = "correct address and port under [switch] (FSIP, FSPORT)";

/// A switch that has answered.
pub(super) struct Running {
    /// Where it is, for a person.
    pub(super) place: String,
    /// What the connector reads from its answers.
    pub(super) reading: Reading,
    /// Its variables.
    pub(super) globals: Globals,
}

impl Running {
    /// Asks what the connector itself asks after connecting; nothing else, and nothing that changes the switch.
    pub(super) fn ask(switch: &Switch, config: &Config) -> Result<Self, Finding> {
        let place = place(switch);
        let clock = Clock::start();
        let address = Address::from(switch.clone());
        let asked = smol::block_on(ask(&address, Arc::new(move || clock.mono()), QUESTIONS));
        let replies = asked.map_err(|error| no_answer(&place, &error))?;
        let globals = match &replies {
            [_, Reply::Answer(listing), ..] => Globals::from_listing(listing),
            _ => Globals::default(),
        };
        let reading = Reading::new(config, replies, &[]).map_err(|unreadable| {
            let what = format!("the connector cannot use what is loaded there: {unreadable}");
            Finding::in_file(&*place, what, "mend that section, and have it loaded: fs_cli -x reloadxml")
        })?;
        Ok(Self { place, reading, globals })
    }
}

/// Where the switch is, for a person.
fn place(switch: &Switch) -> String {
    let Switch { address, port, .. } = switch;
    if address.contains(':') { format!("switch [{address}]:{port}") } else { format!("switch {address}:{port}") }
}

fn no_answer(place: &str, error: &AskError) -> Finding {
    let (what, remedy) = match error {
        AskError::Unreachable(error) => unreachable(error),
        AskError::Ended(end) => ended(end),
    };
    Finding::in_file(place, what, remedy)
}

fn unreachable(error: &io::Error) -> (String, String) {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            "nobody listens there".to_owned(),
            format!("start the switch, with mod_event_socket listening there (event_socket.conf.xml), or {CORRECT}"),
        ),
        io::ErrorKind::TimedOut => (
            "nobody answers there: a firewall keeps connections away, or no computer has that address".to_owned(),
            format!("open the port in the firewall, or {CORRECT}"),
        ),
        _ => (format!("it cannot be reached: {error}"), CORRECT.to_owned()),
    }
}

fn ended(end: &SessionEnd) -> (String, String) {
    let (what, remedy) = match end {
        SessionEnd::WrongPassword => (
            "the switch does not accept the password".to_owned(),
            "write the one of event_socket.conf.xml as password under [switch] (FSPW)",
        ),
        SessionEnd::Refused => (
            "the switch turns this computer away".to_owned(),
            "allow its address in the list that apply-inbound-acl in event_socket.conf.xml names",
        ),
        SessionEnd::NoGreeting => (
            "what listens there does not greet like the event socket of a FreeSWITCH: it is something else, or hangs"
                .to_owned(),
            CORRECT,
        ),
        SessionEnd::Garbled(_) | SessionEnd::OutOfOrder => {
            (format!("what listens there is no event socket of a FreeSWITCH: {end}"), CORRECT)
        }
        SessionEnd::Lost(how) => (
            format!("what listens there ends the connection before it has answered: {how}"),
            "see whether that is the event socket of a switch, and what the switch's log says",
        ),
        SessionEnd::Unreachable(_)
        | SessionEnd::ShutDown
        | SessionEnd::NoSubscription(_)
        | SessionEnd::Silent
        | SessionEnd::Late(_)
        | SessionEnd::Exit => (end.to_string(), "see what the switch's log says, and check again"),
    };
    (what, remedy.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_not_answering_has_its_own_sentence_and_remedy() {
        let unreachable = |kind: io::ErrorKind| AskError::Unreachable(kind.into());
        let ways = [
            (unreachable(io::ErrorKind::ConnectionRefused), "nobody listens there — start the switch, "),
            (unreachable(io::ErrorKind::TimedOut), "nobody answers there: a firewall keeps connections away, or no"),
            (unreachable(io::ErrorKind::HostUnreachable), "it cannot be reached: host unreachable — correct address"),
            (AskError::Ended(SessionEnd::WrongPassword), "the switch does not accept the password — write the one of"),
            (AskError::Ended(SessionEnd::Refused), "the switch turns this computer away — allow its address in the"),
            (AskError::Ended(SessionEnd::NoGreeting), "what listens there does not greet like the event socket of a"),
            (AskError::Ended(SessionEnd::OutOfOrder), "what listens there is no event socket of a FreeSWITCH: the"),
            (AskError::Ended(SessionEnd::Lost("x".into())), "what listens there ends the connection before it has"),
            (AskError::Ended(SessionEnd::ShutDown), "the switch is shutting down — see what the switch's log says"),
        ];
        for (error, begin) in ways {
            let finding = no_answer("switch a:1", &error);
            assert_eq!(finding.file, "switch a:1");
            assert!(finding.to_string().starts_with(begin), "{finding}");
        }
    }
}
