//! Recording as moderators order it: one order after the other, each judged when the outcome of the one before is known.
//!
//! A recorder decides on what is recorded, and only on that: what the switch answers to a command says little, for it says
//! `+OK` before the file is open. So an order is carried out when the recordings are as it wants them. If that takes too
//! long, or the switch objects, a listing decides.

use std::collections::VecDeque;
use std::time::Duration;

use super::recordings::{Recordings, Status};
use crate::esl::command::{Argument, ConferenceOrder};
use crate::time::Mono;

/// What a moderator can order, by a key or over the WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordingCall {
    Start,
    Pause,
    Resume,
    Stop,
    /// Only say how things stand.
    Check,
}

/// The sounds that tell everybody in the conference.
mod sound {
    pub(super) const STARTED: &str = "conference/recording_started.wav";
    pub(super) const PAUSED: &str = "conference/recording_paused.wav";
    pub(super) const RESUMING: &str = "conference/resuming_recording.wav";
    pub(super) const STOPPED: &str = "conference/recording_stopped.wav";
    pub(super) const ALREADY: &str = "conference/already_recording.wav";
    pub(super) const PAUSED_ALREADY: &str = "conference/recording_paused_to_resume_press_resume.wav";
    pub(super) const NOT_RECORDING: &str = "conference/not_recording_to_start_press_start.wav";
}

/// Tells everybody that a recording has begun.
pub(super) const STARTED: ConferenceOrder = ConferenceOrder::Play(sound::STARTED);

/// How many orders may wait. Who presses more often does not mean it.
const WAITING: usize = 16;

/// How long the switch may take until a listing is to decide.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// The conference is told.
    Tell(ConferenceOrder),
    /// Nobody knows what became of the last order: a listing is needed.
    Look,
    /// The last order could not be carried out, for this reason.
    GiveUp(RecordingCall, String),
}

/// The recorder of one conference.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    waiting: VecDeque<RecordingCall>,
    underway: Option<Underway>,
}

#[derive(Debug)]
struct Underway {
    call: RecordingCall,
    files: Vec<Argument>,
    deadline: Mono,
    doubt: Doubt,
}

/// Whether it is clear what has become of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// The events will tell.
    None,
    /// The next listing that is asked for will tell.
    Raised,
    /// The listing that was asked for will tell.
    BeingSettled,
}

impl Recorder {
    /// Takes an order, unless too many wait. Whether it was taken.
    pub(super) fn order(&mut self, call: RecordingCall) -> bool {
        let has_room = self.waiting.len() < WAITING;
        if has_room {
            self.waiting.push_back(call);
        }
        has_room
    }

    /// When the recorder wants to be asked again at the latest.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.underway.as_ref().filter(|underway| underway.doubt == Doubt::None).map(|underway| underway.deadline)
    }

    /// Goes on, the recordings being as they are. A new one would be written to `file`; there may be none.
    pub(super) fn go_on(
        &mut self,
        now: Mono,
        recordings: &Recordings,
        file: impl Fn() -> Option<Argument>,
        moves: &mut Vec<Move>,
    ) {
        loop {
            if let Some(underway) = &mut self.underway {
                match underway.outcome(recordings) {
                    Some(outcome) => moves.push(outcome),
                    None if underway.doubt == Doubt::None && underway.deadline <= now => {
                        underway.doubt = Doubt::Raised;
                        return moves.push(Move::Look);
                    }
                    None => return,
                }
                self.underway = None;
            }
            let Some(call) = self.waiting.pop_front() else { return };
            if let Some(word) = word(call, &recordings.status()) {
                moves.push(Move::Tell(ConferenceOrder::Play(word)));
                continue;
            }
            let files: Vec<Argument> = match call {
                RecordingCall::Start => file().into_iter().collect(),
                _ => affected(call, recordings).collect(),
            };
            if files.is_empty() {
                moves.push(Move::GiveUp(call, "the switch cannot be told its file".into()));
                continue;
            }
            moves.extend(files.iter().cloned().filter_map(|file| Some(Move::Tell(command(call, file)?))));
            self.underway = Some(Underway { call, files, deadline: now.after(PATIENCE), doubt: Doubt::None });
        }
    }

    /// A file could not be opened.
    pub(super) fn failed(&mut self, file: &str, why: &str, moves: &mut Vec<Move>) {
        let is_ours = |underway: &Underway| {
            underway.call == RecordingCall::Start && underway.files.iter().any(|other| other.as_str() == file)
        };
        if let Some(underway) = self.underway.take_if(|underway| is_ours(underway)) {
            moves.push(Move::GiveUp(underway.call, why.to_owned()));
        }
    }

    /// The switch has objected to a command.
    pub(super) fn objected(&mut self, moves: &mut Vec<Move>) {
        if let Some(underway) = &mut self.underway
            && underway.doubt == Doubt::None
        {
            underway.doubt = Doubt::Raised;
            moves.push(Move::Look);
        }
    }

    /// A listing is asked for.
    pub(super) fn looked(&mut self) {
        if let Some(underway) = &mut self.underway
            && underway.doubt == Doubt::Raised
        {
            underway.doubt = Doubt::BeingSettled;
        }
    }

    /// The listing is there, and the recordings are as it says.
    pub(super) fn saw(&mut self, recordings: &Recordings, moves: &mut Vec<Move>) {
        let is_settled =
            |underway: &Underway| underway.doubt == Doubt::BeingSettled && underway.outcome(recordings).is_none();
        if let Some(underway) = self.underway.take_if(|underway| is_settled(underway)) {
            moves.push(Move::GiveUp(underway.call, "the switch did not do it".into()));
        }
    }

    /// Whether no order is under way or waits.
    pub(super) fn is_idle(&self) -> bool {
        self.underway.is_none() && self.waiting.is_empty()
    }

    /// Forgets all orders: the session with the switch, in which they were given, is over.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Underway {
    /// What has become of it, once that is clear from the recordings.
    fn outcome(&self, recordings: &Recordings) -> Option<Move> {
        let all = |wanted: fn(Option<bool>) -> bool| {
            self.files.iter().all(|file| wanted(recordings.find(file.as_str()).map(|recording| recording.paused)))
        };
        let nothing_runs = recordings.iter().all(|recording| recording.paused);
        let nothing_is_there = recordings.iter().next().is_none();
        // What is said about stopping and pausing has to be true of everything that is recorded.
        let (is_done, sound) = match self.call {
            RecordingCall::Start => (all(|paused| paused.is_some()), sound::STARTED),
            RecordingCall::Pause => (nothing_runs, sound::PAUSED),
            RecordingCall::Resume => (all(|paused| paused != Some(true)), sound::RESUMING),
            RecordingCall::Stop | RecordingCall::Check => (nothing_is_there, sound::STOPPED),
        };
        let is_gone =
            matches!(self.call, RecordingCall::Pause | RecordingCall::Resume) && all(|paused| paused.is_none());
        if is_gone {
            return Some(Move::GiveUp(self.call, "the recording has ended".into()));
        }
        is_done.then_some(Move::Tell(ConferenceOrder::Play(sound)))
    }
}

/// What is said at once, if there is nothing to do.
fn word(call: RecordingCall, status: &Status) -> Option<&'static str> {
    use RecordingCall::{Check, Pause, Resume, Start, Stop};
    use Status::{NotRecording, Paused, Running};
    match (call, status) {
        (Start, NotRecording) | (Pause, Running(_)) | (Resume, Paused(_)) | (Stop, Running(_) | Paused(_)) => None,
        (Start | Resume, Running(_)) => Some(sound::ALREADY),
        (Start, Paused(_)) => Some(sound::PAUSED_ALREADY),
        (Pause | Check, Paused(_)) => Some(sound::PAUSED),
        (Check, Running(_)) => Some(sound::STARTED),
        (Pause | Resume | Stop | Check, NotRecording) => Some(sound::NOT_RECORDING),
    }
}

/// The files that an order is about. Recordings that somebody began by other means are among them: who stops recording
/// wants nothing to be recorded.
fn affected(call: RecordingCall, recordings: &Recordings) -> impl Iterator<Item = Argument> {
    let concerned = recordings.iter().filter(move |recording| match call {
        RecordingCall::Pause => !recording.paused,
        RecordingCall::Resume => recording.paused,
        _ => true,
    });
    concerned.filter_map(|recording| Argument::parse(&recording.file))
}

fn command(call: RecordingCall, file: Argument) -> Option<ConferenceOrder> {
    match call {
        RecordingCall::Start => Some(ConferenceOrder::StartRecording(file)),
        RecordingCall::Pause => Some(ConferenceOrder::PauseRecording(file)),
        RecordingCall::Resume => Some(ConferenceOrder::ResumeRecording(file)),
        RecordingCall::Stop => Some(ConferenceOrder::StopRecording(file)),
        RecordingCall::Check => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConferenceOrder::{PauseRecording, Play, ResumeRecording, StartRecording, StopRecording};
    use RecordingCall::{Check, Pause, Resume, Start, Stop};

    const NOW: Mono = Mono(1_000_000);

    fn file(name: &str) -> Argument {
        Argument::parse(name).unwrap()
    }

    fn go_on(recorder: &mut Recorder, now: Mono, recordings: &Recordings) -> Vec<Move> {
        let mut moves = Vec::new();
        recorder.go_on(now, recordings, || Some(file("new")), &mut moves);
        moves
    }

    fn order(recorder: &mut Recorder, call: RecordingCall, recordings: &Recordings) -> Vec<Move> {
        recorder.order(call);
        go_on(recorder, NOW, recordings)
    }

    fn recordings(list: &[(&str, bool)]) -> Recordings {
        let mut recordings = Recordings::default();
        for (file, paused) in list {
            recordings.put(file, *paused);
        }
        recordings
    }

    #[test]
    fn every_order_does_or_says_what_the_table_has_for_it() {
        let (none, running, paused) = (recordings(&[]), recordings(&[("f", false)]), recordings(&[("f", true)]));
        for (call, status, expected) in [
            (Start, &none, StartRecording(file("new"))),
            (Start, &running, Play(sound::ALREADY)),
            (Start, &paused, Play(sound::PAUSED_ALREADY)),
            (Pause, &none, Play(sound::NOT_RECORDING)),
            (Pause, &running, PauseRecording(file("f"))),
            (Pause, &paused, Play(sound::PAUSED)),
            (Resume, &none, Play(sound::NOT_RECORDING)),
            (Resume, &running, Play(sound::ALREADY)),
            (Resume, &paused, ResumeRecording(file("f"))),
            (Stop, &none, Play(sound::NOT_RECORDING)),
            (Stop, &running, StopRecording(file("f"))),
            (Stop, &paused, StopRecording(file("f"))),
            (Check, &none, Play(sound::NOT_RECORDING)),
            (Check, &running, Play(sound::STARTED)),
            (Check, &paused, Play(sound::PAUSED)),
        ] {
            assert_eq!(order(&mut Recorder::default(), call, status), [Move::Tell(expected)], "{call:?} {status:?}");
        }
    }

    #[test]
    fn an_order_is_judged_when_the_one_before_is_carried_out() {
        let mut recorder = Recorder::default();
        assert_eq!(order(&mut recorder, Start, &recordings(&[])), [Move::Tell(StartRecording(file("new")))]);
        assert_eq!(order(&mut recorder, Start, &recordings(&[])), []);
        assert_eq!(order(&mut recorder, Stop, &recordings(&[])), []);
        assert_eq!(
            go_on(&mut recorder, NOW, &recordings(&[("new", false)])),
            [
                Move::Tell(Play(sound::STARTED)),
                Move::Tell(Play(sound::ALREADY)),
                Move::Tell(StopRecording(file("new")))
            ]
        );
        assert_eq!(go_on(&mut recorder, NOW, &recordings(&[])), [Move::Tell(Play(sound::STOPPED))]);
        assert!(recorder.is_idle());
    }

    #[test]
    fn an_order_is_about_everything_that_is_recorded() {
        let both = recordings(&[("a", false), ("b", false)]);
        let mut recorder = Recorder::default();
        assert_eq!(
            order(&mut recorder, Stop, &both),
            [Move::Tell(StopRecording(file("a"))), Move::Tell(StopRecording(file("b")))]
        );
        assert_eq!(go_on(&mut recorder, NOW, &recordings(&[("b", false)])), []);
        assert_eq!(go_on(&mut recorder, NOW, &recordings(&[])), [Move::Tell(Play(sound::STOPPED))]);
    }

    #[test]
    fn nobody_is_told_that_recording_has_stopped_while_something_is_recorded() {
        let odd = recordings(&[("a", false), ("it's", false)]);
        let mut recorder = Recorder::default();
        assert_eq!(order(&mut recorder, Stop, &odd), [Move::Tell(StopRecording(file("a")))]);
        assert_eq!(go_on(&mut recorder, NOW, &recordings(&[("it's", false)])), []);
        recorder.objected(&mut Vec::new());
        recorder.looked();
        let mut moves = Vec::new();
        recorder.saw(&recordings(&[("it's", false)]), &mut moves);
        assert_eq!(moves, [Move::GiveUp(Stop, "the switch did not do it".into())]);
    }

    #[test]
    fn a_file_that_cannot_be_opened_ends_the_order_and_only_that() {
        let mut recorder = Recorder::default();
        order(&mut recorder, Start, &recordings(&[]));
        let mut moves = Vec::new();
        recorder.failed("another", "no", &mut moves);
        assert_eq!(moves, []);
        recorder.failed("new", "no", &mut moves);
        assert_eq!(moves, [Move::GiveUp(Start, "no".into())]);
        assert!(recorder.is_idle());
    }

    #[test]
    fn when_no_event_comes_a_listing_decides() {
        for (listed, expected) in [
            (recordings(&[("new", false)]), Move::Tell(Play(sound::STARTED))),
            (recordings(&[]), Move::GiveUp(Start, "the switch did not do it".into())),
        ] {
            let mut recorder = Recorder::default();
            order(&mut recorder, Start, &recordings(&[]));
            let deadline = recorder.deadline().unwrap();
            assert_eq!(go_on(&mut recorder, deadline, &recordings(&[])), [Move::Look]);
            assert_eq!(recorder.deadline(), None);
            let mut moves = Vec::new();
            // A listing that was asked for before does not count.
            recorder.saw(&listed, &mut moves);
            assert_eq!(moves, []);
            recorder.looked();
            recorder.saw(&listed, &mut moves);
            moves.extend(go_on(&mut recorder, deadline, &listed));
            assert_eq!(moves, [expected]);
        }
    }

    #[test]
    fn the_switchs_objection_leads_to_a_listing_at_once() {
        let mut recorder = Recorder::default();
        order(&mut recorder, Pause, &recordings(&[("f", false)]));
        let mut moves = Vec::new();
        recorder.objected(&mut moves);
        recorder.objected(&mut moves);
        assert_eq!(moves, [Move::Look]);
    }

    #[test]
    fn what_ends_meanwhile_cannot_be_paused() {
        let mut recorder = Recorder::default();
        order(&mut recorder, Pause, &recordings(&[("f", false)]));
        assert_eq!(
            go_on(&mut recorder, NOW, &recordings(&[])),
            [Move::GiveUp(Pause, "the recording has ended".into())]
        );
    }

    #[test]
    fn who_presses_without_end_is_not_heard_without_end() {
        let mut recorder = Recorder::default();
        order(&mut recorder, Start, &recordings(&[]));
        let taken = (0..1_000).filter(|_| recorder.order(Check)).count();
        assert_eq!(taken, WAITING);
        let moves = go_on(&mut recorder, NOW, &recordings(&[("new", false)]));
        assert_eq!(moves.len(), 1 + WAITING);
    }
}
