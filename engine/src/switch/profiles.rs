//! `xml_locate configuration configuration name conference.conf`: the names of the conference profiles.

use std::collections::BTreeSet;

use super::Trouble;
use super::xml::{Element, Path, Visitor, walk};

/// Reads the names, each once, in their order.
pub(super) fn read(answer: &[u8]) -> Result<Vec<String>, Trouble> {
    let mut profiles = Profiles::default();
    walk(answer, "configuration", &mut profiles)?;
    Ok(profiles.in_order)
}

#[derive(Default)]
struct Profiles {
    in_order: Vec<String>,
    known: BTreeSet<String>,
}

impl Visitor for Profiles {
    fn open(&mut self, around: Path<'_>, element: Element<'_>) {
        if element.name() == "profile" && around.is(&["configuration", "profiles"]) {
            let name = element.value("name").into_owned();
            if !name.is_empty() && self.known.insert(name.clone()) {
                self.in_order.push(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_profile_is_listed_once() {
        let answer = br#"<configuration name="conference.conf"><profile name="outside"></profile><profiles>
            <profile name="16kHz-novideo"><param name="rate" value="16000"></param></profile>
            <profile></profile><profile name="&#xFC;ml"></profile><profile name="16kHz-novideo"></profile>
        </profiles></configuration>"#;
        assert_eq!(read(answer).unwrap(), ["16kHz-novideo", "üml"]);
    }
}
