//! `drip doctor` in a project that is set up well, and in ones where a thing is wrong: with a relay, a name server, a proxy and
//! `drip serve` that really answer.

#![allow(clippy::unwrap_used, reason = "a test")]

mod here;
mod names;
mod relay;
mod web;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::documents::{blocks, document};
use crate::support::Sandbox;
use crate::support::dns::DnsServer;
use crate::support::front::{Front, Way, support};
use crate::support::server::Server;
use crate::support::smtp::{Script, SmtpServer};

const PASSWORD: &str = "s3cret";

/// A project that is set up as it should be, with everything around it.
struct Clinic {
    sandbox: Sandbox,
    relay: SmtpServer,
    names: DnsServer,
    server: Server,
    front: Front,
}

fn over_tls() -> Script {
    Script::new().offering("AUTH PLAIN").tls(support("relay.pem"), support("relay.key"), true)
}

impl Clinic {
    fn new() -> Self {
        Self::with_relay(over_tls())
    }

    fn with_relay(script: Script) -> Self {
        let relay = SmtpServer::start(script);
        let names = DnsServer::start(&[
            ("acme.example", "TXT v=spf1 include:_spf.relay.example -all"),
            ("acme.example", "TXT google-site-verification=1"),
            ("_spf.relay.example", "TXT v=spf1 ip4:192.0.2.0/24 -all"),
            ("_dmarc.acme.example", "TXT v=DMARC1; p=quarantine; rua=mailto:dmarc@acme.example"),
            ("acme.example", "MX mx1.acme.example"),
            ("mx1.acme.example", "A 192.0.2.9"),
        ]);
        names.add("drip1._domainkey.acme.example", &format!("TXT {}", record()));
        let sandbox = Sandbox::new()
            .settings("public_url: http://localhost")
            .campaign("w", "trigger: manual", &["id: hello, send: mail"])
            .file("keys/dkim.pem", &fs::read_to_string(support("dkim.pem")).unwrap());
        chmod(&sandbox, "keys/dkim.pem", 0o600);
        sandbox.drip(&["run"]).code(0);
        let server = Server::start(&sandbox);
        let front = Front::start(&Way::Through(server.port()));
        let clinic = Self { sandbox, relay, names, server, front };
        clinic.set_up(&clinic.front.url(), "");
        clinic.program("crontab", &format!("*/5 * * * * cd {} && bin/drip -q run", clinic.sandbox.path("").display()));
        clinic.program("drip", "");
        clinic.program("timedatectl", "yes");
        clinic
    }

    /// Writes drip.yaml with another web address, and these lines more.
    fn set_up(&self, url: &str, more: &str) {
        let port = self.relay.port();
        self.sandbox.write(
            "drip.yaml",
            &format!(
                "from: Acme <hello@acme.example>\nbounce_address: bounces@acme.example\npostal_address: 12 Lý Thường Kiệt, Hà Nội\n\
                 public_url: {url}\ndkim: {{ selector: drip1, key_file: keys/dkim.pem }}\n\
                 smtp: {{ url: \"smtps://acme@127.0.0.1:{port}\", password_command: \"echo {PASSWORD}\" }}\n{more}"
            ),
        );
    }

    /// Puts a program in the way of the system's, which prints this.
    fn program(&self, name: &str, says: &str) {
        self.sandbox.write(&format!("bin/{name}"), &format!("#!/bin/sh\n/bin/cat <<'END'\n{says}\nEND\n"));
        chmod(&self.sandbox, &format!("bin/{name}"), 0o755);
    }

    fn ask(&self, words: &[&str]) -> crate::support::sandbox::Ended {
        self.ask_with(&[], words)
    }

    fn ask_with(&self, variables: &[(&str, &str)], words: &[&str]) -> crate::support::sandbox::Ended {
        let bin = format!("{}:/usr/bin:/bin", self.sandbox.path("bin").display());
        let authority = support("authority.pem").display().to_string();
        let all = [&[("PATH", bin.as_str()), ("SSL_CERT_FILE", authority.as_str())], variables].concat();
        let address = self.names.address();
        let ended = self.sandbox.drip_with(&all, &[&["doctor", "--resolver", &address], words].concat());
        assert!(!ended.stdout.contains(PASSWORD) && !ended.stderr.contains(PASSWORD), "{}", ended.stdout);
        ended
    }

    /// Asserts what one check comes to, and how drip ends.
    #[track_caller]
    fn finds(&self, check: &str, verdict: &str, said: &str, advice: &str) {
        let ended = self.ask(&["--format", "json"]);
        expect(&ended.stdout, check, verdict, said, advice);
        assert_eq!(ended.code, if ended.stdout.contains("\"verdict\": \"wrong\"") { 6 } else { 0 });
    }
}

/// Asserts what one check came to.
#[track_caller]
fn expect(json: &str, check: &str, verdict: &str, said: &str, advice: &str) {
    let report: Value = serde_json::from_str(json).unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().filter(|finding| finding["check"] == check).any(|finding| {
        text(finding, "verdict") == verdict
            && text(finding, "found").contains(said)
            && text(finding, "advice").contains(advice)
    });
    assert!(found, "{check} is not `{verdict}` with `{said}` and `{advice}`:\n{json}");
}

/// The record of the key that the project signs with, as openssl shows it.
fn record() -> String {
    format!("v=DKIM1; k=rsa; p={}", fs::read_to_string(support("dkim.public")).unwrap())
}

fn chmod(sandbox: &Sandbox, path: &str, mode: u32) {
    fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

/// Replaces what differs from run to run.
fn steady(clinic: &Clinic, text: &str) -> String {
    let folder = fs::canonicalize(clinic.sandbox.path("")).unwrap().display().to_string();
    let mut text = text
        .replace(&folder, "/srv/tea-shop")
        .replace(&clinic.sandbox.path("").display().to_string(), "/srv/tea-shop/");
    text =
        text.replace(&clinic.relay.port().to_string(), "465").replace(&clinic.front.url(), "https://mail.acme.example");
    let words = text.split_inclusive('\n').map(|line| match line {
        line if line.contains(" MB are free") => "  ok        disk         56,875 MB are free\n".to_owned(),
        line if line.contains("last run") => "  ok        last run     2 min ago\n".to_owned(),
        line => line.to_owned(),
    });
    words.collect()
}

#[test]
fn all_is_well_where_everything_is_set_up() {
    let clinic = Clinic::new();
    let before = whole(&clinic.sandbox);
    let ended = clinic.ask(&[]).code(0);
    insta::assert_snapshot!(steady(&clinic, &ended.stdout));
    assert_eq!(ended.stderr, "");
    // Nothing was sent, and nothing changed.
    assert_eq!(clinic.relay.mails().len() + clinic.relay.count("MAIL"), 0, "{:?}", clinic.relay.commands());
    assert_eq!(clinic.relay.count("QUIT"), 1);
    assert_eq!(whole(&clinic.sandbox), before);
    // The key is too long for UDP, and came all the same.
    assert!(clinic.names.questions_by_tcp() > 0);
    let report: Value = serde_json::from_str(&clinic.ask(&["--format", "json"]).code(0).stdout).unwrap();
    assert_eq!((&report["ok"], &report["wrong"]), (&Value::Bool(true), &Value::from(0)));
    let again: Value = serde_json::from_str(&clinic.ask(&["--json"]).code(0).stdout).unwrap();
    let checks = |report: &Value| report["checks"].as_array().unwrap().len();
    assert_eq!((checks(&report), checks(&again)), (20, 20));
}

#[test]
fn the_page_about_it_shows_what_it_prints() {
    let mut clinic = Clinic::new();
    clinic.names.set("_dmarc.acme.example", &[]);
    let redirect = "308 Permanent Redirect\nLocation: https://www.acme.example/u/";
    clinic.front = Front::start(&Way::PostAnswered(redirect, clinic.server.port()));
    clinic.set_up(&clinic.front.url(), "");
    let said = steady(&clinic, &clinic.ask(&[]).code(6).stdout);
    let page = document("docs/doctor.md");
    let shown = blocks(&page, "console");
    let (command, shown) = shown[0].split_once('\n').unwrap();
    assert_eq!((command, shown), ("$ drip -C /srv/tea-shop doctor", said.as_str()));
    // Each check stands in its table.
    for line in said.lines().filter(|line| line.starts_with("  ") && !line.contains('→')) {
        let check = line[12..23].trim();
        let rows = page.lines().filter_map(|row| row.strip_prefix("| ")?.split(" | ").next());
        assert!(rows.flat_map(|names| names.split(", ")).any(|name| name == check), "`{check}` is not explained");
    }
}

/// The number of rows of every table, and what lies in the folder.
fn whole(sandbox: &Sandbox) -> Vec<String> {
    let tables = sandbox.sql("SELECT name FROM sqlite_schema WHERE type = 'table'");
    let mut all: Vec<String> =
        tables.iter().flat_map(|table| sandbox.sql(&format!("SELECT count(*) FROM {table}"))).collect();
    let mut names: Vec<String> = fs::read_dir(sandbox.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    all.extend(names);
    all
}
