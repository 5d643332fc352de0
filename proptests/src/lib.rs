//! The simulated world: the engine, its session with the switch, a simulated switch, the change sets on the model of a
//! disk, administrators at the API and one with an editor, in one thread and virtual time.
//!
//! [`World`](world::World) does one [`Step`](world::Step) at a time: it carries bytes, a few at a time, works on the disk,
//! cuts connections, kills the connector, lets somebody edit a file. The same steps give the same run. After each step the
//! [invariants] are checked; [`run`](run::run) makes the steps of a seed up.
//!
//! ```text
//! world.rs       the world and its steps
//! work.rs        what passes between the engine and the rest
//! settling.rs    the end: all faults are over, and everything comes to rest
//! connector.rs   the connector: engine, session, change sets, and what is under way between them
//! wires.rs       the two connections, and what is on its way on them
//! scene.rs       what the connector shares with others: the disk and the switch
//! disk.rs        the disk, as the connector and as the switch see it
//! ledger.rs      what every file has to hold
//! changing.rs    what the connector is changing at the moment
//! phones.rs      phones, and what has to become of their files
//! archives.rs    archives, and what people put in their place
//! view.rs        what a configuration shows
//! requests.rs    what administrators ask for, and what they have to be told
//! live/          those who call, and those who listen
//! invariants.rs  what has to hold
//! tree.rs        the configuration tree, and what people write into it by hand
//! sabotage.rs    connectors that lack something, for showing that the world would find out
//! trace.rs       what happens, for people to read
//! chance.rs      numbers that look random
//! run.rs         steps made up from a seed
//! ```

pub mod archives;
pub mod chance;
mod changing;
mod connector;
mod disk;
pub mod invariants;
mod ledger;
pub mod live;
pub mod phones;
pub mod requests;
pub mod run;
pub mod sabotage;
pub mod scene;
mod settling;
mod trace;
pub mod tree;
pub mod view;
mod wires;
mod work;
pub mod world;
