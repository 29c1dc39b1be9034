//! A database that is damaged, cut short, gone, or no database at all.

use std::fs;

use crate::case::{Case, Effort};
use crate::people::{Beginning, NEXT_DAY, NOW, due, received, run};
use crate::support::Sandbox;
use crate::support::smtp::{Script, SmtpServer};

const GROUP: &str = "A hostile machine";
const PEOPLE: usize = 40;

/// What is done to a page, and its name.
type Harm = (&'static str, fn(&mut [u8]));

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F26",
            group: GROUP,
            fault: "the database is cut short, empty, gone, or no database",
            answer: "code 7 before anything is connected to, with what to do; the file is left as it is, and none is made in its place",
            needs: &[],
            story: no_database,
        },
        Case {
            id: "F26b",
            group: GROUP,
            fault: "a page of the database is overwritten or takes itself for another kind, whichever",
            answer: "as soon as a run comes upon it, it stops with code 7 and says what to do; nobody gets anything twice",
            needs: &[],
            story: each_page,
        },
        Case {
            id: "F26c",
            group: GROUP,
            fault: "a single byte of a page is turned, whichever page",
            answer: "where SQLite can see it, the same. A letter that is another one within a value shows to nobody, because SQLite keeps no checksums: a file system that does (ZFS, btrfs) guards against that",
            needs: &[],
            story: each_byte,
        },
    ]
}

/// A project whose people all had `hello`, and are due for `more` on the next day.
fn halfway() -> Sandbox {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(PEOPLE, 2).through(&relay);
    run(&sandbox, NOW).code(0);
    sandbox
}

fn no_database(_: Effort) -> String {
    let mut sandbox = halfway();
    let relay = SmtpServer::start(Script::new());
    sandbox.send_to_port(Some(relay.port()));
    let whole = fs::read(sandbox.path("drip.db")).unwrap();
    let lock = fs::read(sandbox.path("drip.lock")).unwrap();
    let pages = whole.len() / 4096;
    let mut turned = whole.clone();
    turned[5] ^= 0x20;
    let mut tried = 0;
    for (what, bytes, says) in [
        ("half of it", &whole[..pages / 2 * 4096], "the database is damaged"),
        ("all but a page", &whole[..whole.len() - 4096], "the database is damaged"),
        ("a hundred bytes", &whole[..100], "the database is damaged"),
        ("a letter of its first word", &turned, "is not a drip database"),
        ("nothing", &[][..], "is gone, or empty"),
        ("a text", &b"email,first_name\nlan@example.com,Lan\n".repeat(200)[..], "is not a drip database"),
        ("noughts", &vec![0; whole.len()], "is not a drip database"),
    ] {
        fs::write(sandbox.path("drip.db"), bytes).unwrap();
        for words in [&["run"][..], &["run", "--adopt"], &["import", "import.csv"], &["status"]] {
            let ended = sandbox.drip(words);
            let said = format!("{what}, {words:?}: {}{}", ended.stdout, ended.stderr);
            assert_eq!(ended.code, 7, "{said}");
            assert!(said.contains(says) && said.contains("drip restore FILE"), "{said}");
        }
        assert!(fs::read(sandbox.path("drip.db")).unwrap() == bytes, "{what}: the file was changed");
        tried += 1;
    }
    fs::remove_file(sandbox.path("drip.db")).unwrap();
    for words in [&["run"][..], &["run", "--adopt"], &["import", "import.csv"], &["status"]] {
        let said = sandbox.drip(words).code(7).stderr;
        assert!(said.contains("is gone, or empty") && said.contains("drip restore FILE"), "{said}");
        assert!(!sandbox.path("drip.db").exists());
    }
    assert_eq!(relay.connections(), 0);
    assert_eq!(fs::read(sandbox.path("drip.lock")).unwrap(), lock);
    format!("{} ways, each left as it was", tried + 1)
}

fn each_page(effort: Effort) -> String {
    let harms: [Harm; 3] = [
        ("noughts", |page| page.fill(0)),
        ("ones", |page| page.fill(0xff)),
        ("another kind", |page| page[if page.starts_with(b"SQLite") { 100 } else { 0 }] ^= 0x08),
    ];
    let Seen { refused, before_connecting, unharmed, again } = play(&harms, effort.choose(4, 1));
    assert_eq!(again, 0, "mails that somebody had before");
    assert!(refused > 0);
    format!(
        "{refused} refused, {before_connecting} of them before connecting; {unharmed} where the run did not need what was harmed; none twice"
    )
}

fn each_byte(effort: Effort) -> String {
    let harms: [Harm; 2] =
        [("its last bytes", |page| page[4090] ^= 0x55), ("a byte of its content", |page| page[4000] ^= 0x55)];
    let Seen { refused, before_connecting, unharmed, .. } = play(&harms, effort.choose(8, 1));
    format!(
        "{refused} refused, {before_connecting} of them before connecting; {unharmed} seen by nobody, or by the next who needs it"
    )
}

/// What became of runs over a harmed file.
struct Seen {
    refused: usize,
    before_connecting: usize,
    unharmed: usize,
    /// Mails that somebody had had before.
    again: usize,
}

/// Does each harm to each so many-th page, and runs.
fn play(harms: &[Harm], step: usize) -> Seen {
    let mut sandbox = halfway();
    let beginning = Beginning::of(&sandbox);
    let whole = fs::read(sandbox.path("drip.db")).unwrap();
    let lock = fs::read(sandbox.path("drip.lock")).unwrap();
    let mut seen = Seen { refused: 0, before_connecting: 0, unharmed: 0, again: 0 };
    for page in (0..whole.len() / 4096).step_by(step) {
        for (what, harm) in harms {
            let relay = SmtpServer::start(Script::new());
            beginning.again(&mut sandbox, &relay);
            let mut bytes = whole.clone();
            harm(&mut bytes[page * 4096..][..4096]);
            fs::write(sandbox.path("drip.db"), &bytes).unwrap();
            fs::write(sandbox.path("drip.lock"), &lock).unwrap();
            let ended = run(&sandbox, NEXT_DAY);
            let said = format!("page {}, {what}: code {} {}", page + 1, ended.code, ended.stderr);
            match ended.code {
                7 => {
                    assert!(said.contains("error: ") && said.contains("drip restore FILE"), "{said}");
                    seen.refused += 1;
                    seen.before_connecting += usize::from(relay.connections() == 0);
                }
                0 | 6 => seen.unharmed += 1,
                _ => panic!("{said}"),
            }
            let code = run(&sandbox, NEXT_DAY).code;
            assert!([0, 6, 7].contains(&code), "{said}; then code {code}");
            let got = received(&relay);
            assert!(got.values().all(|times| *times == 1), "{said}: twice: {got:?}");
            seen.again += got.keys().filter(|mail| mail.starts_with("hello")).count();
        }
    }
    // And the whole of it, which nobody harmed, is still good.
    let relay = SmtpServer::start(Script::new());
    beginning.again(&mut sandbox, &relay);
    run(&sandbox, NEXT_DAY).code(0);
    assert_eq!((sandbox.sends().len(), relay.recipients().len()), (2 * PEOPLE, PEOPLE));
    sandbox.check();
    seen
}
