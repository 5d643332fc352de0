//! The configuration tree, and what people write into it by hand.

use fsconnector_disk::{Edit, Editing, Model, RelPath, Tree, TreePath};
use fsconnector_engine::access::Role;
use fsconnector_engine::config::{Config, ConfigError, Context, ContextName, NumberRange};

use crate::chance::Chance;

/// What every password that people choose here begins with, so that it is found where it does not belong.
pub const PASSWORD: &str = "secret-";

/// What every PIN begins with that people choose here.
pub const PIN: &str = "990799";

/// The values of the global variables for PINs: moderators', and everybody's.
pub const COMMON_PINS: [&str; 2] = ["99079900", "99079901"];

/// `public` is not included in the directory, as somebody may have forgotten.
const FREESWITCH: &str = r##"<?xml version="1.0"?>
<document type="freeswitch/xml">
  <X-PRE-PROCESS cmd="set" data="domain=conf.example"/>
  <X-PRE-PROCESS cmd="set" data="internal_tls_port=5061"/>
  <X-PRE-PROCESS cmd="set" data="modconpin=99079900"/>
  <X-PRE-PROCESS cmd="set" data="defconpin=99079901"/>
  <section name="configuration">
    <configuration name="conference.conf">
      <caller-controls>
        <group name="moderators">
          <control action="mute" digits="0"/>
          <control action="event" digits="1" data="startrecording"/>
          <control action="event" digits="2" data="pauserecording"/>
          <control action="event" digits="3" data="resumerecording"/>
          <control action="event" digits="4" data="stoprecording"/>
          <control action="event" digits="5" data="checkrecording"/>
          <control action="event" digits="6" data="conferencelock"/>
          <control action="event" digits="7" data="conferenceunlock"/>
          <control action="event" digits="8" data="shutdown"/>
          <control action="event" digits="*" data="muteall"/>
          <control action="hangup" digits="#"/>
        </group>
      </caller-controls>
      <profiles>
        <profile name="16kHz-novideo">
          <param name="moderator-controls" value="moderators"/>
        </profile>
        <profile name="48kHz-video"></profile>
        <profile name="other"></profile>
      </profiles>
    </configuration>
  </section>
  <section name="dialplan">
    <context name="team">
      <X-PRE-PROCESS cmd="include" data="dialplan/conferences/*.xml"/>
    </context>
  </section>
  <section name="directory">
    <domain name="$${domain}">
      <groups>
        <group name="team">
          <users>
            <X-PRE-PROCESS cmd="include" data="directory/team/*.xml"/>
          </users>
        </group>
        <group name="friends">
          <users>
            <X-PRE-PROCESS cmd="include" data="directory/friends/*.xml"/>
          </users>
        </group>
      </groups>
    </domain>
  </section>
</document>
"##;

/// The contexts, with so few numbers that they run out, and the beginnings of their ranges.
const CONTEXTS: [(&str, Role, u32); 3] =
    [("team", Role::Admin, 0), ("friends", Role::Member, 1_000), ("public", Role::Guest, 2_000)];

/// How many users, and how many conferences, a context has numbers for.
const NUMBERS: (u32, u32) = (6, 4);

/// The connector's configuration.
pub fn config() -> Result<Config, ConfigError> {
    let context = |(name, role, thousand): (&str, Role, u32)| {
        Ok(Context {
            name: ContextName::parse(name)?,
            role,
            users: NumberRange::new(20_000 + thousand, 20_000 + thousand + NUMBERS.0 - 1)?,
            conferences: NumberRange::new(30_000 + thousand, 30_000 + thousand + NUMBERS.1 - 1)?,
        })
    };
    let contexts = CONTEXTS.into_iter().map(context).collect::<Result<_, ConfigError>>()?;
    Ok(Config { contexts, ..Config::default() })
}

/// A disk with a tree without users.
pub fn empty() -> Model {
    let model = Model::new();
    let folders = ["directory", "directory/team", "directory/friends", "directory/public"];
    let folders = folders.into_iter().chain(["dialplan", "dialplan/conferences"]);
    for folder in folders.filter_map(configuration) {
        model.add_folder(&folder);
    }
    if let Some(edit) = write("freeswitch.xml", FREESWITCH.as_bytes().to_vec()) {
        model.edit(&edit);
    }
    model
}

/// Somebody writes a file, and syncs it.
pub fn write(path: &str, content: Vec<u8>) -> Option<Edit> {
    Some(Edit { path: configuration(path)?, editing: Editing::Replace(content), synced: true })
}

/// Somebody removes a file, and syncs that.
pub fn remove(path: &str) -> Option<Edit> {
    Some(Edit { path: configuration(path)?, editing: Editing::Remove, synced: true })
}

/// A path in the configuration tree.
pub(crate) fn configuration(path: &str) -> Option<TreePath> {
    RelPath::parse(path).map(TreePath::configuration)
}

/// The path of a user's file.
pub fn user_path(context: &str, id: u32) -> String {
    format!("directory/{context}/{id}.xml")
}

/// The path of a conference's file.
pub fn conference_path(num: u32) -> String {
    format!("dialplan/conferences/{num}.xml")
}

/// A user's file, as somebody would write it by hand.
pub fn user_file(id: u32, context: &str, name: &str) -> String {
    format!("<include>\n{}</include>\n", user(id, context, name))
}

fn user(id: u32, context: &str, name: &str) -> String {
    format!(
        r#"  <user id="{id}">
    <params>
      <param name="password" value="{PASSWORD}{name}"/>
    </params>
    <variables>
      <variable name="user_context" value="{context}"/>
      <variable name="effective_caller_id_name" value="{name}"/>
      <variable name="my_own" value="by hand"/>
    </variables>
  </user>
"#
    )
}

fn conference_file(num: u32, name: &str) -> String {
    extension(num, &format!("{name}@other+{PIN}7"))
}

/// A conference's file, as somebody would write it by hand; `data` is escaped already.
pub fn extension(num: u32, data: &str) -> String {
    let name = data.split('@').next().unwrap_or_default();
    format!(
        r#"<include>
  <!-- by hand -->
  <extension name="{name}">
    <condition field="destination_number" expression="^{num}$">
      <action application="conference" data="{data}"/>
    </condition>
  </extension>
</include>
"#
    )
}

/// What an administrator with an editor does to the tree. `serial` makes it different from all else that is done.
pub fn edit(chance: &mut Chance, serial: usize, visible: &[TreePath]) -> Option<Edit> {
    let (folder, name) = some_place(chance, visible)?;
    let number = name.strip_suffix(".xml").and_then(|stem| stem.parse().ok());
    let id = number.unwrap_or_else(|| 20_000 + u32::try_from(chance.below(NUMBERS.0 as usize)).unwrap_or(0));
    let context = folder.strip_prefix("directory/");
    let called = format!("hand{serial}");
    let content = match (chance.weighted(&[50, 8, 8, 8, 6, 20]), context) {
        (0, Some(context)) => Some(user_file(id, context, &called)),
        (0, None) => Some(conference_file(id, &called)),
        (1, Some(context)) => {
            let both = [user(id, context, &called), user(id + 1, context, &format!("{called}-too"))];
            Some(format!("<include>\n{}</include>\n", both.concat()))
        }
        (2, Some(_)) => Some(user_file(id, if context == Some("team") { "friends" } else { "team" }, &called)),
        (3, _) => Some(format!("<include>\n  <!-- {called} -->\n</include>\n")),
        (1 | 2, None) => Some(conference_file(id + 1, &called)),
        (4, _) => Some(format!("<include>\n  <user id=\"{id}\">\n<!-- {called} -->\n</include>\n")),
        _ => None,
    };
    let editing = match content {
        None => Editing::Remove,
        Some(content) if chance.percent(30) => Editing::Overwrite(content.into_bytes()),
        Some(content) => Editing::Replace(content.into_bytes()),
    };
    Some(Edit { path: configuration(&format!("{folder}/{name}"))?, editing, synced: chance.percent(60) })
}

/// What somebody writes into the file of a user or a conference.
pub fn rewritten(path: &TreePath, serial: usize) -> Option<Vec<u8>> {
    let path = Some(path).filter(|path| path.tree == Tree::Configuration).map(|path| &path.path)?;
    let number = path.file_name().strip_suffix(".xml")?.parse().ok()?;
    let context = path.as_str().strip_prefix("directory/").and_then(|rest| rest.split('/').next());
    let called = format!("hand{serial}");
    let content =
        context.map_or_else(|| conference_file(number, &called), |context| user_file(number, context, &called));
    Some(content.into_bytes())
}

/// A file that is there, or one that could be.
fn some_place(chance: &mut Chance, visible: &[TreePath]) -> Option<(String, String)> {
    let there: Vec<&RelPath> =
        visible.iter().filter(|path| path.tree == Tree::Configuration).map(|path| &path.path).collect();
    let there: Vec<&RelPath> = there.into_iter().filter(|path| path.as_str().contains('/')).collect();
    if chance.percent(60)
        && let Some(path) = chance.pick(&there)
    {
        let (folder, name) = path.as_str().rsplit_once('/')?;
        return Some((folder.to_owned(), name.to_owned()));
    }
    if chance.percent(25) {
        let num = 30_000 + 1_000 * chance.below(2) + chance.below(NUMBERS.1 as usize);
        return Some(("dialplan/conferences".to_owned(), format!("{num}.xml")));
    }
    let (context, _, thousand) = CONTEXTS.get(chance.weighted(&[5, 4, 1]))?;
    let id = 20_000 + *thousand as usize + chance.below(NUMBERS.0 as usize);
    let name = if chance.percent(15) { "anna.xml".to_owned() } else { format!("{id}.xml") };
    Some((format!("directory/{context}"), name))
}

/// Whether the switch can load the file.
pub fn is_sound(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    text.contains("</include>") && text.matches("<user ").count() == text.matches("</user>").count()
        || text.contains("</document>")
}

/// The numbers that are named in a file.
pub fn numbers_in(content: &[u8]) -> Vec<u32> {
    let text = String::from_utf8_lossy(content);
    let after = |mark: &str| {
        let found: Vec<u32> = text
            .split(mark)
            .skip(1)
            .filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
            .collect();
        found
    };
    [after("<user id=\""), after("expression=\"^")].concat()
}
