//! Conferences: add, mod, del, each item on its own.

use super::Failure;
use super::command::{ConferenceChange, ConferenceTarget, NewConference};
use super::draft::Draft;
use super::rules;
use crate::config::ContextName;
use crate::numbers::parse_number;
use crate::state::Conference;

/// Makes a conference.
pub(super) fn add(draft: &mut Draft, asked: &NewConference) -> Result<Conference, Failure> {
    if draft.conference_name_is_taken(&asked.name, None) {
        return Err(Failure::NameTaken);
    }
    let (place, context) = draft.context(&asked.context).ok_or(Failure::NoContext)?;
    let context = context.name.clone();
    check_type(draft, &asked.profile)?;
    let num = new_number(draft, place)?;
    check_name(&asked.name)?;
    let (name, profile) = (asked.name.clone(), asked.profile.clone());
    Ok(take_in(draft, place, Conference { num, name, profile, context, pin: None }))
}

/// Changes a conference; what is absent stays. With nothing to change its file is written anew.
pub(super) fn change(draft: &mut Draft, asked: &ConferenceChange) -> Result<Conference, Failure> {
    let before = known(draft, &asked.num)?;
    let name = asked.name.as_ref().filter(|name| **name != before.name);
    let profile = asked.profile.as_ref().filter(|profile| **profile != before.profile);
    let context = asked.context.as_deref().filter(|context| *context != before.context.as_str());
    if name.is_some_and(|name| draft.conference_name_is_taken(name, Some(before.num))) {
        return Err(Failure::NameTaken);
    }
    let moves_to = match context {
        None => None,
        Some(context) => {
            let (place, context) = draft.context(context).ok_or(Failure::NoContext)?;
            Some((place, context.name.clone()))
        }
    };
    profile.map_or(Ok(()), |profile| check_type(draft, profile))?;
    let num = moves_to.as_ref().map_or(Ok(before.num), |(place, _)| new_number(draft, *place))?;
    name.map_or(Ok(()), |name| check_name(name))?;
    let place = moves_to.as_ref().map_or(0, |(place, _)| *place);
    let context: ContextName = moves_to.map_or_else(|| before.context.clone(), |(_, context)| context);
    let (name, profile) = (name.unwrap_or(&before.name).clone(), profile.unwrap_or(&before.profile).clone());
    if num != before.num {
        draft.remove_conference(before.num);
    }
    Ok(take_in(draft, place, Conference { num, name, profile, context, pin: before.pin }))
}

/// Removes a conference.
pub(super) fn remove(draft: &mut Draft, asked: &ConferenceTarget) -> Result<Conference, Failure> {
    let before = known(draft, &asked.num)?;
    draft.remove_conference(before.num);
    Ok(before)
}

fn known(draft: &Draft, num: &str) -> Result<Conference, Failure> {
    let conference = parse_number(num).and_then(|num| draft.conference(num));
    conference.cloned().ok_or_else(|| Failure::NoConference(num.to_owned()))
}

fn check_type(draft: &Draft, profile: &str) -> Result<(), Failure> {
    let known = draft.state().conference_types.iter().any(|known| known == profile);
    if known { Ok(()) } else { Err(Failure::NoType) }
}

fn check_name(name: &str) -> Result<(), Failure> {
    rules::conference_name(name).map_err(|why| Failure::NotAllowed("name", why))
}

fn new_number(draft: &mut Draft, context: usize) -> Result<u32, Failure> {
    draft.free_conference_numbers(context).and_then(|free| free.lowest()).ok_or(Failure::NoNumber)
}

fn take_in(draft: &mut Draft, context: usize, conference: Conference) -> Conference {
    if let Some(free) = draft.free_conference_numbers(context) {
        free.take(conference.num);
    }
    draft.put_conference(conference.clone());
    conference
}
