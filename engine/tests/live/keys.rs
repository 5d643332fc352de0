//! The moderators' keys: what they do, and what everybody in the conference then hears.

use std::time::Duration;

use fsconnector_engine::esl::command::SwitchCommand;

use crate::stage::{ADMIN, GUEST, MEMBER, Stage};

const FILE: &str = "/recordings/room-2026-11-23T03:30:00.000Z.wav";
const STARTED: &str = "conference room play conference/recording_started.wav";
const PAUSED: &str = "conference room play conference/recording_paused.wav";
const RESUMING: &str = "conference room play conference/resuming_recording.wav";
const STOPPED: &str = "conference room play conference/recording_stopped.wav";
const ALREADY: &str = "conference room play conference/already_recording.wav";
const PRESS_RESUME: &str = "conference room play conference/recording_paused_to_resume_press_resume.wav";
const PRESS_START: &str = "conference room play conference/not_recording_to_start_press_start.wav";

/// A conference with two members, whose switch has settled.
fn talking() -> Stage {
    let mut stage = Stage::new();
    stage.all_happen(&["room create", "room join 2 20001", "room join 3 20002"]);
    stage.settle();
    stage.hush();
    stage
}

/// The same, and it is recorded.
fn recording() -> Stage {
    let mut stage = talking();
    stage.happens(&format!("room rec {FILE}"));
    stage.hush();
    stage
}

/// The same, and that is paused.
fn paused() -> Stage {
    let mut stage = recording();
    stage.happens(&format!("room pause {FILE}"));
    stage.hush();
    stage
}

fn press(stage: &mut Stage, key: &str) -> Vec<String> {
    stage.happens(&format!("room key {key}"));
    stage.told()
}

fn order(what: &str) -> String {
    format!("conference room recording {what} {FILE}")
}

/// The file of a recording that was ordered.
fn ordered_file(told: &[String]) -> String {
    let file = told[0].strip_prefix("conference room recording start ");
    file.unwrap_or_else(|| panic!("{told:?}")).to_owned()
}

#[test]
fn every_key_does_or_says_in_every_state_what_the_contract_has_for_it() {
    type Begin = fn() -> Stage;
    let table: [(Begin, &str, &str, &str); 12] = [
        (talking, "pauserecording", PRESS_START, ""),
        (talking, "resumerecording", PRESS_START, ""),
        (talking, "stoprecording", PRESS_START, ""),
        (talking, "checkrecording", PRESS_START, ""),
        (recording, "startrecording", ALREADY, ""),
        (recording, "resumerecording", ALREADY, ""),
        (recording, "checkrecording", STARTED, ""),
        (recording, "pauserecording", "pause", PAUSED),
        (recording, "stoprecording", "stop", STOPPED),
        (paused, "resumerecording", "resume", RESUMING),
        (paused, "stoprecording", "stop", STOPPED),
        (paused, "pauserecording", PAUSED, ""),
    ];
    for (begin, key, what, sound) in table {
        let mut stage = begin();
        let told = press(&mut stage, key);
        if sound.is_empty() {
            assert_eq!(told, [what], "{key}");
            stage.pass(Duration::from_secs(30));
            assert_eq!((stage.told(), stage.heard(ADMIN)), (vec![], vec![]), "{key}");
        } else {
            assert_eq!(told, [order(what)], "{key}");
            stage.happens(&format!("room {what} {FILE}"));
            assert_eq!(stage.told(), [sound], "{key}: said when it is done");
        }
    }
    assert_eq!(press(&mut paused(), "startrecording"), [PRESS_RESUME]);
    assert_eq!(press(&mut paused(), "checkrecording"), [PAUSED]);
}

#[test]
fn start_records_to_a_file_with_the_name_and_the_time_and_says_so_once_it_is_open() {
    let mut stage = talking();
    let told = press(&mut stage, "startrecording");
    let file = ordered_file(&told);
    assert_eq!(file, format!("/recordings/room-{}.wav", stage.now().wall));
    assert_eq!((stage.told(), stage.heard(ADMIN)), (vec![], vec![]), "the switch's +OK says nothing");
    stage.happens(&format!("room rec {file}"));
    assert_eq!((stage.told(), stage.heard(ADMIN)), (vec![STARTED.into()], vec![format!("recStart room {file}")]));
}

#[test]
fn a_file_name_with_a_blank_is_sent_in_quotes() {
    let mut stage = Stage::new();
    stage.all_happen(&["My%20Conf create", "My%20Conf join 2 20001", "My%20Conf key startrecording"]);
    let file = format!("/recordings/My Conf-{}.wav", stage.now().wall);
    assert_eq!(stage.told(), [format!("conference 'My Conf' recording start '{file}'")]);
    stage.happens(&format!("My%20Conf rec {}", file.replace(' ', "%20")));
    assert_eq!(stage.told(), ["conference 'My Conf' play conference/recording_started.wav"]);
}

#[test]
fn the_other_keys_are_carried_out_at_once() {
    let mut stage = talking();
    assert_eq!(press(&mut stage, "muteall"), ["conference room mute all"]);
    assert_eq!(press(&mut stage, "conferencelock"), ["conference room lock"]);
    assert_eq!(press(&mut stage, "conferenceunlock"), ["conference room unlock"]);
    assert_eq!(press(&mut stage, "shutdown"), [""; 0]);
    assert_eq!(stage.heard(ADMIN), [""; 0], "the events tell");
}

#[test]
fn start_pressed_twice_makes_one_recording() {
    let mut stage = talking();
    let file = ordered_file(&press(&mut stage, "startrecording"));
    assert_eq!(press(&mut stage, "startrecording"), [""; 0]);
    stage.happens(&format!("room rec {file}"));
    assert_eq!(stage.told(), [STARTED, ALREADY]);
}

#[test]
fn keys_pressed_while_a_command_still_runs_are_judged_by_what_comes_of_it() {
    let mut stage = talking();
    let file = ordered_file(&press(&mut stage, "startrecording"));
    assert_eq!((press(&mut stage, "pauserecording"), press(&mut stage, "stoprecording")), (vec![], vec![]));
    stage.happens(&format!("room rec {file}"));
    assert_eq!(stage.told(), [STARTED, &format!("conference room recording pause {file}")]);
    stage.happens(&format!("room pause {file}"));
    assert_eq!(stage.told(), [PAUSED, &format!("conference room recording stop {file}")]);
    stage.happens(&format!("room stop {file}"));
    assert_eq!(stage.told(), [STOPPED]);
}

#[test]
fn stop_then_start_makes_another_recording() {
    let mut stage = recording();
    assert_eq!(press(&mut stage, "stoprecording"), [order("stop")]);
    assert_eq!(press(&mut stage, "startrecording"), [""; 0]);
    stage.happens(&format!("room stop {FILE}"));
    let told = stage.told();
    assert_eq!(told[0], STOPPED);
    assert_ne!(ordered_file(&told[1..]), FILE);
}

#[test]
fn a_recording_that_cannot_be_opened_is_told_and_not_announced() {
    let mut stage = Stage::new();
    stage.all_happen(&["plaza create", "plaza join 2 22000", "plaza key startrecording"]);
    stage.hush();
    let file = format!("/recordings/plaza-{}.wav", stage.now().wall);
    stage.all_happen(&[&format!("plaza fail {file}"), &format!("plaza stop {file}")]);
    let error = "error conference plaza cannot be recorded: File could not be opened for recording";
    assert_eq!(stage.heard(ADMIN), [error, "recStop plaza"]);
    assert_eq!(stage.heard(MEMBER), [error, "recStop plaza"]);
    assert_eq!(stage.heard(GUEST), ["recStop plaza"]);
    assert_eq!((stage.told(), stage.warnings().len()), (vec![], 1));
    assert_eq!(stage.init(GUEST)[0]["recording"]["status"], "norec");
    // The next press begins anew.
    stage.happens("plaza key startrecording");
    assert_eq!(stage.told().len(), 1);
}

#[test]
fn when_no_event_comes_a_listing_decides() {
    for (opens, sound, heard) in [(true, vec![STARTED.to_owned()], "recStart"), (false, vec![], "error")] {
        let mut stage = talking();
        let file = ordered_file(&press(&mut stage, "startrecording"));
        if opens {
            stage.is_missed(&format!("room rec {file}"));
        }
        stage.pass(Duration::from_secs(4));
        assert_eq!((stage.listings, stage.told()), (0, vec![]));
        stage.pass(Duration::from_secs(2));
        assert_eq!((stage.listings, stage.told()), (1, sound));
        assert!(stage.heard(ADMIN)[0].starts_with(heard));
        assert_eq!(stage.warnings().len(), usize::from(!opens));
    }
}

#[test]
fn when_the_switch_objects_a_listing_decides_at_once() {
    let mut stage = recording();
    stage.objection = Some("+OK Pause recording file x\n-ERR non-existant recording 'x'\n");
    assert_eq!(press(&mut stage, "pauserecording"), [order("pause")]);
    stage.settle();
    assert_eq!((stage.listings, stage.told()), (1, vec![]));
    let heard = stage.heard(ADMIN);
    assert_eq!(heard, ["error conference room cannot be paused in its recording: the switch did not do it"]);
    assert_eq!(stage.warnings().len(), 2, "what the switch said, and what comes of it");
}

#[test]
fn a_conference_that_ends_while_it_is_recorded_sends_no_more_about_it() {
    let mut stage = talking();
    let file = ordered_file(&press(&mut stage, "startrecording"));
    press(&mut stage, "stoprecording");
    stage.happens(&format!("room rec {file}"));
    stage.all_happen(&["room leave 2", "room leave 3", &format!("room stop {file}"), "room destroy"]);
    let heard = stage.heard(ADMIN);
    assert_eq!(heard[1..], ["delMember room 2", "delConference room"]);
    stage.hush();
    stage.pass(Duration::from_secs(60));
    assert_eq!((stage.told(), stage.warnings(), stage.heard(ADMIN)), (vec![], vec![], vec![]));
}

#[test]
fn an_order_is_about_all_that_is_recorded() {
    let mut stage = recording();
    stage.happens("room rec /r/other.wav");
    let other = |what: &str| format!("conference room recording {what} /r/other.wav");
    assert_eq!(press(&mut stage, "pauserecording"), [order("pause"), other("pause")]);
    stage.all_happen(&[&format!("room pause {FILE}"), "room pause /r/other.wav"]);
    assert_eq!(stage.told(), [PAUSED]);
    assert_eq!(press(&mut stage, "stoprecording"), [order("stop"), other("stop")]);
    stage.all_happen(&[&format!("room stop {FILE}"), "room stop /r/other.wav"]);
    assert_eq!(stage.told(), [STOPPED]);
}

#[test]
fn of_parallel_recordings_the_one_that_runs_is_shown() {
    let mut stage = recording();
    stage.all_happen(&["room rec /r/2", &format!("room pause {FILE}"), "room stop /r/2", &format!("room stop {FILE}")]);
    let heard = stage.heard(ADMIN);
    assert_eq!(heard, ["recStart room /r/2".into(), format!("recPause room {FILE}"), "recStop room".into()]);
}

#[test]
fn a_key_in_an_unknown_conference_is_no_order_but_makes_it_known() {
    let mut stage = Stage::new();
    stage.is_missed("room create");
    stage.is_missed("room join 2 20001");
    stage.happens("room key startrecording");
    stage.settle();
    assert_eq!((stage.told(), stage.heard(ADMIN)), (vec![], vec!["newConference room".into()]));
}

#[test]
fn a_conference_whose_name_the_switch_does_not_understand_is_told_nothing() {
    let mut stage = Stage::new();
    stage.all_happen(&["a%22b create", "a%22b join 2 20001"]);
    for key in ["startrecording", "checkrecording", "muteall", "conferencelock"] {
        stage.happens(&format!("a%22b key {key}"));
        stage.pass(Duration::from_secs(10));
        assert_eq!(stage.told(), [""; 0], "{key}");
        assert_ne!(stage.warnings(), [""; 0], "{key}: the log says why");
    }
}

#[test]
fn orders_are_forgotten_with_the_session_and_the_listing_of_the_next_one_tells() {
    let mut stage = talking();
    let file = ordered_file(&press(&mut stage, "startrecording"));
    press(&mut stage, "stoprecording");
    stage.lose();
    stage.is_missed(&format!("room rec {file}"));
    stage.connect();
    stage.pass(Duration::from_secs(30));
    assert_eq!(stage.init(ADMIN)[0]["recording"]["status"], "running");
    let told = stage.told();
    assert!(
        told.iter().all(|told| told == STARTED),
        "nobody is recorded unannounced, and nothing else is done: {told:?}"
    );
}

#[test]
fn a_key_that_is_pressed_before_the_conferences_are_listed_waits_for_that() {
    let mut stage = talking();
    stage.lose();
    stage.is_missed(&format!("room rec {FILE}"));
    stage.is_slow = true;
    stage.connect();
    assert_eq!(press(&mut stage, "startrecording"), [""; 0]);
    assert_eq!(stage.questions().front(), Some(&SwitchCommand::LiveConferences));
    stage.hurries();
    assert_eq!(stage.told(), [ALREADY]);
}

#[test]
fn a_recording_that_begins_while_the_first_listing_is_awaited_is_announced() {
    let mut stage = talking();
    stage.is_slow = true;
    let told = press(&mut stage, "startrecording");
    let file = ordered_file(&told);
    stage.lose();
    stage.connect();
    stage.happens(&format!("room rec {file}"));
    stage.hurries();
    assert_eq!(stage.told(), [STARTED]);
}

#[test]
fn each_of_two_recordings_that_begin_late_is_announced() {
    let mut stage = talking();
    let first = ordered_file(&press(&mut stage, "startrecording"));
    stage.pass(Duration::from_secs(10));
    let second = ordered_file(&press(&mut stage, "startrecording"));
    assert_ne!(first, second);
    stage.happens(&format!("room rec {first}"));
    assert_eq!(stage.told(), [STARTED]);
    stage.pass(Duration::from_secs(10));
    stage.happens(&format!("room stop {first}"));
    stage.told();
    stage.happens(&format!("room rec {second}"));
    assert_eq!(stage.told(), [STARTED]);
}
