//! Number ranges against the dialplan: every number that the connector gives can be called, and only as what it is.

use std::collections::BTreeMap;

use fsconnector_engine::config::{Context, NumberRange};
use fsconnector_simulator::config::Place;

use super::dialplan::{self, Callee, Extension, Route};
use super::findings::{Finding, quoted};
use super::sip;
use super::subject::Subject;

/// Ranges up to this size are gone through number by number.
const SMALL: u32 = 10_000;
/// How many runs of numbers a finding lists.
const MOST_RUNS: usize = 3;

/// The users of every range can be called within their own context.
pub(super) fn users(subject: &Subject<'_>) -> Vec<Finding> {
    let missed = |context: &Context| {
        let name = format!("users of {}", context.name);
        missed(subject, context, context.users, Callee::User, |route| match route {
            Route::Nowhere(there) => Some(Cause {
                place: there.place.clone(),
                before: format!("no extension of the context {} connects a call to", quoted(&there.name)),
                after: format!("({name})"),
                remedy: opening(
                    "widen an expression for destination_number there, or configure another range",
                    subject,
                    there,
                ),
            }),
            Route::Circle(extension) => Some(circle(extension, &name)),
            Route::Extension(extension) if !extension.connects() => Some(Cause {
                place: extension.place.clone(),
                before: format!("the extension {} takes the calls to", quoted(&extension.name)),
                after: format!("({name}) and connects nobody"),
                remedy: "narrow its expression for destination_number".to_owned(),
            }),
            _ => None,
        })
    };
    subject.config.contexts.iter().flat_map(missed).collect()
}

/// The conferences of every range can be called from their own context, and no extension takes the call before.
pub(super) fn conferences(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.trial.conferences_not_loaded {
        return Vec::new();
    }
    let missed = |context: &Context| {
        let name = format!("conferences of {}", context.name);
        missed(subject, context, context.conferences, Callee::Conference, |route| match route {
            Route::Nowhere(there) => Some(Cause {
                place: there.place.clone(),
                before: format!("no extension of the context {} leads to", quoted(&there.name)),
                after: format!("({name})"),
                remedy: opening(
                    "transfer these numbers to the context that includes conferences/*.xml",
                    subject,
                    there,
                ),
            }),
            Route::Circle(extension) => Some(circle(extension, &name)),
            Route::Extension(extension) if !extension.has_conference() => Some(Cause {
                place: extension.place.clone(),
                before: format!("the extension {} takes the calls to", quoted(&extension.name)),
                after: format!("({name}) and does not lead to these"),
                remedy: "narrow its expression, or put it behind what leads to the conferences".to_owned(),
            }),
            _ => None,
        })
    };
    subject.config.contexts.iter().flat_map(missed).collect()
}

/// A remedy that opens a way in this context.
fn opening(remedy: &str, subject: &Subject<'_>, there: &dialplan::Context) -> String {
    match sip::warning(subject, &there.name) {
        Some(warning) => format!("{remedy}, {warning}"),
        None => remedy.to_owned(),
    }
}

fn circle(extension: &Extension, name: &str) -> Cause {
    Cause {
        place: extension.place.clone(),
        before: format!("the extension {} sends the calls to", quoted(&extension.name)),
        after: format!("({name}) back to where they came from"),
        remedy: "narrow its expression, or transfer to another context".to_owned(),
    }
}

/// Why some numbers are not reached.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Cause {
    place: Place,
    /// The text up to the numbers.
    before: String,
    /// The text behind the numbers.
    after: String,
    remedy: String,
}

/// The numbers of `range` that end wrongly when called from `context`, one finding for each cause.
fn missed<'s>(
    subject: &'s Subject<'_>,
    context: &Context,
    range: NumberRange,
    callee: Callee,
    cause: impl Fn(Route<'s>) -> Option<Cause>,
) -> Vec<Finding> {
    let Some(from) = subject.dialplan.context(context.name.as_str()) else { return Vec::new() };
    let mut missed: BTreeMap<Cause, Runs> = BTreeMap::new();
    for (position, number) in sample(range).into_iter().enumerate() {
        if let Some(cause) = cause(subject.dialplan.route(from, &number.to_string(), callee)) {
            missed.entry(cause).or_default().add(position, number);
        }
    }
    let finding = |(cause, runs): (Cause, Runs)| {
        let Cause { place, before, after, remedy } = cause;
        Finding::at(place, format!("{before} {} {after}", runs.shown()), remedy)
    };
    missed.into_iter().map(finding).collect()
}

/// All numbers of a small range. Of a large one those where a digit changes: an expression goes by digits.
pub(super) fn sample(range: NumberRange) -> Vec<u32> {
    let (first, last) = (range.first(), range.last());
    if last - first < SMALL {
        return (first..=last).collect();
    }
    let mut step = 10;
    while (last - first) / step >= SMALL {
        step *= 10;
    }
    let steps = (first / step..=last / step).map(|index| index * step);
    let around = steps.flat_map(|number| [number.saturating_sub(1), number]);
    let mut numbers: Vec<u32> = around.chain([first, last]).filter(|number| range.contains(*number)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Numbers, as runs of such that follow each other in the sample.
#[derive(Default)]
struct Runs {
    runs: Vec<(u32, u32)>,
    last: usize,
}

impl Runs {
    fn add(&mut self, position: usize, number: u32) {
        match self.runs.last_mut() {
            Some((_, end)) if self.last + 1 == position => *end = number,
            _ => self.runs.push((number, number)),
        }
        self.last = position;
    }

    fn shown(&self) -> String {
        let run = |(first, last): &(u32, u32)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        };
        let mut shown: Vec<String> = self.runs.iter().take(MOST_RUNS).map(run).collect();
        if self.runs.len() > MOST_RUNS {
            shown.push("others".to_owned());
        }
        shown.join(", ")
    }
}

/// Expressions match the numbers they are meant for and nothing longer, and are expressions at all.
pub(super) fn expressions(subject: &Subject<'_>) -> Vec<Finding> {
    let contexts = &subject.config.contexts;
    let ranges = contexts.iter().flat_map(|context| [context.users, context.conferences]);
    let numbers: Vec<u32> = ranges.flat_map(sample).collect();
    let mut findings = Vec::new();
    for (context, extension) in extensions(subject) {
        let is_foreign = !subject.is_configured(&context.name);
        for condition in &extension.numbers {
            let (place, expression) = (condition.place.clone(), &condition.expression);
            let text = quoted(&expression.text);
            if let Some(fault) = expression.fault() {
                let what =
                    format!("the expression {text} is no regular expression that can be understood: {}", quoted(fault));
                findings.push(Finding::at(place, what, "correct it, or write it more simply").noted_if(is_foreign));
            } else if extension.connects()
                && !extension.is_conference_file
                && let Some(longer) = expression.unanchored(&numbers)
            {
                let what = format!("the expression {text} also takes other numbers, such as {longer}");
                findings.push(Finding::at(place, what, "begin it with `^` and end it with `$`").noted_if(is_foreign));
            }
        }
    }
    findings
}

/// Calls are sent to contexts that exist.
pub(super) fn transfers(subject: &Subject<'_>) -> Vec<Finding> {
    let transfers = extensions(subject)
        .flat_map(|(context, extension)| extension.transfers.iter().map(move |transfer| (context, transfer)));
    let lost = transfers.filter_map(|(context, (place, transfer))| {
        let name = transfer.context.as_ref().filter(|name| subject.dialplan.context(name).is_none())?;
        let finding = Finding::at(
            place.clone(),
            format!("the call is sent to the context {}, which does not exist", quoted(name)),
            "correct the name, or write that context",
        );
        Some(finding.noted_if(!subject.is_configured(&context.name)))
    });
    lost.collect()
}

/// All extensions, each with its context. What is in a context that is not configured is somebody else's: of it only notes are
/// made, and if a call of ours comes there, that is followed.
fn extensions<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = (&'s dialplan::Context, &'s Extension)> {
    subject.dialplan.contexts().flat_map(|context| context.extensions.iter().map(move |extension| (context, extension)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(first: u32, last: u32) -> Vec<u32> {
        sample(NumberRange::new(first, last).unwrap())
    }

    #[test]
    fn a_small_range_is_gone_through_number_by_number() {
        assert_eq!(sampled(20_000, 20_999), (20_000..=20_999).collect::<Vec<_>>());
        assert_eq!(sampled(7, 7), [7]);
    }

    #[test]
    fn of_a_large_range_the_numbers_count_where_a_digit_changes() {
        let numbers = sampled(1, u32::MAX);
        assert!(numbers.len() < 20_001, "{}", numbers.len());
        for number in [1, 999_999, 1_000_000, 1_999_999, 4_294_000_000, u32::MAX] {
            assert!(numbers.contains(&number), "{number}");
        }
    }

    #[test]
    fn numbers_that_follow_each_other_are_told_as_a_run() {
        let mut runs = Runs::default();
        for (position, number) in [(0, 10), (1, 11), (3, 13), (7, 17), (9, 19)] {
            runs.add(position, number);
        }
        assert_eq!(runs.shown(), "10-11, 13, 17, others");
    }
}
