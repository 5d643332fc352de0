//! Connectors that lack something of what keeps the live state true: what they hear, say and do is changed on its way.

use fsconnector_engine::access::{Role, Roles};
use fsconnector_engine::esl::command::{Argument, ConferenceOrder, MemberId, SwitchCommand};
use fsconnector_engine::io::{Input, Reply};
use fsconnector_engine::live::listener::{Listening, Notice};
use serde_json::Value;

use super::audience::Occasion;
use super::orders::STARTED;
use crate::sabotage::Sabotage;
use crate::world::World;

/// What is needed for that.
#[derive(Debug, Default)]
pub(crate) struct Tampering {
    events: usize,
    listing: Option<Reply>,
}

/// Of so many events one is lost.
const LOST: usize = 20;

impl World {
    /// What the engine hears of an input.
    pub(crate) fn tampered_input(&mut self, input: Input) -> Vec<Input> {
        match (self.sabotage, input) {
            (Some(Sabotage::Events), input @ Input::SwitchEvent { .. }) => {
                self.live.tampering.events += 1;
                if self.live.tampering.events.is_multiple_of(LOST) { Vec::new() } else { vec![input] }
            }
            (Some(Sabotage::Phones), Input::SwitchEvent { event, .. })
                if event.header("Event-Subclass").is_some_and(|class| class == "sofia::unregister") =>
            {
                Vec::new()
            }
            (Some(Sabotage::Listing), Input::SwitchReply { epoch, id, reply }) if self.live.audience.is_listing(id) => {
                let before = self.live.tampering.listing.replace(reply.clone());
                vec![Input::SwitchReply { epoch, id, reply: before.unwrap_or(reply) }]
            }
            (Some(Sabotage::Guests), Input::Listener { id, does: Listening::Joins(mut listener) }) => {
                let admin = self.state().and_then(|state| {
                    let users = state.users.iter();
                    let mut admins = users.filter_map(|user| state.users.login(&user.name));
                    admins.find(|(_, role)| *role == Role::Admin).map(|(user, _)| user.clone())
                });
                if let (Occasion::Joins(_, _, Some(Role::Guest)), Some(admin)) = (&self.live.occasion, admin) {
                    listener.user = admin;
                }
                vec![Input::Listener { id, does: Listening::Joins(listener) }]
            }
            (_, input) => vec![input],
        }
    }

    /// What listeners hear of a notice.
    pub(crate) fn tampered_notice(&self, notice: Notice) -> Vec<Notice> {
        let is = |notice: &Notice, wanted: &str| {
            let Notice::Event { frame, .. } = notice else { return false };
            let frame: Value = serde_json::from_slice(frame.as_bytes()).unwrap_or_default();
            frame["event"] == wanted
        };
        match (self.sabotage, notice) {
            (Some(Sabotage::Leaving), notice) if is(&notice, "delMember") => Vec::new(),
            (Some(Sabotage::Renewal), notice) if is(&notice, "newLiveState") => Vec::new(),
            (Some(Sabotage::Closing), Notice::Close { .. }) => Vec::new(),
            (Some(Sabotage::Hearers), Notice::Event { frame, .. }) => {
                vec![Notice::Event { hearers: Roles::ALL, frame }]
            }
            (Some(Sabotage::Replies), notice @ Notice::Reply { .. }) => vec![notice.clone(), notice],
            (_, notice) => vec![notice],
        }
    }

    /// What becomes of a command to the switch.
    pub(crate) fn tampered_command(&self, command: SwitchCommand) -> Vec<SwitchCommand> {
        let SwitchCommand::Conference(name, order) = command else { return vec![command] };
        let orders = match (self.sabotage, order) {
            (Some(Sabotage::Announcement), ConferenceOrder::Play(STARTED)) => {
                vec![ConferenceOrder::Play("conference/recording_paused.wav")]
            }
            (Some(Sabotage::Members), ConferenceOrder::Mute(MemberId(id))) => {
                vec![ConferenceOrder::Mute(MemberId(id + 1000))]
            }
            (Some(Sabotage::Recorder), ConferenceOrder::StartRecording(file)) => {
                let again = Argument::parse(&file.as_str().replace(".wav", "-again.wav"));
                [file].into_iter().chain(again).map(ConferenceOrder::StartRecording).collect()
            }
            (_, order) => vec![order],
        };
        orders.into_iter().map(|order| SwitchCommand::Conference(name.clone(), order)).collect()
    }

    /// What goes to the switch.
    pub(crate) fn tampered_bytes(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if self.sabotage == Some(Sabotage::Quotes) {
            bytes.retain(|byte| *byte != b'\'');
        }
        bytes
    }
}
