//! The operator's own templates: they are fit, and each has its use.

use std::path::Path;

use super::findings::{Finding, listed};
use crate::templates;

/// What is wrong with the templates in `folder`. `profiles` are those of `conference.conf`; none are known if the tree
/// cannot be read. A profile without a template of its own is fine: there is one for all others.
pub(super) fn findings(folder: Option<&Path>, profiles: &[String]) -> Vec<Finding> {
    let Some(folder) = folder else { return Vec::new() };
    if let Err(error) = templates::load(Some(folder)) {
        let remedy = "mend it, or take it out of the folder of templates";
        return vec![Finding::in_file(folder.to_string_lossy(), error.to_string(), remedy)];
    }
    let own = templates::own_profiles(folder).unwrap_or_default();
    let unused = own.into_iter().filter(|profile| !profiles.is_empty() && !profiles.contains(profile));
    let finding = |profile: String| {
        Finding::in_file(
            folder.join(format!("conference/{profile}.xml")).to_string_lossy(),
            "conference.conf has no profile of this name, so that this template is never used",
            format!("name it after one ({}), or write that profile", listed(profiles)),
        )
        .noted_if(true)
    };
    unused.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_template_for_a_profile_that_does_not_exist_is_told_and_a_profile_without_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("conference")).unwrap();
        let (_, text) = fsconnector_templates::ALL.iter().find(|(name, _)| *name == "conference/default.xml").unwrap();
        for name in ["default", "wide", "wode"] {
            fs::write(folder.path().join(format!("conference/{name}.xml")), text).unwrap();
        }
        let found = findings(Some(folder.path()), &["wide".to_owned(), "narrow".to_owned()]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].file.ends_with("/conference/wode.xml"), "{found:?}");
        assert_eq!(
            found[0].to_string(),
            "note: conference.conf has no profile of this name, so that this template is never used — name it after one \
             (`wide`, `narrow`), or write that profile"
        );
        assert_eq!(findings(Some(folder.path()), &[]), [], "the profiles are not known");
        assert_eq!(findings(None, &["wide".to_owned()]), []);
    }

    #[test]
    fn a_template_that_cannot_be_used_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("user.xml"), "{id").unwrap();
        let found = findings(Some(folder.path()), &[]);
        assert!(found[0].what.contains("user.xml") && found[0].what.contains("line 1"), "{found:?}");
    }
}
