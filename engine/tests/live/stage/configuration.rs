//! What the switch of the examples says about its configuration.

/// What the switch answers about its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    pub(crate) globals: Vec<u8>,
    pub(crate) directory: Vec<u8>,
    pub(crate) profiles: Vec<u8>,
    pub(crate) dialplan: Vec<u8>,
}

/// The users of the examples: id, name, context.
pub(crate) const USERS: [(&str, &str, &str); 5] = [
    ("20000", "admin", "team"),
    ("20001", "Anna Müller", "team"),
    ("20002", "bert", "team"),
    ("21000", "member", "friends"),
    ("22000", "guest", "public"),
];

/// The conferences of the examples: number, name.
const CONFERENCES: [(&str, &str); 4] =
    [("30000", "room"), ("30001", "My Conf"), ("31000", "lounge"), ("32000", "plaza")];

impl Configuration {
    /// One with these users, and [`CONFERENCES`].
    pub(crate) fn with(users: &[(&str, &str, &str)], conferences: &[(&str, &str)]) -> Self {
        let user = |(id, name, context): &(&str, &str, &str)| {
            format!(
                r#"<user id="{id}"><params><param name="password" value="pw"></param></params><variables>
                <variable name="user_context" value="{context}"></variable>
                <variable name="effective_caller_id_name" value="{name}"></variable></variables></user>"#
            )
        };
        let conference = |(num, name): &(&str, &str)| {
            format!(
                r#"<extension name="{num}"><condition field="destination_number" expression="^{num}$">
                <action application="conference" data="{name}@16kHz-novideo"></action></condition></extension>"#
            )
        };
        let users: String = users.iter().map(user).collect();
        let conferences: String = conferences.iter().map(conference).collect();
        Self {
            globals: b"defconpin=1\n".to_vec(),
            directory: format!(
                "<section><domain><groups><group><users>{users}</users></group></groups></domain></section>"
            )
            .into(),
            profiles:
                br#"<configuration><profiles><profile name="16kHz-novideo"></profile></profiles></configuration>"#
                    .to_vec(),
            dialplan: format!("<section><context>{conferences}</context></section>").into(),
        }
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self::with(&USERS, &CONFERENCES)
    }
}
