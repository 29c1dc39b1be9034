//! The example projects, each played from its first day to its last: who got which mail when, and what it said.
//!
//! `DRIP_BLESS=1 cargo test --test it examples` writes `expected.txt` anew, to be read before it is committed.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};

use crate::support::eml::{self, Letter};
use crate::support::sandbox::binary;

const ZONE: chrono_tz::Tz = chrono_tz::Asia::Ho_Chi_Minh;

/// When a story begins, how many days it takes, and how often `drip run` is called: from `story.txt`.
struct Story {
    from: DateTime<Utc>,
    days: i64,
    hours: i64,
}

impl Story {
    fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("story.txt")).unwrap();
        let words: Vec<_> = text.split_whitespace().collect();
        // from TIME for DAYS days, a run every HOURS hours
        Self { from: words[1].parse().unwrap(), days: words[3].parse().unwrap(), hours: words[8].parse().unwrap() }
    }

    fn runs(&self) -> impl Iterator<Item = DateTime<Utc>> {
        (0..=self.days * 24 / self.hours).map(|run| self.from + TimeDelta::hours(run * self.hours))
    }
}

fn drip(folder: &Path, now: DateTime<Utc>, words: &[&str]) -> String {
    let now = now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let output = Command::new(binary())
        .env_clear()
        .current_dir(folder)
        .args(["--color", "never", "--now", &now])
        .args(words)
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?} at {now}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Plays a story; returns the mails in the order in which they left: a line each, then their texts.
fn played(folder: &Path) -> String {
    let story = Story::read(folder);
    drip(folder, story.from, &["import", "contacts.csv", "events.csv"]);
    let (mut lines, mut texts) = (String::new(), String::new());
    let mut seen = 0;
    for now in story.runs() {
        drip(folder, now, &["-q", "run"]);
        let database = rusqlite::Connection::open(folder.join("drip.db")).unwrap();
        let mut statement = database
            .prepare(
                "SELECT s.id, v.campaign, v.step, v.email, v.variant, v.message_id FROM v_sends v JOIN sends s ON s.message_id = v.message_id
                 WHERE v.state = 'sent' AND s.id > ?1 ORDER BY s.id",
            )
            .unwrap();
        let text = |row: &rusqlite::Row<'_>, index| row.get::<_, String>(index);
        let rows = statement.query_map([seen], |row| {
            let variant = row.get::<_, Option<String>>(4)?;
            Ok((row.get::<_, i64>(0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?, variant, text(row, 5)?))
        });
        let letters = letters(folder);
        for row in rows.unwrap() {
            let (id, campaign, step, email, variant, message_id) = row.unwrap();
            seen = seen.max(id);
            let Letter { subject, text, .. } = &letters[&message_id];
            let at = now.with_timezone(&ZONE).format("%Y-%m-%d %H:%M");
            let variant = variant.map_or(String::new(), |name| format!(".{name}"));
            lines += &format!("{at}  {email}  {campaign}/{step}{variant}  {subject}\n");
            let title = format!("\n=== {campaign}/{step}{variant} to {email}\nSubject: {subject}\n\n");
            texts += &(title + &without_ids(text.trim_end()) + "\n");
        }
    }
    format!("{lines}{texts}")
}

/// Returns the mails that left, by Message-ID.
fn letters(folder: &Path) -> HashMap<String, Letter> {
    let Ok(mails) = fs::read_dir(folder.join("outbox/new")) else { return HashMap::new() };
    let read = |path: PathBuf| eml::read(&fs::read_to_string(path).unwrap());
    let letters = mails.map(|entry| read(entry.unwrap().path()));
    letters.map(|letter| (letter.message_id.clone(), letter)).collect()
}

/// Takes out what differs from one project to the next: the token in the address to unsubscribe at.
fn without_ids(text: &str) -> String {
    let mut parts = text.split("subject=unsubscribe%20");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |out, rest| {
        let end = rest.find(')').unwrap_or(rest.len());
        format!("{out}subject=unsubscribe%20…{}", &rest[end..])
    })
}

#[expect(clippy::disallowed_methods, reason = "blessing is asked for from outside")]
fn check(name: &str) {
    let example: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let folder = tempfile::tempdir().unwrap();
    copy(&example, folder.path());
    let previews = folder.path().join("previews");
    let looked =
        Command::new(binary()).current_dir(folder.path()).args(["preview", "--all"]).arg(&previews).output().unwrap();
    assert!(looked.status.success(), "{}", String::from_utf8_lossy(&looked.stderr));
    let said = played(folder.path());
    let expected = example.join("expected.txt");
    if std::env::var_os("DRIP_BLESS").is_some() {
        fs::write(&expected, said).unwrap();
        return;
    }
    let expected = fs::read_to_string(&expected).unwrap_or_default();
    for (at, (said, expected)) in said.lines().zip(expected.lines()).enumerate() {
        assert_eq!(said, expected, "line {} of examples/{name}/expected.txt", at + 1);
    }
    assert_eq!(said.lines().count(), expected.lines().count(), "lines in examples/{name}/expected.txt");
}

macro_rules! examples {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                check($name);
            }
        )*

        #[test]
        fn every_example_is_played() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
            let mut there: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().join("drip.yaml").exists())
                .map(|entry| entry.file_name().into_string().unwrap()).collect();
            there.sort();
            let mut played = vec![$($name),*];
            played.sort_unstable();
            assert_eq!(there, played);
        }
    };
}

examples! {
    abandonment: "abandonment",
    b2b_interest: "b2b-interest",
    birthday: "birthday",
    download_follow_up: "download-follow-up",
    life_cycle: "life-cycle",
    reactivation: "reactivation",
    renewal: "renewal",
    trial_onboarding: "trial-onboarding",
}
