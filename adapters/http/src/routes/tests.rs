//! What goes where.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

use fsconnector_engine::query::UserField;

use super::*;
use crate::change::Change;
use crate::current::Whole;

fn work(method: &Method, path: &str) -> Option<(Work, String)> {
    match find(method, path) {
        Found::Route(route, parameter) => Some((route.work, parameter.to_owned())),
        Found::OtherMethods(..) | Found::Nothing => None,
    }
}

fn file(method: &Method, path: &str) -> Option<(FileRoute, String)> {
    match work(method, path) {
        Some((Work::File(file), parameter)) => Some((file, parameter)),
        _ => None,
    }
}

#[test]
fn a_literal_path_may_end_in_a_slash() {
    for path in ["/api/users", "/api/users/"] {
        assert_eq!(work(&Method::GET, path), Some((Work::Read(Read::Whole(Whole::Users)), String::new())));
    }
    assert!(work(&Method::GET, "/api/users//").is_none());
}

#[test]
fn what_follows_a_prefix_is_the_parameter_and_may_be_empty_or_hold_slashes() {
    for parameter in ["", "2", "a/b/", "%2F"] {
        let found = work(&Method::GET, &format!("/api/users/byid/{parameter}"));
        assert_eq!(found, Some((Work::Read(Read::UsersBy(UserField::Id)), parameter.to_owned())));
    }
}

#[test]
fn names_are_as_many_as_there_have_to_be_and_none_is_empty() {
    let name = |path| file(&Method::GET, path);
    assert_eq!(name("/api/recordings/a%2Fb"), Some((FileRoute::Recording, "a%2Fb".into())));
    assert_eq!(name("/api/recordings/find/a/b"), Some((FileRoute::FindRecordings, "a/b".into())));
    assert_eq!(name("/polycom/Config"), Some((FileRoute::Phone, "Config".into())));
    assert_eq!(name("/polycom/Config/a"), Some((FileRoute::PhoneShared("Config"), "a".into())));
    let localization = FileRoute::PhoneShared("SoundPointIPLocalization");
    assert_eq!(name("/polycom/SoundPointIPLocalization/d/f"), Some((localization, "d/f".into())));
    for path in [
        "/api/recordings/a/b",
        "/api/recordings/a/",
        "/api/recordings//",
        "/fr/friendsrec/a/b",
        "/polycom",
        "/polycom/",
        "/polycom/a/b",
        "/polycom/Config/a/b",
        "/polycom/SoundPointIPLocalization/f",
        "/polycom/SoundPointIPLocalization//f",
        "/polycom/SoundPointIPLocalization/d/f/g",
        "/linphone/x",
    ] {
        assert!(matches!(find(&Method::GET, path), Found::Nothing), "{path}");
    }
}

#[test]
fn every_other_path_is_a_page_except_below_the_folders_of_the_api() {
    for path in ["/", "/index.html", "/apix", "/a/b.js", "/livez", "/polycoms/a", "/fr%2Ffriendsrec"] {
        assert_eq!(file(&Method::HEAD, path).unwrap().0, FileRoute::Page, "{path}");
    }
    for path in ["/api", "/api/", "/api/user", "/api/users/x", "/fr/x"] {
        assert!(matches!(find(&Method::GET, path), Found::Nothing), "{path}");
        assert!(matches!(find(&Method::POST, path), Found::Nothing), "{path}");
    }
}

#[test]
fn another_method_on_a_known_path_is_told_which_ones_work() {
    for (path, expected) in [
        ("/api/users", "GET, HEAD"),
        ("/pubxml", "GET, HEAD"),
        ("/x.css", "GET, HEAD"),
        ("/polycom/a.cfg", "GET, HEAD, PUT"),
        ("/polycom/Config/a", "GET, HEAD"),
        ("/api/recordings/del", "POST"),
    ] {
        let Found::OtherMethods(_, allowed) = find(&Method::DELETE, path) else { panic!("{path}") };
        assert_eq!(allowed, expected, "{path}");
    }
}

#[test]
fn what_changes_something_has_no_head() {
    for (method, path, expected) in [
        (Method::HEAD, "/api/users/rebuild", "GET, POST"),
        (Method::PUT, "/api/users/rebuild/", "GET, POST"),
        (Method::HEAD, "/api/store/directory", "GET, POST"),
        (Method::GET, "/api/users/add", "POST"),
        (Method::GET, "/api/recordings/del", "POST"),
        (Method::HEAD, "/fr/delfriendsrec", "POST"),
    ] {
        let Found::OtherMethods(_, allowed) = find(&method, path) else { panic!("{method} {path}") };
        assert_eq!(allowed, expected);
    }
}

#[test]
fn every_change_has_a_route_named_like_its_operation() {
    for change in Change::ALL {
        let operation = change.operation("dialplan");
        let found = find(&Method::POST, &format!("/api/{}", operation.op)).changes();
        assert_eq!(found, Changes::Reported(operation));
    }
}

#[test]
fn the_routes_of_one_path_stand_together() {
    for (place, route) in TABLE.iter().enumerate() {
        let Some(first) = TABLE.iter().position(|other| other.path == route.path) else { panic!("{route:?}") };
        assert!(TABLE[first..place].iter().all(|between| between.path == route.path), "{route:?}");
    }
}

#[test]
fn only_what_is_long_is_a_download() {
    for (file, parameter, lane) in [
        (FileRoute::Recording, "a", Lane::Reading(Reading::Download)),
        (FileRoute::FriendsRecording, "a", Lane::Reading(Reading::Download)),
        (FileRoute::Phone, "sip.ld", Lane::Reading(Reading::Download)),
        (FileRoute::Phone, "000000000000.cfg", Lane::Reading(Reading::Quick)),
        (FileRoute::Page, "/sip.ld", Lane::Reading(Reading::Quick)),
        (FileRoute::Upload, "sip.ld", Lane::Changing(Changing::Uploads)),
        (FileRoute::DelRecordings, "", Lane::Changing(Changing::Recordings)),
    ] {
        assert_eq!(file.lane(parameter), lane, "{file:?} {parameter}");
    }
}
