//! Certificates that change while clients are connected.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

#[path = "files_stage/log.rs"]
mod log_lines;
mod tls_stage;

use std::fs;
use std::os::unix::fs::symlink;

use log_lines::{lines_with, listen_to_the_log};
use rustls::pki_types::CertificateDer;

use tls_stage::{Pair, Stage, probe, wait_until};

/// The certificate that a new client is shown.
fn shown(stage: &Stage) -> CertificateDer<'static> {
    let mut client = stage.connect();
    probe(&mut client);
    client.conn.peer_certificates().unwrap()[0].clone()
}

fn der(pair: &Pair) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(pair.own.as_bytes()).unwrap()
}

/// Waits until the log has said so much about the stage's files.
fn wait_for_lines(stage: &Stage, text: &str, count: usize) {
    let folder = stage.folder.path("").display().to_string();
    wait_until(|| lines_with(text).iter().filter(|line| line.contains(&folder)).count() >= count);
}

#[test]
fn a_new_certificate_is_for_those_who_come_and_the_others_stay() {
    let stage = Stage::new();
    stage.keep_current();
    let mut before = stage.connect();
    probe(&mut before);
    let renewed = stage.issuer.issue();
    stage.folder.put(&renewed);
    wait_until(|| shown(&stage) == der(&renewed));
    assert!(probe(&mut before).starts_with("HTTP/1.1 200 "));
}

#[test]
fn sessions_of_the_certificate_before_count_no_more() {
    let stage = Stage::new();
    stage.keep_current();
    let config = std::sync::Arc::new(stage.client_config(&[&rustls::version::TLS13]));
    let kind = || {
        let mut client = stage.connect_with(std::sync::Arc::clone(&config));
        probe(&mut client);
        (client.conn.handshake_kind().unwrap(), client.conn.peer_certificates().unwrap()[0].clone())
    };
    kind();
    assert_eq!(kind().0, rustls::HandshakeKind::Resumed);
    let renewed = stage.issuer.issue();
    stage.folder.put(&renewed);
    wait_until(|| kind().1 == der(&renewed));
}

#[test]
fn links_may_be_put_on_other_files() {
    let stage = Stage::new();
    let renewed = stage.issuer.issue();
    stage.folder.write("new-certificate.pem", renewed.chain());
    stage.folder.write("new-key.pem", &renewed.key);
    stage.keep_current();
    for name in ["certificate.pem", "key.pem"] {
        symlink(format!("new-{name}"), stage.folder.path("link")).unwrap();
        fs::rename(stage.folder.path("link"), stage.folder.path(name)).unwrap();
    }
    wait_until(|| shown(&stage) == der(&renewed));
}

#[test]
fn what_cannot_be_used_changes_nothing_and_is_said_once() {
    listen_to_the_log();
    let stage = Stage::new();
    stage.keep_current();
    let before = shown(&stage);
    let (good, broken) = (stage.issuer.issue(), stage.issuer.issue());
    stage.folder.write("key.pem", &broken.key);
    wait_for_lines(&stage, "the key does not belong to the certificate", 1);
    assert_eq!(shown(&stage), before);
    fs::remove_file(stage.folder.path("key.pem")).unwrap();
    wait_for_lines(&stage, "the file is not there", 1);
    assert_eq!(shown(&stage), before);
    stage.folder.put(&good);
    wait_until(|| shown(&stage) == der(&good));
    let folder = stage.folder.path("").display().to_string();
    let said = lines_with("the one before stays").into_iter().filter(|line| line.contains(&folder)).count();
    assert_eq!(said, 2);
}

#[test]
fn what_is_doubtful_about_a_new_certificate_is_said() {
    listen_to_the_log();
    let stage = Stage::new();
    stage.keep_current();
    let expired = stage.issuer.issue_with(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    stage.folder.put(&expired);
    wait_for_lines(&stage, "the certificate has expired at 2020-01-01T00:00:00Z", 1);
}
