//! The certificate that this program is to show, and its key.

use std::path::Path;
use std::time::SystemTime;

use fsconnector_http::Certificate;

use super::findings::Finding;
use crate::settings::{Host, Http};

/// What is wrong with them, or may be; nothing if none is configured. `of_switch` is what the switch calls itself, if it could
/// be asked: that is where phones are sent if no other name is configured.
pub(super) fn findings(http: &Http, of_switch: Option<&str>, now: SystemTime) -> Vec<Finding> {
    let Some(files) = &http.tls else { return Vec::new() };
    let finding = |file: &Path, what: &dyn ToString, remedy: String| {
        Finding::in_file(file.to_string_lossy(), what.to_string(), remedy)
    };
    match Certificate::load(files) {
        Err(fault) => vec![finding(&fault.file, &fault.fault, fault.remedy())],
        Ok(certificate) => {
            let host = match &http.reach.host {
                Host::Named(hostname) => Some(hostname.host()),
                Host::OfSwitch => of_switch,
                Host::WhereItListens => None,
            };
            let doubts = certificate.doubts(host, now).into_iter();
            doubts.map(|doubt| finding(&doubt.file, &doubt.doubt, doubt.remedy())).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::self_signed;
    use crate::settings::{Hostname, Settings};

    /// What is found for a self-signed certificate for these hosts, if that name is configured.
    fn found(hosts: &[&str], hostname: &str, spoil: impl FnOnce(&Path)) -> Vec<String> {
        found_at(hosts, Host::Named(Hostname::parse(hostname).unwrap()), spoil)
    }

    fn found_at(hosts: &[&str], host: Host, spoil: impl FnOnce(&Path)) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let files = self_signed::write(folder.path(), hosts).unwrap();
        spoil(folder.path());
        let mut http = Settings::for_demo(0, ([127, 0, 0, 1], 8021).into(), folder.path()).unwrap().http;
        http.tls = Some(files);
        http.reach.host = host;
        let findings = findings(&http, Some("switch.example"), SystemTime::now()).into_iter();
        let prefix = format!("{}/", folder.path().display());
        findings.map(|finding| format!("{} {finding}", finding.file.trim_start_matches(&prefix))).collect()
    }

    #[test]
    fn a_certificate_for_the_host_is_fine() {
        assert_eq!(found(&["a.example"], "a.example:3000", |_| {}), [""; 0]);
        assert_eq!(found(&["::1"], "[::1]:3000", |_| {}), [""; 0]);
    }

    #[test]
    fn a_certificate_for_another_host_is_told() {
        let expected = "certificate.pem the certificate is for a.example, 127.0.0.1, not for b.example — \
                        clients refuse it; correct `hostname`, or have a certificate made for it";
        assert_eq!(found(&["a.example", "127.0.0.1"], "b.example", |_| {}), [expected]);
    }

    #[test]
    fn without_a_configured_host_the_certificate_has_to_be_for_that_of_the_switch() {
        assert_eq!(found_at(&["switch.example"], Host::OfSwitch, |_| {}), [""; 0]);
        let [found] = &found_at(&["a.example"], Host::OfSwitch, |_| {})[..] else { panic!() };
        assert!(found.contains("is for a.example, not for switch.example"), "{found}");
        assert_eq!(found_at(&["a.example"], Host::WhereItListens, |_| {}), [""; 0]);
    }

    #[test]
    fn a_missing_key_is_told() {
        let expected = "key.pem the file is not there — correct the path under [http], or put the file there";
        let remove = |folder: &Path| fs::remove_file(folder.join("key.pem")).unwrap();
        assert_eq!(found(&["a.example"], "a.example", remove), [expected]);
    }
}
