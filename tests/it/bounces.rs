//! How well incoming mail is read: against mails that nobody here wrote, and against bytes that are no mail.
//!
//! A sample stands in `fixtures/bounces`. `DRIP_BOUNCES` names a folder of the same form with the whole sets; with
//! `DRIP_INBOUND=write` beside it the measured rows of docs/inbound.md are written anew.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use drip::inbound::{Action, Kind, Permanence, read};
use serde_json::Value;

/// Hard or not, and the class, for each recipient of a mail, as somebody else sees it.
type Rows = Vec<(String, bool)>;

fn folder() -> (PathBuf, bool) {
    let here = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/bounces");
    #[expect(clippy::disallowed_methods, reason = "the whole sets are not in the tree")]
    match std::env::var_os("DRIP_BOUNCES") {
        Some(folder) => (PathBuf::from(folder), true),
        None => (here(), false),
    }
}

fn json(path: &Path) -> serde_json::Map<String, Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let Value::Object(map) = serde_json::from_str(&text).unwrap() else { panic!("{} is no map", path.display()) };
    map
}

/// Every file below a folder but its licences.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else if !["LICENSE", "README.md", ".gitignore"].iter().any(|name| path.ends_with(name))
            && path.extension().is_none_or(|ending| ending != "json")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn kind(path: &Path) -> Kind {
    read(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).kind
}

/// What was right and what there was, by what was asked.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<&'static str, (usize, usize)>,
    misses: Vec<String>,
}

impl Tally {
    fn add(&mut self, what: &'static str, right: usize, of: usize) {
        let count = self.counts.entry(what).or_default();
        *count = (count.0 + right, count.1 + of);
    }

    fn ask(&mut self, what: &'static str, right: bool, miss: impl FnOnce() -> String) {
        self.add(what, usize::from(right), 1);
        if !right {
            self.misses.push(format!("{what}: {}", miss()));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred mails")]
    fn share(&self, what: &str) -> f64 {
        let (right, of) = self.counts.get(what).copied().unwrap_or_default();
        if of == 0 { 1.0 } else { right as f64 / of as f64 }
    }
}

/// Returns drip's rows for a mail, in the words of the labels.
fn rows(kind: &Kind) -> Rows {
    match kind {
        Kind::Report(recipients) => recipients
            .iter()
            .map(|recipient| (recipient.reason.word().replace('_', ""), recipient.permanence == Permanence::Hard))
            .collect(),
        Kind::Complaint { recipients, .. } => vec![("feedback".to_owned(), false); recipients.len().max(1)],
        // What Apple's mail program sends for its reader; the labels have no other word for it.
        Kind::Unsubscribe => vec![("feedback".to_owned(), false)],
        Kind::AutoReply => vec![("vacation".to_owned(), false)],
        _ => Vec::new(),
    }
}

fn sisimai(folder: &Path, tally: &mut Tally) {
    let recipients = json(&folder.join("sisimai-recipients.json"));
    for (file, labels) in json(&folder.join("sisimai-labels.json")) {
        let kind = kind(&folder.join("sisimai").join(&file));
        let expected: Rows = labels
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["reason"].as_str().unwrap().to_owned(), row["hardbounce"].as_bool().unwrap()))
            .collect();
        let found = rows(&kind);
        let hard = |rows: &Rows| rows.iter().filter(|(_, hard)| *hard).count();
        let both = hard(&expected).min(hard(&found));
        tally.add("hard: precision", both, hard(&found));
        tally.add("hard: recall", both, hard(&expected));
        if hard(&found) != hard(&expected) {
            tally.misses.push(format!("hard: {file}: {expected:?}, not {found:?}"));
        }
        let mut left: Vec<&str> = found.iter().map(|(reason, _)| reason.as_str()).collect();
        for (reason, _) in &expected {
            // A complaint about several readers says so once.
            let place = left.iter().position(|known| known == reason);
            let right = place.is_some() || reason == "feedback" && found.iter().any(|(known, _)| known == "feedback");
            place.map(|place| left.remove(place));
            tally.ask("reason", right, || format!("{file}: {reason}, not {found:?}"));
        }
        if let Some(expected) = recipients.get(&file) {
            let Kind::Report(found) = &kind else { panic!("{file} is a report, not {kind:?}") };
            let found: BTreeSet<String> = found.iter().map(|recipient| recipient.address.to_lowercase()).collect();
            let expected = expected.as_array().unwrap().iter();
            let expected: BTreeSet<String> = expected.map(|address| address.as_str().unwrap().to_lowercase()).collect();
            tally.ask("recipient", expected == found, || format!("{file}: {expected:?}, not {found:?}"));
        }
    }
}

fn flufl(folder: &Path, tally: &mut Tally) {
    let folder = folder.join("flufl-bounce");
    let labels = json(&folder.join("labels.json"));
    for (file, detectors) in labels["labels"].as_object().unwrap() {
        let mut expected: BTreeSet<String> = BTreeSet::new();
        let mut temporary = false;
        for found in detectors.as_object().unwrap().values() {
            let addresses = found["addresses"].as_array().unwrap();
            expected.extend(addresses.iter().map(|address| address.as_str().unwrap().to_lowercase()));
            temporary |= !addresses.is_empty() && found["temporary"].as_bool().unwrap();
        }
        let (mut last, mut sent_to, mut delayed) = (BTreeSet::new(), BTreeSet::new(), false);
        if let Kind::Report(recipients) = kind(&folder.join(file)) {
            for recipient in recipients.iter().filter(|one| matches!(one.action, Action::Failed | Action::Delayed)) {
                last.insert(recipient.address.to_lowercase());
                sent_to.insert(recipient.sent_to().to_lowercase());
                delayed |= recipient.action == Action::Delayed;
            }
        }
        // Behind an alias some of its readers name the one address, some the other, some both.
        let all: BTreeSet<String> = last.union(&sent_to).cloned().collect();
        let right = [&last, &sent_to, &all].contains(&&expected);
        let right = right && (expected.is_empty() || delayed == temporary);
        tally.ask("flufl.bounce's set", right, || format!("{file}: {expected:?} {temporary}, not {all:?} {delayed}"));
    }
}

fn bounce_email(folder: &Path, tally: &mut Tally) {
    let folder = folder.join("bounce_email");
    if !folder.exists() {
        return;
    }
    for (file, label) in json(&folder.join("labels.json"))["labels"].as_object().unwrap() {
        let path = folder.join(file);
        let kind = kind(&path);
        let is_report = matches!(kind, Kind::Report(_));
        let bounce = label["is_bounce"].as_bool().unwrap();
        tally.ask("bounce_email's set: bounce or not", is_report == bounce, || format!("{file}: {kind:?}"));
        // Its labels hold codes that its reader made up where the mail has none.
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        let status = label["status"].as_str().filter(|status| status.contains('.') && text.contains(*status));
        if let (Some(status), Kind::Report(recipients)) = (status, &kind) {
            let found = recipients.iter().any(|one| one.status.is_some_and(|found| found.to_string() == status));
            tally.ask("bounce_email's set: status", found, || format!("{file}: {status}, not {kind:?}"));
        }
    }
}

/// Complaints in a folder where each has a reading by somebody else beside it.
fn complaints(folder: &Path, tally: &mut Tally) {
    for path in files(&folder.join("arf")) {
        let reading = read(&fs::read(&path).unwrap());
        let theirs = json(&path.with_extension("json"));
        let Kind::Complaint { recipients, feedback_type } = &reading.kind else {
            tally.ask("complaints", false, || format!("{} is {:?}", path.display(), reading.kind));
            continue;
        };
        let kind = theirs["feedback_type"].as_str().unwrap_or_default().to_lowercase();
        let same = |text: &str| text.replace('-', "");
        let named = theirs.get("original_rcpt_to").and_then(Value::as_array).cloned().unwrap_or_default();
        let named = named.iter().all(|address| {
            let address = address.as_str().unwrap_or_default().trim_matches(['<', '>']);
            recipients.iter().any(|found| found.eq_ignore_ascii_case(address))
        });
        let tied = !recipients.is_empty() || !reading.original.message_ids.is_empty();
        let right = same(feedback_type) == same(&kind) && named && tied;
        tally.ask("complaints", right, || format!("{}: {reading:?}, not {theirs:?}", path.display()));
    }
}

fn answers(folder: &Path, tally: &mut Tally) {
    let mut files = files(&folder.join("replies"));
    files.extend(self::files(&folder.join("../replies")));
    for path in files {
        let body = fs::read(&path).unwrap();
        // Some are texts alone: as they stand, and as the body of an answer.
        let head = "From: Ann <ann@firm.example>\r\nTo: hello@acme.example\r\nSubject: Re: Your trial\r\n\
                    In-Reply-To: <t.1@acme.example>\r\n\r\n";
        for mail in [body.clone(), [head.as_bytes(), &body].concat()] {
            let kind = read(&mail).kind;
            let right = matches!(kind, Kind::Reply | Kind::Other | Kind::Unreadable(_));
            tally.ask("answers by people", right, || format!("{}: {kind:?}", path.display()));
        }
        let kind = read(&[head.as_bytes(), &body].concat()).kind;
        assert_eq!(kind, Kind::Reply, "{}", path.display());
    }
}

#[test]
fn mails_that_nobody_here_wrote_are_read_as_their_labels_say() {
    let (folder, whole) = folder();
    let mut tally = Tally::default();
    sisimai(&folder, &mut tally);
    flufl(&folder, &mut tally);
    bounce_email(&folder, &mut tally);
    complaints(&folder, &mut tally);
    answers(&folder, &mut tally);
    let misses = tally.misses.join("\n  ");
    let least = |what: &str, share: f64| {
        assert!(tally.share(what) >= share, "{what}: {:?} is too few\n  {misses}", tally.counts.get(what));
    };
    // The sample is read without a fault; of the whole sets some labels contradict each other.
    let of_whole = |share: f64| if whole { share } else { 1.0 };
    least("hard: precision", of_whole(0.97));
    least("hard: recall", of_whole(0.92));
    least("reason", of_whole(0.90));
    least("recipient", of_whole(0.98));
    least("flufl.bounce's set", of_whole(115.0 / 116.0));
    least("bounce_email's set: bounce or not", 1.0);
    least("bounce_email's set: status", 1.0);
    least("complaints", 1.0);
    least("answers by people", 1.0);
    if whole {
        in_the_document(&tally);
    }
}

/// Compares the measured rows of docs/inbound.md, or writes them.
fn in_the_document(tally: &Tally) {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/inbound.md");
    let text = fs::read_to_string(&place).unwrap();
    let count = |what: &str| {
        let (right, of) = tally.counts.get(what).copied().unwrap_or_default();
        format!("{:.3} ({right} of {of})", tally.share(what))
    };
    let measured = format!(
        "| drip | {} | {} | {} | {} | {} |",
        count("hard: precision"),
        count("hard: recall"),
        count("reason"),
        count("recipient"),
        tally.counts.get("flufl.bounce's set").map_or(String::new(), |(right, of)| format!("{right} of {of}")),
    );
    let row = text.lines().find(|line| line.starts_with("| drip |")).expect("a row for drip");
    #[expect(clippy::disallowed_methods, reason = "it is asked for at the prompt alone")]
    if std::env::var_os("DRIP_INBOUND").is_some_and(|value| value == "write") {
        fs::write(&place, text.replace(row, &measured)).unwrap();
    } else {
        assert_eq!(row, measured, "docs/inbound.md holds other numbers; `DRIP_INBOUND=write` writes these");
    }
}

#[test]
fn a_mail_that_was_cut_or_bent_is_no_reason_to_panic() {
    let (folder, _) = folder();
    let mut dice = 0x9E37_79B9_7F4A_7C15_u64;
    let mut roll = |sides: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice % sides.max(1) as u64).unwrap()
    };
    let files = files(&folder);
    assert!(files.len() >= 60, "the mails are there: {}", files.len());
    for path in files {
        let whole = fs::read(&path).unwrap();
        for cut in 0..8 {
            read(&whole[..whole.len() * cut / 8]);
        }
        for _ in 0..8 {
            read(&whole[..roll(whole.len())]);
            let mut bent = whole.clone();
            for _ in 0..=roll(40) {
                let (place, bit) = (roll(bent.len()), roll(8));
                if let Some(byte) = bent.get_mut(place) {
                    *byte ^= 1 << bit;
                }
            }
            read(&bent);
        }
    }
}

#[test]
fn mail_made_to_hurt_is_read_to_its_end() {
    const MUCH: usize = 50 * 1024 * 1024;
    let head = "From: MAILER-DAEMON@x.example\nSubject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n";
    let deep = |levels: usize| {
        let mut mail = head.to_owned();
        for level in 0..levels {
            mail += &format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n");
        }
        mail + "Content-Type: text/plain\n\nThis could not be delivered to:\n<ann@firm.example>: user unknown\n"
    };
    let within = |levels: usize| format!("{head}{}", "Content-Type: message/rfc822\n\n".repeat(levels));
    let parts = |piece: &str, many: usize| {
        format!(
            "{head}Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n{}",
            piece.repeat(many)
        )
    };
    let filled = |piece: &str| format!("{head}\n{}", piece.repeat(MUCH / piece.len()));
    for mail in [
        deep(1000),
        deep(20_000),
        within(1000),
        within(100_000),
        parts("--b\n\n", 1_000_000),
        parts("--b\nA: =?utf-8?q?=41?=\n\nx\n", 100_000),
        parts("--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n", 100_000),
        parts(
            "--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\n\n",
            50_000,
        ),
        parts("--b\nContent-Type: text/html\n\n<b><b><!-- <", 100_000),
        filled("a@b.example "),
        filled("<a@b.example>: user unknown\n"),
        filled("@"),
        filled("\""),
        filled("\0"),
        filled("\n"),
        filled("> > > >"),
        filled("From: a\nTo: b\nSubject: c\n\n"),
        filled("=?utf-8?b?"),
        filled("550-5.1.1 5.1.1 "),
        "A: b\n ".to_owned() + &"folded\n ".repeat(MUCH / 8),
        "A: b\n".repeat(MUCH / 5),
        "x".repeat(MUCH),
        ":\n".repeat(MUCH / 2),
    ] {
        read(mail.as_bytes());
    }
    for bytes in [&b""[..], b"\xff\xfe\0\0", b"Subject", b"Content-Type: multipart/mixed; boundary=\"\"\n\n----\n\n--"]
    {
        read(bytes);
    }
}
