//! `kill -9` in the middle of changes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use crate::client::{post, try_get};
use crate::connector::wait_for;
use crate::stage::{ADMIN, Stage};

/// How often the program is killed; `FSCONNECTOR_KILLS` says otherwise.
const KILLS: usize = 20;

fn kills() -> usize {
    std::env::var("FSCONNECTOR_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS)
}

#[test]
fn a_killed_program_leaves_whole_files_and_every_change_that_was_acknowledged() {
    let stage = Stage::new();
    let acknowledged = Mutex::new(Vec::new());
    let sent = AtomicUsize::new(0);
    for round in 0..kills() {
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

#[test]
fn a_program_killed_while_it_restores_leaves_the_tree_of_before_or_the_one_that_was_stored() {
    let stage = Stage::new();
    let user = |n: usize| json!({"name": format!("user {n}"), "email": "a@example.org", "context": "friends"});
    let connector = stage.ready();
    let added = connector.post(ADMIN, "/api/users/add", &(0..60).map(user).collect()).json();
    assert_eq!(connector.get(ADMIN, "/api/store/directory").json()["failed"], "");
    let stored = stage.tree();
    let ids: Vec<_> = added["done"].as_array().unwrap().iter().map(|user| json!({"id": user["id"]})).collect();
    connector.post(ADMIN, "/api/users/del", &ids[..40].into());
    connector.post(ADMIN, "/api/users/mod", &ids[40..].into());
    let before = stage.tree();
    connector.kill();
    let mut was_restored = 0;
    for round in 0..kills() {
        let connector = stage.ready();
        let (address, answered) = (connector.address, AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                // The program may be gone.
                let _ = try_get(address, ADMIN, "/api/restore/directory");
                answered.store(true, Ordering::Relaxed);
            });
            // The program is killed at another moment each time.
            let is_far = || match round % 4 {
                0 => true,
                1 => stage.names("directory").len() > 4,
                2 => stage.names("").iter().any(|name| name.contains("journal")),
                _ => stage.path("directory/friends/21000.xml").exists(),
            };
            wait_for("a restore", || answered.load(Ordering::Relaxed) || is_far(), |is_far| *is_far);
            connector.kill();
        });
        let connector = stage.ready();
        let after = stage.tree();
        assert!(after == before || after == stored, "{:#?}", after.keys());
        assert_eq!(connector.user_ids(ADMIN).len(), if after == before { 21 } else { 61 });
        if after == stored {
            was_restored += 1;
            connector.post(ADMIN, "/api/users/del", &ids[..40].into());
            for (path, content) in before.iter().filter(|(path, content)| stored.get(*path) != Some(content)) {
                std::fs::write(path, content).unwrap();
            }
        }
        connector.kill();
    }
    println!("{was_restored} of {} were restored", kills());
}
