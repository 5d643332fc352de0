//! What changes files leaves nothing behind.
//!
//! The threads and connections of the whole process are counted here, so that there is one test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod files_stage;
mod stage;

use std::fs;

use files_stage::{Archive, put};

/// Threads, and open files and connections.
fn held() -> [usize; 2] {
    ["/proc/self/task", "/proc/self/fd"].map(|folder| fs::read_dir(folder).unwrap().count())
}

#[test]
fn uploads_and_removals_leave_neither_connections_nor_threads_behind() {
    const COUNT: usize = 150;
    let archive = Archive::new();
    let mut client = archive.stage.connect();
    let before = held();
    for _ in 0..COUNT {
        assert_eq!(put(&mut client, "mike", "/polycom/x.cfg", "", b"x").status, 200);
        assert_eq!(client.post("anna", "/api/recordings/del", "[]").status, 200);
    }
    let after = held();
    assert!(after.iter().zip(before).all(|(after, before)| after - before < COUNT / 4), "{before:?} to {after:?}");
}
