//! A state for tests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

use std::collections::BTreeMap;
use std::sync::Arc;

use fsconnector_engine::config::Config;
use fsconnector_engine::numbers::FreeNumbers;
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{Conference, Free, Info, State, User, UserId, Users};
use fsconnector_engine::time::Wall;

/// The password of everybody.
pub(crate) const PASSWORD: &str = "pässword \"1\"";

/// One user per role: `anna` (admin), `mike` (member), `gast` (guest); and one conference.
pub(crate) fn state() -> Arc<State> {
    let config = Config::default();
    let user = |id: &str, name: &str, context: &str| User {
        id: UserId::parse(id).unwrap(),
        password: Secret::new(PASSWORD),
        conpin: Secret::new("4711"),
        context: context.into(),
        name: name.into(),
        email: format!("{name}@example.org").into(),
        polymac: "none".into(),
    };
    let users = vec![user("20000", "anna", "team"), user("21000", "mike", "friends"), user("22000", "gast", "public")];
    let free = config.contexts.iter().map(|context| Free {
        users: FreeNumbers::new(context.users, []),
        conferences: FreeNumbers::new(context.conferences, []),
    });
    let conference = Conference {
        num: 32_000,
        name: "open".into(),
        profile: "16kHz-novideo".into(),
        context: config.contexts[2].name.clone(),
        pin: None,
    };
    Arc::new(State {
        info: Info { reload: None, maintenance: None, connected: true, since: Wall(0), version: "test".into() },
        globals: Arc::new(BTreeMap::from([("internal_tls_port".into(), "5061".into())])),
        users: Arc::new(Users::new(users, &config)),
        conference_types: Arc::new(["16kHz-novideo".into()]),
        conferences: Arc::new([conference]),
        free: free.collect(),
        config: Arc::new(config),
    })
}
