//! Which events a client hears, and in which format.

use std::collections::BTreeSet;

use super::event::{Event, Format, known_name};

/// What one client has asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscription {
    pub(super) format: Format,
    everything: bool,
    names: BTreeSet<&'static str>,
    /// The subclasses of CUSTOM events.
    subclasses: BTreeSet<String>,
    filters: Vec<Filter>,
}

/// Only events with such a header, or, negated, only those without.
#[derive(Debug, Clone)]
struct Filter {
    header: String,
    value: String,
}

impl Filter {
    /// Whether the filter keeps the event out, lets it in, or has nothing to say.
    fn verdict(&self, event: &Event) -> Option<bool> {
        let value = self.value.trim_start_matches(['+', '-', ' ']);
        let signs = self.value.get(..self.value.len() - value.len()).unwrap_or_default();
        let lets_in = signs.rfind(['+', '-']).and_then(|at| signs.get(at..=at)) != Some("-");
        let fits = event.header(&self.header)?.eq_ignore_ascii_case(value);
        fits.then_some(lets_in)
    }
}

impl Subscription {
    /// `event plain|json NAME…`: adds the names behind the format. `false` when there is none that is known.
    pub(super) fn add(&mut self, arguments: &str) -> bool {
        let mut words = arguments.split_ascii_whitespace().peekable();
        let format = words.peek().and_then(|word| match word.to_ascii_lowercase().as_str() {
            "plain" => Some(Format::Plain),
            "json" => Some(Format::Json),
            _ => None,
        });
        if let Some(format) = format {
            self.format = format;
            words.next();
        }
        let mut any = false;
        let mut are_subclasses = false;
        for word in words {
            if are_subclasses {
                self.subclasses.insert(word.to_owned());
            } else if word.eq_ignore_ascii_case("all") {
                self.everything = true;
                any = true;
            } else if let Some(name) = known_name(word) {
                self.names.insert(name);
                are_subclasses = name == "CUSTOM";
                any = true;
            }
        }
        any
    }

    /// `nixevent NAME…`: takes names back. `false` when there is none that is known.
    pub(super) fn remove(&mut self, arguments: &str) -> bool {
        let mut any = false;
        let mut are_subclasses = false;
        for word in arguments.split_ascii_whitespace() {
            if are_subclasses {
                self.subclasses.remove(word);
            } else if word.eq_ignore_ascii_case("all") {
                self.clear();
                any = true;
            } else if let Some(name) = known_name(word) {
                self.names.remove(name);
                are_subclasses = name == "CUSTOM";
                any = true;
            }
        }
        any
    }

    /// Takes back all names, but no filter. `false` when there were none.
    pub(super) fn clear(&mut self) -> bool {
        let any = self.everything || !self.names.is_empty();
        self.everything = false;
        self.names.clear();
        self.subclasses.clear();
        any
    }

    pub(super) fn add_filter(&mut self, header: &str, value: &str) {
        self.filters.push(Filter { header: header.to_owned(), value: value.to_owned() });
    }

    /// Removes the filters of a header (of one value, if given), or with `all` every one.
    pub(super) fn remove_filters(&mut self, header: &str, value: Option<&str>) {
        let is_meant = |filter: &Filter| {
            header.eq_ignore_ascii_case("all")
                || (filter.header.eq_ignore_ascii_case(header) && value.is_none_or(|value| filter.value == value))
        };
        self.filters.retain(|filter| !is_meant(filter));
    }

    pub(super) fn hears(&self, event: &Event) -> bool {
        self.is_subscribed(event) && self.passes_filters(event)
    }

    fn is_subscribed(&self, event: &Event) -> bool {
        let Some(name) = event.header("Event-Name") else { return false };
        let subclass = event.header("Event-Subclass");
        self.everything
            || (self.names.contains(name) && subclass.is_none_or(|subclass| self.subclasses.contains(subclass)))
    }

    fn passes_filters(&self, event: &Event) -> bool {
        let mut verdicts = self.filters.iter().filter_map(|filter| filter.verdict(event)).peekable();
        self.filters.is_empty() || (verdicts.peek().is_some() && verdicts.all(|lets_in| lets_in))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> Event {
        Event::new().with("Event-Name", name)
    }

    fn custom(subclass: &str) -> Event {
        Event::new().with("Event-Subclass", subclass).with("Event-Name", "CUSTOM")
    }

    #[test]
    fn what_follows_custom_is_a_subclass() {
        let mut subscription = Subscription::default();
        assert!(subscription.add("json BACKGROUND_JOB CUSTOM sofia::register HEARTBEAT"));
        assert_eq!(subscription.format, Format::Json);
        assert!(subscription.hears(&event("BACKGROUND_JOB")));
        assert!(subscription.hears(&custom("sofia::register")));
        assert!(!subscription.hears(&custom("sofia::expire")));
        assert!(!subscription.hears(&event("HEARTBEAT")));
    }

    #[test]
    fn an_unknown_name_is_passed_over_and_alone_is_an_error() {
        assert!(!Subscription::default().add("plain NOSUCHEVENT"));
        assert!(Subscription::default().add("plain NOSUCHEVENT heartbeat"));
    }

    #[test]
    fn all_means_every_subclass_too() {
        let mut subscription = Subscription::default();
        subscription.add("plain all");
        assert!(subscription.hears(&custom("x::y")));
    }

    #[test]
    fn filters_let_in_or_keep_out() {
        let mut subscription = Subscription::default();
        subscription.add("plain all");
        subscription.add_filter("Event-Name", "HEARTBEAT");
        assert!(subscription.hears(&event("HEARTBEAT")));
        assert!(!subscription.hears(&event("API")));
        subscription.add_filter("Event-Name", "API");
        assert!(subscription.hears(&event("API")));
        subscription.add_filter("event-name", "-API");
        assert!(!subscription.hears(&event("API")));
        subscription.remove_filters("all", None);
        assert!(subscription.hears(&event("API")));
    }
}
