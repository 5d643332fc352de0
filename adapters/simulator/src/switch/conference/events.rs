//! The CUSTOM events `conference::maintenance`, header by header.

use super::call::Leg;
use super::room::{Member, Room};
use crate::switch::event::{Event, Site};
use crate::switch::moment::Moment;

const SUBCLASS: &str = "conference::maintenance";

/// What an event is about, and where the switch makes it.
pub(super) struct Kind {
    pub(super) action: &'static str,
    pub(super) site: Site,
}

const fn kind(action: &'static str, file: &'static str, function: &'static str, line: u32) -> Kind {
    Kind { action, site: Site { file, function, line } }
}

const API: &str = "conference_api.c";
const LOOP: &str = "conference_loop.c";
const MEMBER: &str = "conference_member.c";
const FILE: &str = "conference_file.c";
const RECORD: &str = "conference_record.c";
const RECORD_THREAD: &str = "conference_record_thread_run";

pub(super) const CREATE: Kind = kind("conference-create", "mod_conference.c", "conference_new", 3848);
pub(super) const DESTROY: Kind = kind("conference-destroy", "mod_conference.c", "conference_thread_run", 863);
pub(super) const ADD_MEMBER: Kind = kind("add-member", MEMBER, "conference_member_add", 962);
pub(super) const DEL_MEMBER: Kind = kind("del-member", MEMBER, "conference_member_del", 1355);
pub(super) const FLOOR_CHANGE: Kind = kind("floor-change", MEMBER, "conference_member_set_floor_holder", 1158);
pub(super) const MUTE: Kind = kind("mute-member", API, "conference_api_sub_mute", 339);
pub(super) const UNMUTE: Kind = kind("unmute-member", API, "conference_api_sub_unmute", 492);
pub(super) const DEAF: Kind = kind("deaf-member", API, "conference_api_sub_deaf", 797);
pub(super) const UNDEAF: Kind = kind("undeaf-member", API, "conference_api_sub_undeaf", 839);
pub(super) const HOLD: Kind = kind("hold-member", API, "conference_api_sub_hold", 0);
pub(super) const UNHOLD: Kind = kind("unhold-member", API, "conference_api_sub_unhold", 0);
pub(super) const KICK: Kind = kind("kick-member", API, "conference_api_sub_kick", 902);
pub(super) const HUP: Kind = kind("hup-member", API, "conference_api_sub_hup", 871);
pub(super) const LOCK: Kind = kind("lock", API, "conference_api_sub_lock", 3474);
pub(super) const UNLOCK: Kind = kind("unlock", API, "conference_api_sub_unlock", 3496);
pub(super) const PLAY_FILE: Kind = kind("play-file", API, "conference_api_sub_play", 2817);
pub(super) const PLAY_FILE_FAILED: Kind = kind("play-file", FILE, "conference_file_play", 268);
pub(super) const PLAY_FILE_DONE: Kind = kind("play-file-done", FILE, "conference_file_close", 52);
pub(super) const PLAY_FILE_MEMBER_DONE: Kind = kind("play-file-member-done", FILE, "conference_file_close", 52);
pub(super) const PAUSE_RECORDING: Kind = kind("pause-recording", API, "conference_api_sub_pauserec", 3860);
pub(super) const RESUME_RECORDING: Kind = kind("resume-recording", API, "conference_api_sub_pauserec", 3860);
pub(super) const START_RECORDING: Kind = kind("start-recording", RECORD, RECORD_THREAD, 319);
pub(super) const START_RECORDING_FAILED: Kind = kind("start-recording", RECORD, RECORD_THREAD, 280);
pub(super) const STOP_RECORDING: Kind = kind("stop-recording", RECORD, RECORD_THREAD, 427);
pub(super) const DTMF: Kind = kind("dtmf", LOOP, "conference_loop_event", 619);
pub(super) const MUTE_DETECT: Kind = kind("mute-detect", LOOP, "conference_loop_input", 1167);
pub(super) const START_TALKING: Kind = kind("start-talking", LOOP, "conference_loop_input", 0);
pub(super) const STOP_TALKING: Kind = kind("stop-talking", LOOP, "conference_loop_input", 0);
pub(super) const ENERGY_UP: Kind = kind("energy-level", LOOP, "conference_loop_energy_up", 329);
pub(super) const ENERGY_EQU: Kind = kind("energy-level", LOOP, "conference_loop_energy_equ_conf", 370);
pub(super) const ENERGY_DOWN: Kind = kind("energy-level", LOOP, "conference_loop_energy_dn", 0);
pub(super) const TALK_UP: Kind = kind("volume-level", LOOP, "conference_loop_volume_talk_up", 0);
pub(super) const TALK_ZERO: Kind = kind("volume-level", LOOP, "conference_loop_volume_talk_zero", 0);
pub(super) const TALK_DOWN: Kind = kind("volume-level", LOOP, "conference_loop_volume_talk_dn", 503);
pub(super) const LISTEN_UP: Kind = kind("volume-level", LOOP, "conference_loop_volume_listen_up", 0);
pub(super) const LISTEN_ZERO: Kind = kind("volume-level", LOOP, "conference_loop_volume_listen_zero", 0);
pub(super) const LISTEN_DOWN: Kind = kind("volume-level", LOOP, "conference_loop_volume_listen_dn", 0);

impl Room {
    /// Tells of something that concerns the whole conference; `more` adds what stands behind the action.
    pub(super) fn tell(&self, moment: &mut Moment<'_>, kind: &Kind, more: impl FnOnce(Event) -> Event) {
        if !self.profile.suppresses(kind.action) {
            let event = self.headers(moment.custom(SUBCLASS, kind.site)).with("Action", kind.action);
            moment.events.push(more(event));
        }
    }

    /// Tells of something that concerns a member; `more` adds what stands behind the action.
    pub(super) fn tell_of(
        &self,
        moment: &mut Moment<'_>,
        kind: &Kind,
        member: &Member,
        more: impl FnOnce(Event) -> Event,
    ) {
        if !self.profile.suppresses(kind.action) {
            let event = self.headers(moment.custom(SUBCLASS, kind.site));
            moment.events.push(more(self.member_headers(event, member).with("Action", kind.action)));
        }
    }

    /// Tells that the floor goes to a member. The conference is described twice, as the switch does.
    pub(super) fn tell_floor(&self, moment: &mut Moment<'_>, old: Option<u64>, new: &Member) {
        let old = old.map_or_else(|| "none".to_owned(), |old| old.to_string());
        self.tell(moment, &FLOOR_CHANGE, |event| {
            let event = self.headers(event.with("Old-ID", &old));
            self.member_headers(event, new).with("New-ID", &new.id)
        });
    }

    /// Tells that a sound for a member is over, in the same odd way.
    pub(super) fn tell_member_sound(&self, moment: &mut Moment<'_>, member: &Member, file: &str) {
        let kind = &PLAY_FILE_MEMBER_DONE;
        if !self.profile.suppresses(kind.action) {
            let event = self.headers(moment.custom(SUBCLASS, kind.site));
            let event = played(event, &self.profile, moment.timing.sound).with("Action", kind.action);
            let event = self.member_headers(self.headers(event), member).with("File", file);
            moment.events.push(event);
        }
    }

    /// Tells that a sound for everybody is over.
    pub(super) fn tell_sound(&self, moment: &mut Moment<'_>, file: &str) {
        let kind = &PLAY_FILE_DONE;
        if !self.profile.suppresses(kind.action) {
            let event = self.headers(moment.custom(SUBCLASS, kind.site));
            let event = played(event, &self.profile, moment.timing.sound);
            moment.events.push(event.with("Action", kind.action).with("File", file));
        }
    }

    fn headers(&self, event: Event) -> Event {
        event
            .with("Conference-Name", &self.name)
            .with("Conference-Domain", &self.profile.domain)
            .with("Conference-Size", &self.members.len())
            .with("Conference-Ghosts", "0")
            .with("Conference-Profile-Name", &self.profile.name)
            .with("Conference-Unique-ID", &self.uuid)
    }

    fn member_headers(&self, event: Event, member: &Member) -> Event {
        let kind = if member.is_moderator { "moderator" } else { "member" };
        let event = event.with("Floor", &(self.floor == Some(member.id)));
        caller(channel(event, &member.leg, self.profile.rate()), &member.leg)
            .with("Video", "false")
            .with("Hear", &member.can_hear)
            .with("See", "true")
            .with("Speak", &member.speaks())
            .with("Talking", &member.is_talking)
            .with("Mute-Detect", &member.has_mute_detect)
            .with("Hold", &member.is_held)
            .with("Member-ID", &member.id)
            .with("Member-Type", kind)
            .with("Member-Ghost", "false")
            .with("Energy-Level", &member.energy_level)
            .with("Current-Energy", &member.energy)
    }
}

/// How much of a sound was played; every sound is as long as the switch's timing says.
fn played(event: Event, profile: &super::profile::Profile, length: u64) -> Event {
    event
        .with("seconds", &(length / 1_000_000))
        .with("milliseconds", &(length / 1000))
        .with("samples", &(length / 1000 * profile.rate() / 1000))
}

fn channel(event: Event, leg: &Leg, rate: u64) -> Event {
    let (is_up, answered) = if leg.hangup_cause.is_some() { ("10", "hangup") } else { ("4", "answered") };
    let (read, write) = match leg.caller.user {
        Some(_) => (rate, ("G722", 16_000, 64_000)),
        None => (8000, ("L16", 8000, 128_000)),
    };
    let mut event = event
        .with("Channel-State", "CS_EXECUTE")
        .with("Channel-Call-State", "ACTIVE")
        .with("Channel-State-Number", is_up)
        .with("Channel-Name", &leg.channel())
        .with("Unique-ID", &leg.uuid)
        .with("Call-Direction", "inbound")
        .with("Presence-Call-Direction", "inbound")
        .with("Channel-HIT-Dialplan", "true")
        .with("Channel-Call-UUID", &leg.uuid)
        .with("Answer-State", answered);
    if let Some(cause) = leg.hangup_cause {
        event = event.with("Hangup-Cause", cause);
    }
    event
        .with("Channel-Read-Codec-Name", "L16")
        .with("Channel-Read-Codec-Rate", &read)
        .with("Channel-Read-Codec-Bit-Rate", &(read * 16))
        .with("Channel-Write-Codec-Name", write.0)
        .with("Channel-Write-Codec-Rate", &write.1)
        .with("Channel-Write-Codec-Bit-Rate", &write.2)
}

fn caller(event: Event, leg: &Leg) -> Event {
    let caller = &leg.caller;
    let mut event = event.with("Caller-Direction", "inbound").with("Caller-Logical-Direction", "inbound");
    if let Some(user) = &caller.user {
        event = event.with("Caller-Username", user);
    }
    event = event
        .with("Caller-Dialplan", if caller.user.is_some() { "XML" } else { "xml" })
        .with("Caller-Caller-ID-Name", &caller.name)
        .with("Caller-Caller-ID-Number", &caller.number)
        .with("Caller-Orig-Caller-ID-Name", &caller.name)
        .with("Caller-Orig-Caller-ID-Number", &caller.number);
    event = match caller.user {
        Some(_) => event.with("Caller-Network-Addr", &leg.domain),
        None => event.with("Caller-Callee-ID-Name", "Outbound Call").with("Caller-Callee-ID-Number", &leg.context),
    };
    event = event
        .with("Caller-ANI", &caller.number)
        .with("Caller-Destination-Number", &leg.destination)
        .with("Caller-Unique-ID", &leg.uuid)
        .with("Caller-Source", if caller.user.is_some() { "mod_sofia" } else { "mod_loopback" });
    if let Some((since, uuid)) = &leg.transfer {
        let source = format!("{since}:{uuid}:bl_xfer:{}/{}/XML", leg.destination, leg.context);
        event = event.with("Caller-Transfer-Source", &source);
    }
    event = event.with("Caller-Context", &leg.context);
    if leg.transfer.is_some() {
        event = event.with("Caller-RDNIS", &leg.destination);
    }
    times(event.with("Caller-Channel-Name", &leg.channel()), leg)
}

fn times(event: Event, leg: &Leg) -> Event {
    let media = if leg.caller.user.is_some() { leg.created } else { 0 };
    event
        .with("Caller-Profile-Index", if leg.transfer.is_some() { "2" } else { "1" })
        .with("Caller-Profile-Created-Time", &leg.created)
        .with("Caller-Channel-Created-Time", &leg.created)
        .with("Caller-Channel-Answered-Time", &leg.created)
        .with("Caller-Channel-Progress-Time", "0")
        .with("Caller-Channel-Progress-Media-Time", &media)
        .with("Caller-Channel-Hangup-Time", "0")
        .with("Caller-Channel-Transfer-Time", "0")
        .with("Caller-Channel-Resurrect-Time", "0")
        .with("Caller-Channel-Bridged-Time", "0")
        .with("Caller-Channel-Last-Hold", "0")
        .with("Caller-Channel-Hold-Accum", "0")
        .with("Caller-Screen-Bit", "true")
        .with("Caller-Privacy-Hide-Name", "false")
        .with("Caller-Privacy-Hide-Number", "false")
}
