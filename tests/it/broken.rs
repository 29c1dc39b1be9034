//! Broken projects, one folder each: what `drip check` says of them stands beside them in `expected.txt`.
//!
//! `DRIP_BLESS=1 cargo test --test it broken` writes the files anew, to be read before they are committed.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;
use std::process::Command;

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
