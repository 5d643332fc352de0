//! Certificates as they come: what is wrong with them is said, and what to do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod tls_stage;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, SystemTime};

use fsconnector_http::{Certificate, CertificateFault, Doubt, Fault};
use rcgen::CertificateParams;

use tls_stage::{Folder, HOST, Issuer, Pair, fixture};

/// Loads these files.
fn load(certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Certificate, CertificateFault> {
    let folder = Folder::new();
    folder.write("certificate.pem", certificate);
    folder.write("key.pem", key);
    Certificate::load(&folder.files())
}

/// Which of the two files is at fault, and for what.
#[track_caller]
fn refused(certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> (String, Fault) {
    let CertificateFault { file, fault } = load(certificate, key).unwrap_err();
    (file.file_stem().unwrap().to_string_lossy().into_owned(), fault)
}

#[track_caller]
fn check_certificate(certificate: impl AsRef<[u8]>, expected: Fault) {
    assert_eq!(refused(certificate, fixture("ec-sec1-key.pem")), ("certificate".into(), expected));
}

#[track_caller]
fn check_key(key: impl AsRef<[u8]>, expected: Fault) {
    assert_eq!(refused(fixture("ec.pem"), key), ("key".into(), expected));
}

fn der(pem: &str) -> Vec<u8> {
    use rustls::pki_types::pem::{PemObject as _, SectionKind};
    <(SectionKind, Vec<u8>)>::from_pem_slice(pem.as_bytes()).unwrap().1
}

fn pair() -> Pair {
    Issuer::new().issue()
}

#[test]
fn keys_are_taken_in_all_three_forms() {
    for (certificate, key) in
        [("rsa.pem", "rsa-pkcs8-key.pem"), ("rsa.pem", "rsa-pkcs1-key.pem"), ("ec.pem", "ec-sec1-key.pem")]
    {
        load(fixture(certificate), fixture(key)).unwrap_or_else(|fault| panic!("{key}: {fault}"));
    }
    let pair = pair();
    load(pair.chain(), &pair.key).unwrap();
}

#[test]
fn certificate_and_key_may_be_in_one_file_in_any_order_and_with_text_between() {
    let Pair { own, issuers, key } = pair();
    for both in [
        format!("{own}{issuers}{key}"),
        format!("\u{feff}{key}{own}{issuers}"),
        format!("Subject: somebody\r\n{}\r\nIssuer: somebody\r\n{issuers}{key}", own.replace('\n', "\r\n")),
    ] {
        load(&both, &both).unwrap();
    }
}

#[test]
fn of_several_keys_the_one_that_fits_is_taken() {
    let (pair, other) = (pair(), pair());
    load(pair.chain(), format!("{}{}", other.key, pair.key)).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let folder = Folder::new();
    let pair = pair();
    let fault = |folder: &Folder| Certificate::load(&folder.files()).unwrap_err();
    let missing = fault(&folder);
    assert_eq!((missing.file, missing.fault), (folder.path("certificate.pem"), Fault::Missing));
    folder.write("certificate.pem", pair.chain());
    let missing = fault(&folder);
    assert_eq!((missing.file, missing.fault), (folder.path("key.pem"), Fault::Missing));
    std::os::unix::fs::symlink("nowhere", folder.path("key.pem")).unwrap();
    assert_eq!(fault(&folder).fault, Fault::Missing);
    fs::remove_file(folder.path("key.pem")).unwrap();
    fs::create_dir(folder.path("key.pem")).unwrap();
    assert_eq!(fault(&folder).fault, Fault::NoFile);
    fs::remove_dir(folder.path("key.pem")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.path("key.pem")).status().unwrap().success());
    assert_eq!(fault(&folder).fault, Fault::NoFile);
}

#[test]
fn a_file_that_may_not_be_read_is_told() {
    let folder = Folder::new();
    folder.put(&pair());
    fs::set_permissions(folder.path("key.pem"), fs::Permissions::from_mode(0o000)).unwrap();
    // Who is root may read everything.
    if fs::read(folder.path("key.pem")).is_err() {
        assert_eq!(Certificate::load(&folder.files()).unwrap_err().fault, Fault::Forbidden);
    }
}

#[test]
fn what_is_no_pem_is_told_for_what_it_is() {
    let pair = pair();
    check_certificate("", Fault::Empty);
    check_certificate(" \n\r\n", Fault::Empty);
    check_certificate("certificate", Fault::NoPem);
    check_certificate([0x30], Fault::NoPem);
    check_certificate([0xff; 1000], Fault::NoPem);
    check_certificate(vec![b'x'; 2 << 20], Fault::TooLarge);
    check_certificate(der(&pair.own), Fault::DerCertificate);
    check_certificate(der(&pair.key), Fault::KeyInItsPlace);
    check_certificate(fixture("archive.p12"), Fault::Archive);
    check_key("", Fault::Empty);
    check_key("key", Fault::NoPem);
    check_key(der(&pair.key), Fault::DerKey);
    check_key(der(&String::from_utf8(fixture("rsa-pkcs1-key.pem")).unwrap()), Fault::DerKey);
    check_key(der(&pair.own), Fault::CertificateInItsPlace);
    check_key(fixture("archive.p12"), Fault::Archive);
}

#[test]
fn one_file_in_the_place_of_the_other_is_told() {
    check_certificate(fixture("ec-sec1-key.pem"), Fault::KeyInItsPlace);
    check_certificate(fixture("encrypted-pkcs8-key.pem"), Fault::KeyInItsPlace);
    check_key(fixture("ec.pem"), Fault::CertificateInItsPlace);
    check_certificate(fixture("request.pem"), Fault::NoCertificate(vec!["CERTIFICATE REQUEST".into()]));
    check_key(fixture("request.pem"), Fault::NoKey(vec!["CERTIFICATE REQUEST".into()]));
}

#[test]
fn an_encrypted_key_is_told() {
    check_key(fixture("encrypted-pkcs8-key.pem"), Fault::Encrypted);
    check_key(fixture("encrypted-openssl-key.pem"), Fault::Encrypted);
}

#[test]
fn a_damaged_piece_is_told() {
    let pair = pair();
    let cut = |text: &str, at: usize| text[..at].to_owned();
    check_certificate(cut(&pair.own, pair.own.len() / 2), Fault::Damaged);
    check_certificate(pair.own.replacen("MII", "M!!", 1), Fault::Damaged);
    check_key(cut(&pair.key, pair.key.len() / 2), Fault::Damaged);
    // Some base64 is lost.
    let without_a_line = |text: &str| {
        let lines: Vec<&str> =
            text.lines().enumerate().filter(|(number, _)| *number != 2).map(|(_, line)| line).collect();
        lines.join("\n")
    };
    assert_eq!(refused(without_a_line(&pair.own), &pair.key).1, Fault::Malformed(1));
    let second = format!("{}{}", pair.own, without_a_line(&pair.issuers));
    assert_eq!(refused(second, &pair.key).1, Fault::Malformed(2));
    assert_eq!(refused(&pair.own, without_a_line(&pair.key)).1, Fault::UnsuitableKey);
    check_certificate(fixture("version1.pem"), Fault::Malformed(1));
}

#[test]
fn a_key_that_does_not_belong_to_the_certificate_is_told() {
    let folder = Folder::new();
    let (pair, other) = (pair(), pair());
    folder.put(&pair);
    folder.write("key.pem", &other.key);
    let fault = Certificate::load(&folder.files()).unwrap_err();
    let certificate = folder.path("certificate.pem");
    assert_eq!(fault.fault, Fault::ForeignKey(certificate.clone()));
    let text = format!(
        "{}: the key does not belong to the certificate in {}: name the key that the certificate was requested with",
        folder.path("key.pem").display(),
        certificate.display()
    );
    assert_eq!(fault.to_string(), text);
    assert_eq!(refused(fixture("rsa.pem"), &pair.key).0, "key");
}

#[test]
fn a_key_of_a_kind_that_is_not_supported_is_told() {
    assert_eq!(refused(fixture("p521.pem"), fixture("p521-key.pem")), ("key".into(), Fault::UnsuitableKey));
}

#[test]
fn a_chain_in_the_wrong_order_is_told() {
    let issuer = Issuer::new();
    let Pair { own, issuers, key } = issuer.issue();
    let root = issuer.root_pem();
    load(format!("{own}{issuers}{root}"), &key).unwrap();
    let order = |text: String| refused(text, &key);
    assert_eq!(order(format!("{issuers}{own}")), ("certificate".into(), Fault::NotFirst(2)));
    assert_eq!(order(format!("{root}{issuers}{own}")), ("certificate".into(), Fault::NotFirst(3)));
    assert_eq!(order(format!("{own}{root}{issuers}")), ("certificate".into(), Fault::OutOfOrder(2)));
    assert_eq!(order(format!("{own}{issuers}{own}")), ("certificate".into(), Fault::OutOfOrder(3)));
}

#[test]
fn no_fault_shows_anything_of_a_key() {
    let pair = pair();
    let secret: String = pair.key.lines().nth(1).unwrap().into();
    for (certificate, key) in [(&pair.key, &pair.key), (&pair.own, &pair.key.replacen("MIG", "!!!", 1))] {
        let fault = load(certificate, key).unwrap_err();
        assert!(!format!("{fault} {fault:?}").contains(&secret[10..30]), "{fault}");
    }
    let certificate = load(pair.chain(), &pair.key).unwrap();
    assert!(!format!("{certificate:?} {certificate}").contains(&secret[10..30]));
}

/// What is doubtful about a certificate, on a day of 2026.
fn doubts(change: impl FnOnce(&mut CertificateParams), host: &str) -> Vec<Doubt> {
    let pair = Issuer::new().issue_with(|params| {
        params.not_before = rcgen::date_time_ymd(2026, 5, 1);
        params.not_after = rcgen::date_time_ymd(2026, 7, 30);
        change(params);
    });
    let certificate = load(pair.chain(), &pair.key).unwrap();
    certificate.doubts(Some(host), today()).into_iter().map(|doubt| doubt.doubt).collect()
}

/// 2026-06-15.
fn today() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_781_481_600)
}

#[test]
fn a_certificate_for_the_right_host_at_the_right_time_is_beyond_doubt() {
    assert_eq!(doubts(|_| {}, HOST), []);
}

#[test]
fn a_certificate_at_the_wrong_time_is_doubtful() {
    let time = |text: &str| text.parse().unwrap();
    let of = |from: (i32, u8, u8), until: (i32, u8, u8)| {
        let date = |(year, month, day)| rcgen::date_time_ymd(year, month, day);
        doubts(|params| (params.not_before, params.not_after) = (date(from), date(until)), HOST)
    };
    assert_eq!(of((2026, 6, 16), (2026, 9, 1)), [Doubt::NotYetValid(time("2026-06-16T00:00:00Z"))]);
    assert_eq!(of((2026, 3, 1), (2026, 6, 14)), [Doubt::Expired(time("2026-06-14T00:00:00Z"))]);
    assert_eq!(of((2026, 3, 20), (2026, 6, 18)), [Doubt::ExpiresSoon(time("2026-06-18T00:00:00Z"))]);
    assert_eq!(of((2026, 6, 12), (2026, 6, 18)), []);
}

#[test]
fn a_certificate_for_another_host_is_doubtful() {
    let other = |names: &[&str], host: &str| {
        let names = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        doubts(|params| params.subject_alt_names = names.subject_alt_names, host)
    };
    for (names, host) in [
        (&["*.example.org"][..], HOST),
        (&["a.example", HOST], "CONF.example.org"),
        (&["192.0.2.1"], "192.0.2.1"),
        (&["2001:db8::1"], "2001:db8::1"),
    ] {
        assert_eq!(other(names, host), [], "{names:?} {host}");
    }
    for (names, host) in [
        (&["*.example.org"][..], "example.org"),
        (&["a.example", "192.0.2.1"], HOST),
        (&[HOST], "192.0.2.1"),
        (&[], HOST),
    ] {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let expected = Doubt::OtherHost { host: host.into(), names: names.clone() };
        assert_eq!(other(&names.iter().map(String::as_str).collect::<Vec<_>>(), host), [expected]);
    }
}

#[test]
fn a_certificate_without_that_of_its_issuer_is_doubtful_if_that_is_to_be_had() {
    let doubts = |certificate: &str| {
        let certificate = load(fixture(certificate), fixture("ec-sec1-key.pem")).unwrap();
        certificate.doubts(Some(HOST), SystemTime::now()).into_iter().map(|doubt| doubt.doubt).collect::<Vec<_>>()
    };
    assert_eq!(doubts("issued.pem"), [Doubt::NoChain]);
    assert_eq!(doubts("ec.pem"), []);
}

#[test]
fn a_key_that_everybody_can_read_is_doubtful() {
    let folder = Folder::new();
    folder.put(&pair());
    fs::set_permissions(folder.path("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let doubts = Certificate::load(&folder.files()).unwrap().doubts(Some(HOST), SystemTime::now());
    assert_eq!(doubts.len(), 1, "{doubts:?}");
    let path = folder.path("key.pem");
    let text = format!("{0}: everybody on this computer can read the key: chmod o= {0}", path.display());
    assert_eq!(doubts[0].to_string(), text);
}

#[test]
fn no_change_of_a_character_makes_anything_panic() {
    let Pair { own, key, .. } = pair();
    for text in [&own, &key] {
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'/' } else { b'A' };
            let (certificate, key) =
                if *text == own { (&changed, key.as_bytes()) } else { (&own.clone().into_bytes(), &*changed) };
            // Some changes do not matter, such as those in the signature.
            let _ = load(certificate, key).map(|certificate| certificate.doubts(Some(HOST), today()));
        }
    }
}
