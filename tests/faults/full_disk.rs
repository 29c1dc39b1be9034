//! A disk that is full, and a disk that fails: at each write of a run, and at each wait for the disk.

use std::fs;

use crate::case::{Case, Effort};
use crate::people::{Beginning, NOW, below, due, everyone_once, number, received, run};
use crate::support::Sandbox;
use crate::support::sandbox::Ended;
use crate::support::smtp::{Script, SmtpServer, Verb};

const GROUP: &str = "A hostile machine";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F21",
            group: GROUP,
            fault: "the disk is full, or nearly, before a run",
            answer: "code 7 before anything is connected to: a run begins with 16 MiB free, and with a write that has reached the disk",
            needs: &["root", "unshare"],
            story: full_before,
        },
        Case {
            id: "F22",
            group: GROUP,
            fault: "the disk fills up while a run sends",
            answer: "the run stops at once with code 7; a mail whose outcome could not be written is `unknown`, the others go once there is room",
            needs: &["root", "unshare"],
            story: full_midway,
        },
        Case {
            id: "F22b",
            group: GROUP,
            fault: "no room at one write of the database, and at all after it, whichever",
            answer: "the same",
            needs: &["strace"],
            story: full_at_each_write,
        },
        Case {
            id: "F23",
            group: GROUP,
            fault: "an I/O error at a write of the database, or at a wait for the disk, whichever, once or from then on",
            answer: "the run stops at once with code 7, never tries that again as if nothing had been, and says that the file must be checked",
            needs: &["strace"],
            story: failing_at_each_write,
        },
    ]
}

/// Runs a shell script in the project's folder, in which `small/` is a disk of its own with a copy of the project.
fn on_a_small_disk(sandbox: &Sandbox, size: &str, script: &str) -> Ended {
    fs::create_dir_all(sandbox.path("small")).unwrap();
    let script = format!(
        "drip() {{ \"$0\" \"$@\"; }}; set -e; mount -t tmpfs -o size={size} none small
         cp -a drip.yaml campaigns templates drip.db small; {script}"
    );
    let inner = sandbox.command(&[]);
    let mut outer = below(&["unshare", "-m", "sh", "-c", &script], &inner);
    outer.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    Ended::of(&mut outer)
}

fn full_before(_: Effort) -> String {
    let people = 3;
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(people, 1).through(&relay);
    let nearly = format!("(cd small; drip --now {NOW} run)");
    let refused = on_a_small_disk(&sandbox, "12m", &nearly).code(7);
    assert!(refused.stderr.contains("KiB left") && refused.stderr.contains("free some space"), "{}", refused.stderr);
    let wholly = format!("cat /dev/zero > small/filler || true; (cd small; drip --now {NOW} run)");
    let refused = on_a_small_disk(&sandbox, "24m", &wholly).code(7);
    assert!(refused.stderr.contains("free some space"), "{}", refused.stderr);
    assert_eq!(relay.connections(), 0);
    run(&sandbox, NOW).code(0);
    everyone_once(&sandbox, &relay, people);
    "a disk with 12 MiB and one with none: no connection".to_owned()
}

fn full_midway(_: Effort) -> String {
    let people = 60;
    let slow = Script::new().on(Verb::Content).stall(std::time::Duration::from_millis(20));
    let relay = SmtpServer::start(slow);
    let sandbox = due(people, 2).through(&relay);
    // The disk fills up once the first mails have left; the state is carried out of it as it is then.
    let script = format!(
        "(until [ -e go ]; do sleep 0.01; done; cat /dev/zero > small/filler || true) 2>/dev/null &
         set +e; (cd small; drip -q --now {NOW} run); code=$?; wait
         cp small/drip.db small/drip.db-wal small/drip.lock . 2>/dev/null; exit $code"
    );
    let ended = std::thread::scope(|scope| {
        let running = scope.spawn(|| on_a_small_disk(&sandbox, "24m", &script));
        while relay.mails().len() < 6 && !running.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        sandbox.write("go", "");
        running.join().unwrap()
    });
    let ended = ended.code(7);
    assert!(ended.stderr.contains("the disk is full"), "{}", ended.stderr);
    let before = relay.mails().len();
    assert!(before < people, "the disk filled up too late");
    assert!(
        before - number(&sandbox, "SELECT count(*) FROM v_sends WHERE state = 'sent'") <= 2,
        "one for each connection"
    );
    while number(&sandbox, "SELECT count(*) FROM v_sends WHERE state IN ('sent', 'unknown')") < people {
        assert!([0, 6].contains(&run(&sandbox, NOW).code));
    }
    let unknown = everyone_once(&sandbox, &relay, people);
    assert!(unknown <= 2, "{unknown} unknown over two connections");
    format!("full after {before} of {people} mails; none twice, none lost, {unknown} unknown")
}

fn full_at_each_write(effort: Effort) -> String {
    let sweep = Sweep { call: "pwrite64", error: "ENOSPC", step: effort.choose(9, 1), says: "the disk is full" };
    let (struck, stopped, unknown) = sweep.play(&["+"]);
    format!("{struck} moments, at {stopped} of which the run stopped; {unknown} unknown in all, none twice, none lost")
}

fn failing_at_each_write(effort: Effort) -> String {
    let sweep = |call, step| Sweep { call, error: "EIO", step, says: "the disk failed" };
    let writes = sweep("pwrite64", effort.choose(14, 1)).play(&["", "+"]);
    let waits = sweep("fsync,fdatasync", effort.choose(3, 1)).play(&["", "+"]);
    format!(
        "{} writes, {} waits for the disk: stopped at {}; {} unknown in all, none twice, none lost",
        writes.0,
        waits.0,
        writes.1 + waits.1,
        writes.2 + waits.2
    )
}

/// One fault, at the first of the calls that are made of the database, then at the second, until none is left.
struct Sweep {
    call: &'static str,
    error: &'static str,
    /// Looks at each so many-th call alone.
    step: usize,
    /// What the operator must be told.
    says: &'static str,
}

impl Sweep {
    /// Plays it, with the fault once or from then on (`+`, as strace says it); returns at how many moments it struck, at
    /// how many the run stopped, and how many mails are unknown in all.
    fn play(&self, lasting: &[&str]) -> (usize, usize, usize) {
        let people = 3;
        let mut sandbox = due(people, 1);
        let beginning = Beginning::of(&sandbox);
        let (mut struck, mut stopped, mut unknown) = (0, 0, 0);
        for lasting in lasting {
            for at in (1..).step_by(self.step) {
                let relay = SmtpServer::start(Script::new());
                beginning.again(&mut sandbox, &relay);
                let ended = self.strike(&sandbox, &format!("{at}{lasting}"));
                if !fs::read_to_string(sandbox.path("trace")).unwrap().contains("(INJECTED)") {
                    ended.code(0);
                    break;
                }
                struck += 1;
                let sent = number(&sandbox, "SELECT count(*) FROM v_sends WHERE state = 'sent'");
                // Once all is written, a fault finds nothing more to stop.
                if ended.code != 0 || sent < people {
                    let ended = ended.code(7);
                    assert!(ended.stderr.contains(self.says), "at {at}{lasting}: {}", ended.stderr);
                    assert!(
                        self.error != "EIO" || ended.stderr.contains("says whether it is sound"),
                        "{}",
                        ended.stderr
                    );
                    stopped += 1;
                }
                let taken: usize = received(&relay).values().sum();
                assert!(taken.saturating_sub(sent) <= 1, "at {at}{lasting}: {taken} left, {sent} of them known");
                let next = run(&sandbox, NOW);
                assert!([0, 6].contains(&next.code), "at {at}{lasting}: {}", next.stderr);
                let open = everyone_once(&sandbox, &relay, people);
                assert!(open <= 1, "at {at}{lasting}: {open} unknown over one connection");
                unknown += open;
            }
        }
        assert!(stopped > 0, "the fault never stopped a run");
        (struck, stopped, unknown)
    }

    fn strike(&self, sandbox: &Sandbox, when: &str) -> Ended {
        let path = |name: &str| sandbox.path(name).display().to_string();
        let (trace, inject) =
            (format!("trace={}", self.call), format!("inject={}:error={}:when={when}", self.call, self.error));
        let mut words = vec!["strace", "-f", "-qq", "-e", &trace, "-e", &inject, "-o", "trace"];
        // What lies in shared memory is on no disk that could fail; for its lack of room SQLite has no word of its own.
        let paths = ["drip.db", "drip.db-wal", "drip.db-shm"].map(path);
        let looked_at = if self.error == "EIO" { &paths[..2] } else { &paths[..] };
        for path in looked_at {
            words.extend(["-P", path]);
        }
        Ended::of(&mut below(&words, &sandbox.command(&["-q", "--now", NOW, "run"])))
    }
}
