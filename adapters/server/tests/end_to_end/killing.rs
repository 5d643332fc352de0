//! `kill -9` in the middle of changes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use crate::client::post;
use crate::connector::wait_for;
use crate::stage::{ADMIN, Stage};

/// How often the program is killed; `FSCONNECTOR_KILLS` says otherwise.
const KILLS: usize = 20;

#[test]
fn a_killed_program_leaves_whole_files_and_every_change_that_was_acknowledged() {
    let kills = std::env::var("FSCONNECTOR_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let stage = Stage::new();
    let acknowledged = Mutex::new(Vec::new());
    let sent = AtomicUsize::new(0);
    for round in 0..kills {
        let connector = stage.connector();
        connector.wait_until_ready();
        let address = connector.address;
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let number = sent.fetch_add(1, Ordering::Relaxed);
                        let item =
                            json!([{"name": format!("user {number}"), "email": "a@example.org", "context": "team"}]);
                        let Ok(answer) = post(address, ADMIN, "/api/users/add", &item) else { continue };
                        if answer.status == 200 {
                            let done = answer.json()["done"].as_array().unwrap().clone();
                            acknowledged.lock().unwrap().extend(done.into_iter().map(|user| user["id"].clone()));
                        }
                    }
                });
            }
            // The program is killed at another moment each time.
            let before = sent.load(Ordering::Relaxed);
            wait_for("requests", || sent.load(Ordering::Relaxed), |sent| *sent > before + round % 7);
            connector.kill();
            over.store(true, Ordering::Relaxed);
        });
    }
    let connector = stage.connector();
    connector.wait_until_ready();
    let shown = connector.user_ids(ADMIN);
    for id in acknowledged.lock().unwrap().iter() {
        assert!(shown.contains(&id.as_str().unwrap().to_owned()), "{id} was acknowledged and is gone");
    }
    for name in stage.names("directory/team") {
        assert!(!name.starts_with('.'), "{name} was left behind");
        let text = std::fs::read_to_string(stage.path(&format!("directory/team/{name}"))).unwrap();
        assert!(text.contains("<include>\n") && text.ends_with("</include>\n"), "{name}: {text}");
        assert!(shown.contains(&name.trim_end_matches(".xml").to_owned()), "{name} is not shown");
    }
}
