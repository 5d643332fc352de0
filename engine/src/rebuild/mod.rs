//! A saved state → files: from the answer of `GET /api/info/state`, every file that the connector owns, as it would have
//! written it. No switch is asked, so whatever it would read in another way is refused.

mod saved;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::access::Role;
use crate::change::draft::{conference_path, user_path};
use crate::change::provisioning::{Phones, linphone, phone};
use crate::change::rules::{self, Forbidden};
use crate::change_set::{Change, ChangeKind, ChangeSet, Document, Subject};
use crate::config::Config;
use crate::mac::Mac;
use crate::path::{RelPath, Tree, TreePath};
use crate::render::{PublicAddress, Renderer, Templates, resolve_pin};
use crate::state::{Conference, User, Users};
use crate::switch::file::{Verdict, compare_conference, compare_user};

use saved::Saved;
pub use saved::{RebuildError, Wrong};

/// The longest id whose file's name is none too long for a disk, in bytes.
const ID: usize = 250;

/// What is to be written.
#[derive(Debug)]
pub struct Rebuild {
    /// The files.
    pub set: ChangeSet,
    /// Those whose files are not written.
    pub refused: Vec<Refused>,
}

/// A user or conference whose file is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Who.
    pub subject: Subject,
    why: Obstacle,
}

impl Subject {
    fn file_name(&self) -> String {
        match self {
            Self::User(id) => format!("{id}.xml"),
            Self::Conference(num) => format!("{num}.xml"),
        }
    }
}

/// Why a file is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Obstacle {
    NoContext,
    /// The number is in no range of this context.
    OtherRange,
    NotAFileName,
    NotAllowed(&'static str, Forbidden),
    /// The switch would read something else out of the file.
    ReadOtherwise,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::User(id) => write!(f, "user {:?}: ", id.as_str()),
            Subject::Conference(num) => write!(f, "conference {num}: "),
        }?;
        match &self.why {
            Obstacle::NoContext => f.write_str("its context is not configured"),
            Obstacle::OtherRange => f.write_str("its number is not in the configured range of its context"),
            Obstacle::NotAFileName => f.write_str("its id cannot be the name of a file"),
            Obstacle::NotAllowed(property, why) => write!(f, "{property} not allowed: {why}"),
            Obstacle::ReadOtherwise => f.write_str("the switch would read something else out of its file"),
        }
    }
}

impl Rebuild {
    /// Reads a saved answer of `GET /api/info/state`, or the state in it. Phones are provisioned if there is an `address`
    /// for them.
    pub fn new(
        saved: &str,
        config: Config,
        templates: Templates,
        address: Option<PublicAddress>,
    ) -> Result<Self, RebuildError> {
        let Saved { globals, users, conferences } = saved::read(saved)?;
        let users = Users::new(users, &config);
        let config = Arc::new(config);
        let provisions = address.is_some();
        let renderer = Renderer::new(
            Arc::new(templates),
            Arc::clone(&config),
            Arc::new(globals),
            Arc::from(&*conferences),
            address.unwrap_or_default(),
        );
        let mut writing = Writing { config: &config, renderer: &renderer, changes: Vec::new(), refused: Vec::new() };
        writing.conferences(&conferences);
        writing.users(&users, provisions);
        let Writing { changes, refused, .. } = writing;
        Ok(Self { set: ChangeSet { changes, renderer: Arc::new(renderer) }, refused })
    }

    /// Those of these files of the configuration tree that are of nobody in the state, as far as their names tell.
    pub fn strays(&self, files: &[RelPath]) -> Vec<RelPath> {
        let written = self.set.changes.iter().filter(|change| change.path.tree == Tree::Configuration);
        let written: BTreeSet<&RelPath> = written.map(|change| &change.path.path).collect();
        let refused: BTreeSet<String> = self.refused.iter().map(|refused| refused.subject.file_name()).collect();
        let is_stray = |file: &&RelPath| !written.contains(file) && !refused.contains(file.file_name());
        files.iter().filter(is_stray).cloned().collect()
    }
}

/// What has been found so far.
struct Writing<'a> {
    config: &'a Config,
    renderer: &'a Renderer,
    changes: Vec<Change>,
    refused: Vec<Refused>,
}

impl Writing<'_> {
    fn conferences(&mut self, conferences: &[Conference]) {
        for conference in conferences {
            match self.conference_file(conference) {
                Ok(change) => self.changes.push(change),
                Err(why) => self.refused.push(Refused { subject: Subject::Conference(conference.num), why }),
            }
        }
    }

    fn conference_file(&self, conference: &Conference) -> Result<Change, Obstacle> {
        let range = self.config.conference_context(conference.num).filter(|range| range.name == conference.context);
        let path = range.and_then(|_| conference_path(conference.num)).ok_or(Obstacle::OtherRange)?;
        allow("name", rules::safe(&conference.name))?;
        allow("type", rules::safe(&conference.profile))?;
        allow("pin", conference.pin.as_ref().map_or(Ok(()), |pin| rules::safe_conference_pin(pin.expose())))?;
        let document = Document::Conference(conference.clone());
        self.reads_as(&document, |content| compare_conference(content, conference))?;
        Ok(Change { path: TreePath::configuration(path), kind: ChangeKind::Rebuild(document) })
    }

    fn users(&mut self, users: &Users, provisions: bool) {
        let phones = Phones::of(users);
        for user in users {
            let (role, change) = match self.user_file(user) {
                Ok(written) => written,
                Err(why) => {
                    self.refused.push(Refused { subject: Subject::User(user.id.clone()), why });
                    continue;
                }
            };
            self.changes.push(change);
            if provisions {
                self.changes.extend(linphone(user, role));
                if let Some(mac) = Mac::parse(&user.polymac).filter(|mac| phones.owner(mac) == Some(&user.id)) {
                    self.changes.extend(phone(&mac, user, role, true));
                }
            }
        }
    }

    fn user_file(&self, user: &User) -> Result<(Role, Change), Obstacle> {
        let role = self.config.context(&user.context).ok_or(Obstacle::NoContext)?.role;
        allow("id", rules::safe(user.id.as_str()))?;
        let is_file_name = user.id.as_str().len() <= ID && !user.id.as_str().starts_with('.');
        let path = user_path(user).filter(|_| is_file_name).ok_or(Obstacle::NotAFileName)?;
        allow("name", rules::safe(&user.name))?;
        allow("password", rules::safe(user.password.expose()))?;
        allow("conpin", rules::safe_pin(user.conpin.expose()))?;
        allow("email", rules::safe(&user.email))?;
        allow("polymac", rules::safe(&user.polymac))?;
        let document = Document::User(user.clone(), role);
        let globals = self.renderer.globals();
        let shown = User { conpin: resolve_pin(globals, &user.conpin), ..user.clone() };
        self.reads_as(&document, |content| compare_user(content, &shown, globals))?;
        Ok((role, Change { path: TreePath::configuration(path), kind: ChangeKind::Rebuild(document) }))
    }

    /// Whether what is written is what will be read.
    fn reads_as(&self, document: &Document, compare: impl Fn(&[u8]) -> Verdict) -> Result<(), Obstacle> {
        let content = self.renderer.content(document, None).map_err(|_| Obstacle::ReadOtherwise)?;
        match compare(content.as_bytes()) {
            Verdict::Same { .. } => Ok(()),
            Verdict::Edited | Verdict::Others => Err(Obstacle::ReadOtherwise),
        }
    }
}

fn allow(property: &'static str, judged: Result<(), Forbidden>) -> Result<(), Obstacle> {
    judged.map_err(|why| Obstacle::NotAllowed(property, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn user(id: &str) -> Value {
        json!({"id": id, "password": "pw", "conpin": "2357", "context": "team", "name": format!("name {id}"),
            "email": "a@example.org", "polymac": "none"})
    }

    fn conference(num: &str) -> Value {
        json!({"num": num, "name": "chat", "type": "x", "context": "team", "pin": "${conpin}"})
    }

    /// `item` with another value.
    fn with(mut item: Value, property: &str, value: &str) -> Value {
        item[property] = json!(value);
        item
    }

    fn rebuild(users: &[Value], conferences: &[Value], phones: bool) -> Rebuild {
        let state = json!({"info": {}, "globals": {"modconpin": "2357"}, "conferencetypes": [],
            "users": users, "conferences": conferences});
        let templates = Templates::new(fsconnector_templates::ALL).unwrap();
        Rebuild::new(&state.to_string(), Config::default(), templates, phones.then(PublicAddress::default)).unwrap()
    }

    fn paths(rebuild: &Rebuild) -> Vec<String> {
        rebuild.set.changes.iter().map(|change| change.path.to_string()).collect()
    }

    fn refused(rebuild: &Rebuild) -> Vec<String> {
        rebuild.refused.iter().map(Refused::to_string).collect()
    }

    #[test]
    fn every_user_and_conference_gets_a_file_with_references_where_they_belong() {
        let rebuild = rebuild(&[user("20000")], &[conference("30000")], false);
        assert_eq!(paths(&rebuild), ["dialplan/conferences/30000.xml", "directory/team/20000.xml"]);
        assert!(rebuild.refused.is_empty());
        let contents: Vec<String> =
            rebuild.set.changes.iter().map(|change| rebuild.set.content(change, None).unwrap().unwrap()).collect();
        assert!(contents[0].contains("chat@x+${conpin}"), "{}", contents[0]);
        assert!(contents[1].contains("$${modconpin}") && !contents[1].contains("2357"), "{}", contents[1]);
    }

    #[test]
    fn phones_are_provisioned_each_for_the_first_who_has_it() {
        let first = with(user("20000"), "polymac", "0004f2aabbcc");
        let second = with(user("20001"), "polymac", "0004f2aabbcc");
        let rebuild = rebuild(&[first, second], &[], true);
        assert_eq!(
            paths(&rebuild),
            [
                "directory/team/20000.xml",
                "linphone/20000/linphone.xml",
                "polycom/0004f2aabbcc/0004f2aabbcc.cfg",
                "polycom/0004f2aabbcc/allprov.cfg",
                "polycom/0004f2aabbcc/0004f2aabbcc-directory.xml",
                "directory/team/20001.xml",
                "linphone/20001/linphone.xml",
            ]
        );
    }

    #[test]
    fn who_cannot_have_a_file_is_named_and_the_others_get_theirs() {
        let stray = with(user("20001"), "context", "nowhere");
        let long = "a".repeat(251);
        let users = vec![stray, user("a/b"), user(".x"), user(&long), user("20002")];
        let other = with(conference("31000"), "context", "team");
        let rebuild = rebuild(&users, &[other, conference("40000")], true);
        assert_eq!(paths(&rebuild), ["directory/team/20002.xml", "linphone/20002/linphone.xml"]);
        assert_eq!(
            refused(&rebuild),
            [
                "conference 31000: its number is not in the configured range of its context",
                "conference 40000: its number is not in the configured range of its context",
                "user \"20001\": its context is not configured",
                "user \"a/b\": its id cannot be the name of a file",
                "user \".x\": its id cannot be the name of a file",
                &format!("user {long:?}: its id cannot be the name of a file"),
            ]
        );
    }

    #[test]
    fn what_the_switch_would_read_in_another_way_is_refused_by_property() {
        for (property, value, why) in [
            ("name", "a${b}", "name not allowed: it holds `${`, which the switch would expand"),
            (
                "password",
                "hunter2\n",
                "password not allowed: it holds a control character, such as a tab or a line break",
            ),
            ("password", "<!hunter2", "password not allowed: it holds `<!`, behind which the switch does not escape"),
            ("conpin", "$${es_pw}", "conpin not allowed: it holds `${`, which the switch would expand"),
            (
                "email",
                "X-Pre-Process",
                "email not allowed: it holds `x-pre-process`, which the switch takes for a command",
            ),
        ] {
            let rebuild = rebuild(&[with(user("20000"), property, value)], &[], false);
            assert_eq!(refused(&rebuild), [format!("user \"20000\": {why}")]);
            assert!(rebuild.set.changes.is_empty());
        }
        for (property, value, why) in [
            ("name", "a@b", "the switch would read something else out of its file"),
            ("name", "", "the switch would read something else out of its file"),
            ("type", "x+y", "the switch would read something else out of its file"),
            ("pin", "$${es_pw}", "pin not allowed: it holds `${`, which the switch would expand"),
        ] {
            let rebuild = rebuild(&[], &[with(conference("30000"), property, value)], false);
            assert_eq!(refused(&rebuild), [format!("conference 30000: {why}")]);
        }
    }

    #[test]
    fn what_somebody_has_written_by_hand_need_not_be_what_could_be_asked_for() {
        let bare = with(with(with(user("anna"), "email", ""), "name", "4711"), "conpin", "12*");
        let bare = with(bare, "polymac", "not a mac");
        let rebuild = rebuild(&[bare], &[with(conference("30000"), "name", "My Conf")], false);
        assert!(rebuild.refused.is_empty(), "{:?}", rebuild.refused);
    }

    #[test]
    fn files_of_nobody_in_the_state_are_strays() {
        let refused = with(user("20002"), "name", "${x}");
        let rebuild = rebuild(&[user("20000"), refused], &[conference("30000")], true);
        let numbers = ["team/20000", "team/20001", "team/20002"].map(|place| format!("directory/{place}.xml"));
        let files = numbers.iter().map(String::as_str).chain(["dialplan/conferences/30000.xml"]);
        let files: Vec<RelPath> = files.filter_map(RelPath::parse).collect();
        assert_eq!(rebuild.strays(&files), files[1..2]);
    }
}
