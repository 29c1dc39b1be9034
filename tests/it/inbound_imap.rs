//! `drip inbound --imap`: messages on another machine are dealt with as in a Maildir, and nothing is lost or taken away.

#![allow(clippy::unwrap_used, reason = "a test")]

use crate::inbound::{MONDAY, SETTINGS, answer, consent, people, report};
use crate::support::Sandbox;
use crate::support::imap::{ImapServer, Trouble};
use crate::support::sandbox::Ended;
use crate::support::smtp::{Script, SmtpServer};

/// A project whose mails to three people came back, and the mailbox with that.
fn came_back() -> (Sandbox, ImapServer) {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["a", "b", "c"]);
    let mails = relay.mails();
    let mut messages: Vec<String> =
        mails.iter().map(|mail| report(mail, "failed", "5.1.1", "550 5.1.1 user unknown")).collect();
    messages.insert(1, answer("<a@example.com>", "Re: hello", "In-Reply-To: <x@y.example>\n", "Yes, please."));
    (sandbox, ImapServer::start(&messages))
}

fn read(sandbox: &Sandbox, server: &ImapServer) -> Ended {
    sandbox.drip_with(&[("DRIP_IMAP_URL", &server.url())], &["--now", MONDAY, "inbound", "--imap"])
}

#[test]
fn what_nobody_has_seen_is_dealt_with_marked_and_left_where_it_is() {
    let (sandbox, server) = came_back();
    let said = read(&sandbox, &server).code(0).stderr;
    assert!(said.starts_with("3 hard bounces and 1 reply."), "{said}");
    assert_eq!(server.seen(), [10, 20, 30, 40]);
    assert_eq!(read(&sandbox, &server).code(0).stderr, "No message.\n");
    assert_eq!(["a", "b", "c"].map(|name| consent(&sandbox, name)), ["bounced", "bounced", "bounced"]);
    // After other numbers and no marks each is known by what it says.
    server.renumber();
    let said = read(&sandbox, &server).code(0).stderr;
    assert!(said.starts_with("4 heard before."), "{said}");
    assert_eq!((server.seen().len(), server.count()), (4, 4));
    let harmless = |command: &String| !["EXPUNGE", "Deleted", "MOVE", "COPY"].iter().any(|word| command.contains(word));
    assert!(server.commands().iter().all(harmless), "{:?}", server.commands());
}

#[test]
fn a_message_stays_unseen_until_what_it_asks_for_is_done() {
    let (sandbox, server) = came_back();
    // As long as the store cannot be written nothing is marked.
    let other = sandbox.database();
    other.execute_batch("PRAGMA user_version = 99").unwrap();
    read(&sandbox, &server).code(7);
    assert_eq!(server.seen(), [0; 0]);
    let version = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/schema")).unwrap().count();
    other.execute_batch(&format!("PRAGMA user_version = {version}")).unwrap();
    drop(other);
    // The connection breaks in the third: the first two count, and the rest comes with the next call.
    server.trouble(Trouble::Breaks(30));
    let said = read(&sandbox, &server).code(2).stderr;
    assert!(said.contains("1 hard bounce and 1 reply.") && said.contains("the server closed the connection"), "{said}");
    assert_eq!(server.seen(), [10, 20]);
    server.trouble(Trouble::RefusesMarks);
    let said = read(&sandbox, &server).code(2).stderr;
    assert!(said.contains("does not let a message be marked as read: not yours"), "{said}");
    server.trouble(Trouble::None);
    let said = read(&sandbox, &server).code(0).stderr;
    assert!(said.starts_with("1 hard bounce and 1 heard before."), "{said}");
    assert_eq!(server.seen(), [10, 20, 30, 40]);
    sandbox.check();
}

#[test]
fn a_server_that_lies_or_refuses_ends_the_call_and_learns_no_more_than_it_should() {
    let (sandbox, server) = came_back();
    for (trouble, says) in [
        (Trouble::ReadOnly, "is for reading alone"),
        (Trouble::Endless, "says more than it was asked for"),
        (Trouble::RefusesLogin, "refused the login of `bounces`"),
    ] {
        server.trouble(trouble);
        let said = read(&sandbox, &server).code(2).stderr;
        assert!(said.contains(says), "{said}");
        assert!(!said.contains("s3cret") && !said.contains("AGJvdW5jZXMAczNjcmV0"), "{said}");
        assert_eq!(server.seen(), [0; 0]);
    }
    server.trouble(Trouble::Old);
    read(&sandbox, &server).code(0);
}

#[test]
fn a_message_that_is_not_handed_over_holds_up_no_other() {
    for (trouble, says) in [
        (Trouble::Keeps(20), "does not hand message 20 over: it is damaged"),
        (Trouble::SendsNothing(20), "does not hand message 20 over: it says that all is well, and sends nothing"),
    ] {
        let (sandbox, server) = came_back();
        server.trouble(trouble);
        let said = read(&sandbox, &server).code(2).stderr;
        assert!(said.contains("3 hard bounces.") && said.contains(says), "{said}");
        assert_eq!(server.seen(), [10, 30, 40]);
        server.trouble(Trouble::None);
        assert!(read(&sandbox, &server).code(0).stderr.starts_with("1 reply."));
    }
    let (sandbox, _) = came_back();
    let long = answer("<a@example.com>", "Re: hello", "In-Reply-To: <x@y.example>\n", &"A line.\n".repeat(1_500_000));
    let server = ImapServer::start(&[long, answer("<mum@example.net>", "Hello", "", "Dear Lan,")]);
    server.trouble(Trouble::Unbounded);
    assert!(read(&sandbox, &server).code(0).stderr.starts_with("1 reply and 1 other mail."));
    assert_eq!(server.seen(), [10, 20]);
}

#[test]
fn a_big_mailbox_is_looked_through_piece_by_piece() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["a"]);
    let messages: Vec<String> =
        (0..2100).map(|number| answer("<mum@example.net>", &format!("Letter {number}"), "", "Dear Lan,")).collect();
    let server = ImapServer::start(&messages);
    server.read_all_but(100);
    let url = server.url();
    let said = sandbox.drip_with(&[("DRIP_IMAP_URL", &url)], &["--now", MONDAY, "--json", "inbound", "--imap"]).code(0);
    assert!(said.stdout.contains("\"other\": 21"), "{}", said.stdout);
    let searches: Vec<String> = server.commands().into_iter().filter(|line| line.starts_with("UID SEARCH")).collect();
    assert_eq!(searches.len(), 3, "{searches:?}");
    assert_eq!(server.seen().len(), 2100);
}

#[test]
fn the_password_comes_from_a_command_and_stands_in_no_command_line() {
    let (sandbox, server) = came_back();
    let url = server.url().replace(":s3cret", "");
    let said = sandbox.drip(&["--now", MONDAY, "inbound", "--imap", &url]).code(2).stderr;
    assert!(said.contains("no password") && said.contains("DRIP_IMAP_URL"), "{said}");
    let said = sandbox.drip(&["--now", MONDAY, "inbound", "--imap", &server.url()]).code(2).stderr;
    assert!(said.contains("can be read by everybody") && !said.contains("s3cret"), "{said}");
    let sandbox = sandbox.settings(&format!("{SETTINGS}\nimap: {{ password_command: echo s3cret }}"));
    let said = sandbox.drip(&["--now", MONDAY, "inbound", "--imap", &url]).code(0).stderr;
    assert!(said.starts_with("3 hard bounces and 1 reply."), "{said}");
    let sandbox = sandbox.settings(&format!("{SETTINGS}\nimap: {{ url: \"{url}\", password_command: echo s3cret }}"));
    assert_eq!(sandbox.drip(&["--now", MONDAY, "inbound", "--imap"]).code(0).stderr, "No message.\n");
}
