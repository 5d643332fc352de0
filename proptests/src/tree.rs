//! A small configuration tree in memory.

use std::collections::BTreeMap;

use fsconnector_simulator::config::Memory;

/// The users of a configuration: the id, and the name.
pub type People = BTreeMap<u32, String>;

const FREESWITCH: &str = r#"<?xml version="1.0"?>
<document type="freeswitch/xml">
  <X-PRE-PROCESS cmd="set" data="domain=conf.example"/>
  <section name="configuration">
    <configuration name="conference.conf">
      <profiles>
        <profile name="16kHz-novideo"></profile>
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
      </groups>
    </domain>
  </section>
</document>
"#;

/// A tree without users.
pub fn empty() -> Memory {
    Memory::new([("freeswitch.xml", FREESWITCH)])
}

/// The path of a user's file.
pub fn user_path(id: u32) -> String {
    format!("directory/team/{id}.xml")
}

/// A user's file, as somebody would write it by hand.
pub fn user_file(id: u32, name: &str) -> String {
    format!(
        r#"<include>
  <user id="{id}">
    <params>
      <param name="password" value="pw {id}"/>
    </params>
    <variables>
      <variable name="user_context" value="team"/>
      <variable name="effective_caller_id_name" value="{name}"/>
    </variables>
  </user>
</include>
"#
    )
}
