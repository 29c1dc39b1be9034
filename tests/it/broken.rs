//! Broken projects, one folder each: what `drip check` says of them stands beside them in `expected.txt`.
//!
//! `DRIP_BLESS=1 cargo test --test it broken` writes the files anew, to be read before they are committed.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::Sandbox;
use crate::support::sandbox::binary;

#[expect(clippy::disallowed_methods, reason = "blessing is asked for from outside")]
fn blessing() -> bool {
    std::env::var_os("DRIP_BLESS").is_some()
}

#[test]
fn every_broken_project_is_told_what_is_wrong_where_and_what_to_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/broken");
    let mut cases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 130, "{} cases", cases.len());
    let mut different = String::new();
    for case in cases {
        let output =
            Command::new(binary()).env_clear().current_dir(&case).args(["--color", "never", "check"]).output().unwrap();
        assert!(output.stdout.is_empty(), "{}", case.display());
        let code = output.status.code().unwrap_or(-1);
        let said = format!("{}exit code {code}\n", String::from_utf8(output.stderr).unwrap());
        let path = case.join("expected.txt");
        if blessing() {
            fs::write(&path, &said).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if said != expected {
            different += &format!("{}\nexpected:\n{expected}\nsaid:\n{said}\n", case.display());
        }
        assert_eq!(code, 3, "{}: {said}", case.display());
    }
    assert!(different.is_empty(), "{different}");
}

/// The line that is shown goes to logs, and cron mails it.
#[test]
fn a_password_in_drip_yaml_is_told_of_and_not_shown() {
    let sandbox = Sandbox::new().campaign("w", "trigger: manual", &["id: hello, send: mail"]);
    for (lines, code, said, shown) in [
        ("imap: { url: \"imaps://lan:s3cret@x.example\" }", 0, "a password stands", "imaps://lan:…@x.example\""),
        ("smtp:\n  url: smtps://lan:s3cret@x.example", 0, "a password stands", "url: smtps://lan:…@x.example"),
        // What is wrong is another thing on the line, or the URL itself, or how the file is written.
        ("imap: { url: imaps://lan:s3cret@x.example, aut: x }", 3, "unknown field `aut`", "aut: x"),
        ("imap: { url: \"imaps://lan:s3cret@x.example:99999\" }", 3, "no valid host and port", "lan:…@x.example:99999"),
        ("smtp: { url: lan:s3cret@x.example }", 3, "has no scheme", "lan:…@x.example"),
        ("smtp: { url: lan:s3cret@smtps://x.example }", 3, "has no scheme", "lan:…@smtps://x.example"),
        ("smtp: { url: smtps://lan:s3,s3cret,cret@x.example }", 3, "the rest of a text", "lan:…@x.example"),
        ("smtp: { url: \"smtps://lan:s3cret@x.example }", 3, "the quote that opens here", "lan:…@x.example"),
    ] {
        sandbox.write("drip.yaml", &format!("from: hello@acme.example\npostal_address: Hà Nội\n{lines}\n"));
        let ended = sandbox.drip(&["check"]).code(code);
        assert!(ended.stderr.contains(said) && ended.stderr.contains(shown), "{lines}: {}", ended.stderr);
        for word in ["s3cret", "cret"] {
            assert!(!ended.stderr.contains(word) && !ended.stdout.contains(word), "{lines}: {}", ended.stderr);
        }
    }
}
