//! The text format of OpenMetrics 1.0, read strictly.

use std::collections::BTreeMap;

/// All samples, by their names and labels as they are written; of histograms, the sums and counts.
#[derive(Debug)]
pub(crate) struct Samples(BTreeMap<String, f64>);

/// What is said about a name before its samples.
#[derive(Debug, Default)]
struct Family {
    name: String,
    kind: Option<String>,
    unit: Option<String>,
    help: Option<String>,
    /// Of the histogram whose buckets come: the last one so far.
    bucket: Option<(f64, f64)>,
}

impl Samples {
    /// Panics if the text is not as the specification wants it.
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {text}"));
        let mut samples = BTreeMap::new();
        let mut families: Vec<Family> = Vec::new();
        for line in lines.lines() {
            if let Some(metadata) = line.strip_prefix("# ") {
                let mut words = metadata.splitn(3, ' ');
                let (what, name, value) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
                if families.last().is_none_or(|last| last.name != name) {
                    assert!(families.iter().all(|family| family.name != name), "{name} comes twice");
                    assert!(is_name(name), "{line}");
                    families.push(Family { name: name.into(), ..Family::default() });
                }
                families.last_mut().unwrap().describe(what, value);
            } else {
                let (sample, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                let family = families.last_mut().unwrap_or_else(|| panic!("{line}"));
                if let Some(sample) = family.sample(sample, value) {
                    assert!(samples.insert(sample, value).is_none(), "{line} comes twice");
                }
            }
        }
        Self(samples)
    }

    /// The value of a sample; the prefix that all have is left out, and so it is with what was never counted.
    pub(crate) fn of(&self, sample: &str) -> f64 {
        self.0.get(&format!("fsconnector_{sample}")).copied().unwrap_or(0.0)
    }

    /// Whether there is a sample of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        let is_name = |sample: &String| sample.split('{').next() == Some(name);
        self.0.keys().any(is_name)
    }

    /// How often this route was answered.
    pub(crate) fn requests(&self, method: &str, route: &str, status: u16) -> f64 {
        self.of(&format!("http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"))
    }

    /// How many more requests were answered than before, of all routes together.
    pub(crate) fn requests_beyond(&self, before: &Self) -> f64 {
        let sum = |of: &Self| -> f64 {
            of.0.iter().filter(|(name, _)| name.starts_with("fsconnector_http_requests_total")).map(|(_, n)| n).sum()
        };
        sum(self) - sum(before)
    }
}

impl Family {
    fn describe(&mut self, what: &str, value: &str) {
        let place = match what {
            "HELP" => &mut self.help,
            "TYPE" => &mut self.kind,
            "UNIT" => &mut self.unit,
            other => panic!("# {other}"),
        };
        assert!(place.replace(value.into()).is_none(), "{what} of {} comes twice", self.name);
    }

    /// The name of a sample, if it is to be kept.
    fn sample(&mut self, sample: &str, value: f64) -> Option<String> {
        let Self { name, kind, unit, help, .. } = &*self;
        assert!(help.as_ref().is_some_and(|help| help.len() > 5 && help.ends_with('.')), "{name} has no help");
        assert!(unit.as_ref().is_none_or(|unit| name.ends_with(&format!("_{unit}"))), "{name} without {unit:?}");
        let (full, labels) = sample.split_once('{').map_or((sample, ""), |(full, labels)| (full, labels));
        let labels = read_labels(labels);
        let suffix = full.strip_prefix(name.as_str()).unwrap_or_else(|| panic!("{sample} is not of {name}"));
        match (kind.as_deref(), suffix) {
            (Some("counter"), "_total") => assert!(value >= 0.0, "{sample}"),
            (Some("gauge"), "") | (Some("histogram"), "_sum") => (),
            (Some("info"), "_info") => assert!((value - 1.0).abs() < f64::EPSILON),
            (Some("histogram"), "_count") => self.bucket = None,
            (Some("histogram"), "_bucket") => {
                let bound = labels.iter().find(|(name, _)| *name == "le").unwrap().1;
                let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
                let (last_bound, last) = self.bucket.unwrap_or((0.0, 0.0));
                assert!(bound > last_bound && value >= last, "{sample}");
                self.bucket = (bound < f64::INFINITY).then_some((bound, value));
                return None;
            }
            other => panic!("{sample}: {other:?}"),
        }
        Some(sample.to_owned())
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// What stands between the braces; it holds no quotes that would have to be escaped.
fn read_labels(text: &str) -> Vec<(&str, &str)> {
    if text.is_empty() {
        return Vec::new();
    }
    let labels = text.strip_suffix("\"}").unwrap_or_else(|| panic!("{text}"));
    let labels = labels.split("\",").map(|label| label.split_once("=\"").unwrap_or_else(|| panic!("{text}")));
    labels.inspect(|(name, value)| assert!(is_name(name) && !value.contains(['"', '\\']), "{text}")).collect()
}
