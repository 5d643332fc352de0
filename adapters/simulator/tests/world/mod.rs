//! A small world: a switch with two conferences, three users, and somebody who listens.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use fsconnector_simulator::config::Memory;
use fsconnector_simulator::{CallId, Caller, Conference, ConnectionId, Identity, Output, SimSwitch};

use crate::recorded::{client, frames, header, sent};

/// When the world begins.
pub const NOW: u64 = 1_795_405_352_545_035;
const ROOT: &str = r##"<document>
<section name="configuration"><configuration name="conference.conf">
<caller-controls>
<group name="members"><control action="mute" digits="0"/><control action="hangup" digits="#"/></group>
<group name="moderators"><control action="event" digits="1" data="startrecording"/></group>
</caller-controls>
<profiles><profile name="wide">
<param name="rate" value="16000"/><param name="pin-retries" value="2"/>
<param name="caller-controls" value="members"/><param name="moderator-controls" value="moderators"/>
</profile></profiles>
</configuration></section>
<section name="dialplan"><context name="team">
<extension name="all" continue="true"><condition field="destination_number" expression=".*"><action application="set" data="a=b"/></condition></extension>
<extension name="a"><condition field="destination_number" expression="^30000$"><action application="conference" data="alpha@wide++flags{${conf_flags}}"/></condition></extension>
<extension name="b"><condition field="destination_number" expression="^30001$"><action application="conference" data="beta@wide+${conpin}+flags{}"/></condition></extension>
<extension name="c"><condition field="destination_number" expression="^(30002)$"><action application="conference" data="gamma@nosuch"/></condition></extension>
</context><context name="public">
<extension name="t"><condition field="destination_number" expression="^3(.*)$"><action application="transfer" data="3$1 XML team"/></condition></extension>
<extension name="l"><condition field="destination_number" expression="^4$"><action application="transfer" data="4"/></condition></extension>
</context></section>
<section name="directory"><domain name="here"><groups><group name="all"><users>
<user id="20000"><variables><variable name="user_context" value="team"/><variable name="conf_flags" value="moderator"/><variable name="conpin" value="17"/></variables></user>
<user id="20001"><variables><variable name="user_context" value="team"/><variable name="conf_flags" value="mute"/><variable name="conpin" value="17"/></variables></user>
<user id="22000"/>
</users></group></groups></domain></section>
</document>
"##;

/// A switch, the time, and a client that hears what the connector hears.
pub struct World {
    pub switch: SimSwitch<Memory>,
    pub now: u64,
    pub listener: ConnectionId,
    pub out: Vec<Output>,
}

impl World {
    pub fn new() -> Self {
        let mut switch = SimSwitch::new(Memory::new([("freeswitch.xml", ROOT)]), Identity::default(), NOW);
        let events = "event plain HEARTBEAT RELOADXML CUSTOM conference::maintenance sofia::register";
        let listener = client(&mut switch, NOW, &format!("auth ClueCon\n\n{events}\n\n"));
        World { switch, now: NOW, listener, out: Vec::new() }
    }

    pub fn dial(&mut self, user: &str, number: &str) -> Option<CallId> {
        self.switch.dial(self.now, Caller::user(user), number, &mut self.out)
    }

    pub fn leave(&mut self, call: CallId) {
        self.switch.leave(self.now, call, &mut self.out);
    }

    pub fn press(&mut self, call: CallId, keys: &str) {
        for key in keys.chars() {
            self.switch.press(self.now, call, key, &mut self.out);
        }
    }

    pub fn wait(&mut self, micros: u64) {
        let until = self.now + micros;
        while self.switch.deadline() <= until {
            self.now = self.switch.deadline();
            self.switch.tick(self.now, &mut self.out);
        }
        self.now = until;
    }

    /// What a command answers.
    pub fn api(&mut self, command: &str) -> String {
        let asker = client(&mut self.switch, self.now, "auth ClueCon\n\n");
        self.switch.receive(self.now, asker, format!("api {command}\n\n").as_bytes(), &mut self.out);
        let (_, body) = frames(&sent(&self.out, asker).0).pop().unwrap();
        self.switch.disconnected(asker);
        String::from_utf8(body).unwrap()
    }

    /// What the listener has heard since the last time: actions, with whom they are about.
    pub fn heard(&mut self) -> Vec<String> {
        let stream = sent(&self.out, self.listener).0;
        self.out.clear();
        let events = frames(&stream).into_iter().map(|(_, body)| String::from_utf8(body).unwrap());
        let told = events.filter_map(|event| {
            let action = header(&event, "Action")?.to_owned();
            let about = header(&event, "Path").or(header(&event, "Member-ID"));
            Some(about.map_or(action.clone(), |about| format!("{action} {about}")))
        });
        told.collect()
    }

    pub fn only(&self) -> Conference {
        let mut all = self.switch.conferences();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}
