//! Whoever guesses passwords does not flood the log.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod live_stage;
#[path = "files_stage/log.rs"]
mod log_lines;
mod stage;

use stage::Stage;

#[test]
fn of_many_wrong_passwords_the_log_hears_some() {
    log_lines::listen_to_the_log();
    let stage = Stage::new();
    for number in 0..200 {
        let guess = format!("/api/live?login=nobody{}:guess", number / 5);
        assert_eq!(stage.shake_hands(&guess, "").map_err(|answer| answer.status).err(), Some(401), "{guess}");
    }
    let (refusals, failures): (Vec<String>, Vec<String>) = log_lines::lines_with("wrong password")
        .into_iter()
        .partition(|line| line.contains("which is refused for 10 s now"));
    // Of each kind twenty in ten seconds, and this does not take twenty.
    for (lines, all) in [(refusals.len(), 40), (failures.len(), 160)] {
        assert!((20..=40).contains(&lines) && lines < all, "{lines} lines");
    }
}
