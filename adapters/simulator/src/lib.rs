//! A FreeSWITCH double: what the connector is tested, shown and measured against.
//!
//! The real switch cannot be part of a test that runs in milliseconds, can be repeated byte for byte, and cuts a connection at any
//! byte. This crate is one that can. It knows nothing of the connector's engine: it is an independent witness, and whatever the engine
//! believes of the switch has to hold against it.
//!
//! It is built in three layers, each usable alone:
//!
//! 1. [`config`] reads a configuration tree as the switch does. A preprocessor that works line by line merges the files, a lenient
//!    parser makes a tree of them, and a serialiser writes sections of it out again, oddities included. Files come through
//!    [`config::Files`], from a folder or from memory. A load also leaves a [`config::Report`] of what it met.
//! 2. [`SimSwitch`] is the switch itself: bytes of clients in, bytes for clients out. It performs no IO but through its files, has no
//!    clock, no threads and no randomness: time is an argument, UUIDs come from a seed, so that a run can be repeated.
//!    [`Faults`] make it slow, silent or unfriendly.
//! 3. [`EventSocket`] puts a `SimSwitch` on a TCP port, and can shut it down, kill it, start it again, or cut its connections.
//!
//! Clients are one side of the switch; phones and callers are the other, and are driven by methods:
//!
//! | who | does what |
//! |---|---|
//! | [`Caller`] | [`dial`](SimSwitch::dial) a number of the loaded dialplan, or [`join`](SimSwitch::join) a conference by name and profile; then, by its [`CallId`], [`press`](SimSwitch::press) keys (first those of a PIN), [`talk`](SimSwitch::talk), [`hold`](SimSwitch::hold), [`leave`](SimSwitch::leave) |
//! | [`Phone`] | [`register`](SimSwitch::register), and so again; [`reboot`](SimSwitch::reboot), [`unregister`](SimSwitch::unregister), [`expire`](SimSwitch::expire) |
//! | tests | [`end_conference`](SimSwitch::end_conference) (the next caller begins a second generation), [`set_pace`](SimSwitch::set_pace), [`burst`](SimSwitch::burst), [`SimSwitch::faults`], [`SimSwitch::timing`] |
//! | whoever compares | [`conferences`](SimSwitch::conferences) and [`registrations`](SimSwitch::registrations): how things really are |
//!
//! Whatever follows later (a kicked member goes, a recording's file is opened, the floor goes over, a registration expires) follows in
//! [`SimSwitch::tick`], when [`SimSwitch::deadline`] says so. Over TCP, [`EventSocket::drive`] does the same with a running switch.
//!
//! What holds throughout:
//!
//! - What was recorded from a real switch is answered byte for byte alike; the tests compare. What was never recorded is an
//!   assumption: the headers of RELOADXML that say where it is made, `-ERR no reply` as `api`'s answer without text, the refusals
//!   of `filter`, `log` and `noevents`, filters' signs, the names of events that no recording holds, arrays set as a whole, and how lines before an error are counted where tags go over several lines.
//! - Bytes are bytes: neither files nor clients have to send UTF-8, and nothing that they can send makes it panic.
//! - Commands in a configuration never reach outside: `exec` and its like are reported, never carried out.
//! - Loading grows with the size of the input, also where the real switch takes ages or dies: there are bounds on the depth of elements
//!   (1000), on what entities expand to (4 MiB), on the number of inclusions (a million) and on the merged text (1 GiB). Writing out
//!   can grow faster, as in the real switch: children without text between them repeat all the text that follows.
//! - Of conferences these were never recorded: talking where the profile does not suppress it, the PIN prompt, holding, `endconf`, the
//!   commands `hold`, `unhold`, `floor` where it succeeds, `conference list`, `sofia::expire`, and the line numbers of such events (0).
//!   While on hold, a member cannot speak as far as events and listings say, muted or not.
//! - `update-reg` is said of a phone whose address has registered before; an expiry happens a minute after the time the phone was given.
//!
//! What is missing: every event about a call but `conference::maintenance` (`CHANNEL_…`, `CODEC`, `PRESENCE_IN` and the like), calls that are not
//! conferences, `originate` and `dial`, video, most commands of `conference` and the list of them all, the help texts of commands, calls in `status`
//! and in HEARTBEAT; the events of modules being unloaded at a shutdown; events as XML; filters with regular expressions; `<!ATTLIST>` in a configuration; UTF-16.
//!
//! ```
//! use fsconnector_simulator::config::Memory;
//! use fsconnector_simulator::{Identity, Output, SimSwitch};
//!
//! let files = Memory::new([("freeswitch.xml", "<document>\n<section name=\"directory\"/>\n</document>\n")]);
//! let mut switch = SimSwitch::new(files, Identity::default(), 0);
//! let mut out = Vec::new();
//! let client = switch.connect(&mut out);
//! switch.receive(0, client, b"auth ClueCon\n\napi xml_locate directory\n\n", &mut out);
//! let Some(Output::Send(_, answer)) = out.last() else { panic!("there is an answer") };
//! assert!(answer.ends_with(b"<section name=\"directory\"></section>\n"));
//! ```

pub mod config;
mod socket;
mod switch;

pub use socket::EventSocket;
pub use switch::{
    Answer, CallId, Caller, Conference, ConnectionId, Faults, Identity, Member, Output, Pace, Phone, Recording,
    Registration, SimSwitch, Timing,
};
