//! The ways by which `drip inbound` gets at messages: what is long, what others write to at the same time.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use crate::inbound::{MONDAY, SETTINGS, answer, people, report};
use crate::support::smtp::{Script, SmtpServer};

const FROM: &str = "From MAILER-DAEMON Mon Mar  2 09:05:00 2026\n";

#[test]
fn an_mbox_is_not_read_while_another_program_writes_to_it() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["a", "b"]);
    let reports: Vec<String> =
        relay.mails().iter().map(|mail| report(mail, "failed", "5.1.1", "550 5.1.1 user unknown")).collect();
    sandbox.write("bounces.mbox", &format!("{FROM}{}", &reports[0][..400]));
    // As a mail program holds it that is in the midst of the first message.
    sandbox.write("bounces.mbox.lock", "1");
    let words = ["--now", MONDAY, "--json", "inbound", "--mbox", "bounces.mbox"];
    let mut child = sandbox.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    let mut mbox = fs::OpenOptions::new().append(true).open(sandbox.path("bounces.mbox")).unwrap();
    write!(mbox, "{}\n{FROM}{}\n", &reports[0][400..], reports[1]).unwrap();
    fs::remove_file(sandbox.path("bounces.mbox.lock")).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("\"hard_bounce\": 2"), "{said}");
    assert!(!sandbox.path("bounces.mbox.lock").exists(), "mail comes in again");
    assert_eq!(fs::read_to_string(sandbox.path("bounces.mbox")).unwrap().matches(FROM).count(), 2);
}

#[test]
fn a_lock_that_a_killed_program_left_does_not_lock_drip_out() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["a"]);
    let bounce = report(&relay.mails()[0], "failed", "5.1.1", "550 5.1.1 user unknown");
    sandbox.write("bounces.mbox", &format!("{FROM}{bounce}\n"));
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    sandbox.write("bounces.mbox.lock", &format!("{}\n", gone.id()));
    let lock = fs::File::options().write(true).open(sandbox.path("bounces.mbox.lock")).unwrap();
    lock.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let said = sandbox.drip(&["--now", MONDAY, "inbound", "--mbox", "bounces.mbox"]).code(0).stderr;
    assert!(said.starts_with("1 hard bounce."), "{said}");
    assert!(!sandbox.path("bounces.mbox.lock").exists());
}

#[test]
fn a_long_message_is_kept_whole_and_the_ones_behind_it_are_read() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["lan", "minh"]);
    let long = answer("<lan@example.com>", "Re: hello", "In-Reply-To: <x@y.example>\n", "As promised, the film:")
        + &format!("{}\n{}the end\n", "x".repeat(300_000), format!("{}\n", "A line. ".repeat(110)).repeat(14_000));
    let bounce = report(&relay.mails()[1], "failed", "5.1.1", "550 5.1.1 user unknown");
    sandbox.write("all.mbox", &format!("{FROM}{long}\n{FROM}{bounce}\n"));
    let said = sandbox.drip(&["--now", MONDAY, "inbound", "--mbox", "all.mbox"]).code(0).stderr;
    assert!(said.starts_with("1 hard bounce and 1 reply."), "{said}");
    let kept: Vec<_> = fs::read_dir(sandbox.path("inbound/new")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(kept.len() == 1 && fs::read_to_string(&kept[0]).unwrap() == long, "not a byte is missing");
}
