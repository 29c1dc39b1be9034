//! A database that is damaged, cut short, gone, or no database at all.

use std::fs;
use std::time::Duration;

use crate::case::{Case, Effort};
use crate::people::{Beginning, NEXT_DAY, NOW, due, everyone_once, number, received, run};
use crate::support::Sandbox;
use crate::support::sandbox::Ended;
use crate::support::smtp::{Script, SmtpServer, Verb};

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
        Case {
            id: "F26d",
            group: GROUP,
            fault: "the log that a killed run left (drip.db-wal) goes bad, at whichever of its pages but the last",
            answer: "code 7 from every command, and both files are left as they are: what SQLite would forget in silence, drip refuses. A backup, or drip.db without its log, is taken up with `--adopt`",
            needs: &[],
            story: each_frame,
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

/// Where the frames of a log lie in it: each with its page.
fn frames(log: &[u8]) -> Vec<usize> {
    (32..log.len()).step_by(24 + 4096).filter(|at| at + 24 + 4096 <= log.len()).collect()
}

fn each_frame(effort: Effort) -> String {
    let relay = SmtpServer::start(Script::new().on(Verb::Content).stall(Duration::from_millis(5)));
    let sandbox = due(PEOPLE, 2).through(&relay);
    let mut killed = sandbox.command(&["-q", "--now", NOW, "run"]).spawn().unwrap();
    while relay.mails().len() < PEOPLE / 2 {
        assert!(killed.try_wait().unwrap().is_none(), "the run was done too soon");
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let names = ["drip.db", "drip.db-wal", "drip.lock"];
    let [file, log, lock] = names.map(|name| fs::read(sandbox.path(name)).unwrap());
    let lay = |log: &[u8]| {
        let _ = fs::remove_file(sandbox.path("drip.db-shm"));
        for (name, bytes) in names.into_iter().zip([&file[..], log, &lock]) {
            fs::write(sandbox.path(name), bytes).unwrap();
        }
    };
    let begun = relay.connections();
    // A page number, a salt, a checksum, what the page holds; and the header.
    let harms = frames(&log).into_iter().flat_map(|frame| [2, 9, 17, 24 + 100, 24 + 4095].map(|at| frame + at));
    let (mut harmed, mut refused) = (0, 0);
    let last = frames(&log).into_iter().filter(|at| log[at + 4..at + 8] != [0; 4]).max().unwrap();
    for at in (0..32).step_by(4).chain(harms).step_by(effort.choose(97, 3)) {
        let mut bad = log.clone();
        bad[at] ^= 0x10;
        lay(&bad);
        let words: &[&str] = [&["run"][..], &["run", "--adopt"], &["import", "import.csv"], &["status"]][harmed % 4];
        harmed += 1;
        if at >= last {
            continue; // A kill may have left that as well.
        }
        let ended = sandbox.drip(words).code(7);
        assert!(ended.stderr.contains("drip.db-wal` is damaged from its frame"), "{at}: {}", ended.stderr);
        assert!(ended.stderr.contains("drip restore FILE"), "{at}: {}", ended.stderr);
        assert!(fs::read(sandbox.path("drip.db-wal")).unwrap() == bad, "{at}: the log was changed");
        assert!(fs::read(sandbox.path("drip.db")).unwrap() == file, "{at}: the file was changed");
        refused += 1;
    }
    assert_eq!(relay.connections(), begun);
    // Without its log, and as it should have been.
    let took = relay.mails().len();
    lay(&log);
    fs::remove_file(sandbox.path("drip.db-wal")).unwrap();
    run(&sandbox, NOW).code(6);
    run_adopting(&sandbox).code(6);
    run(&sandbox, NOW);
    assert_eq!((relay.mails().len(), unknown(&sandbox)), (took, PEOPLE), "without its log");
    lay(&log);
    run(&sandbox, NOW);
    everyone_once(&sandbox, &relay, PEOPLE);
    format!("{refused} refused")
}

fn run_adopting(sandbox: &Sandbox) -> Ended {
    sandbox.drip(&["-q", "--now", NOW, "run", "--adopt"])
}

fn unknown(sandbox: &Sandbox) -> usize {
    number(sandbox, "SELECT count(*) FROM v_sends WHERE step = 'hello' AND state = 'unknown'")
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
