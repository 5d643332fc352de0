//! The simulated world: the engine, its session with the switch and a simulated switch, in one thread and virtual time.
//!
//! [`World`](world::World) carries bytes between the session and the switch, a few at a time, cuts connections, restarts
//! the switch, lets an administrator edit files – in the order that a test, or proptest, gives it. The same steps give
//! the same run.

pub mod tree;
pub mod world;
