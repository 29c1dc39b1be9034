//! A file that was carried to another machine, and a folder that two machines share.

use std::fs;

use crate::case::{Case, Effort};
use crate::people::{NEXT_DAY, NOW, below, due, everyone_once, nobody_twice, run};
use crate::strace::{everywhere, kill_at};
use crate::support::Sandbox;
use crate::support::sandbox::Ended;
use crate::support::smtp::{Script, SmtpServer, Verb};

const GROUP: &str = "A hostile machine";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F34",
            group: GROUP,
            fault: "a copy of the project runs on another machine, or an older copy is put back",
            answer: "code 6 and nothing is sent until `--adopt`, which takes whatever may have been sent elsewhere for `unknown`",
            needs: &["root", "unshare"],
            story: carried,
        },
        Case {
            id: "F34b",
            group: GROUP,
            fault: "cron of two machines in one folder of a network drive, whose locks hold, or hold for each machine alone",
            answer: "one of them sends; the other finds its lock taken, or the file used by another machine, and sends nothing",
            needs: &["root", "unshare"],
            story: two_machines,
        },
        Case {
            id: "F34c",
            group: GROUP,
            fault: "`kill -9` at every system call of the run that takes up an older copy",
            answer: "the next run goes on with it: whatever may have been sent since the copy is `unknown`, also to those who had not come in by then",
            needs: &["strace"],
            story: killed_while_adopting,
        },
    ]
}

/// Returns the shell words by which a command runs on a machine of this id; before it, some others.
fn on_machine(sandbox: &Sandbox, id: char, before: &str) -> Vec<String> {
    let name = format!("machine-{id}");
    sandbox.write(&name, &format!("{}\n", id.to_string().repeat(32)));
    let script = format!("mount --bind {name} /etc/machine-id && {before} exec \"$0\" \"$@\"");
    ["unshare", "-m", "sh", "-c", &script].map(str::to_owned).to_vec()
}

fn run_on(sandbox: &Sandbox, id: char, before: &str, words: &[&str]) -> std::process::Command {
    let outer = on_machine(sandbox, id, before);
    let outer: Vec<&str> = outer.iter().map(String::as_str).collect();
    let mut command = below(&outer, &sandbox.command(words));
    command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    command
}

fn carried(_: Effort) -> String {
    let people = 3;
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(people, 1).through(&relay);
    let on = |id, words: &[&str]| Ended::of(&mut run_on(&sandbox, id, "", words));
    on('a', &["-q", "--now", NOW, "run"]).code(0);
    let before = fs::read(sandbox.path("drip.db")).unwrap();
    let refused = on('b', &["-q", "--now", NEXT_DAY, "run"]).code(6);
    assert!(refused.stderr.contains("last used on another machine"), "{}", refused.stderr);
    assert!(refused.stderr.contains("drip run --adopt"), "{}", refused.stderr);
    on('a', &["-q", "--now", NEXT_DAY, "run"]).code(0);
    assert_eq!(relay.recipients().len(), 2 * people);
    // The older copy, on the other machine, without the lock file that would tell of it.
    fs::write(sandbox.path("drip.db"), before).unwrap();
    for name in ["drip.db-wal", "drip.db-shm", "drip.lock"] {
        let _ = fs::remove_file(sandbox.path(name));
    }
    let later = "2026-03-03T03:00:00Z";
    on('b', &["-q", "--now", later, "run"]).code(6);
    on('b', &["-q", "--now", later, "run", "--adopt"]).code(6);
    on('b', &["-q", "--now", later, "run"]).code(0);
    nobody_twice(&sandbox, &relay);
    assert_eq!(
        sandbox.sql("SELECT count(*) FROM v_sends WHERE step = 'more' AND state = 'unknown'"),
        [people.to_string()]
    );
    assert_eq!(relay.recipients().len(), 2 * people);
    on('b', &["-q", "--now", "2026-03-03T04:00:00Z", "run"]).code(0);
    format!("refused twice; adopted: {people} unknown, none twice")
}

fn two_machines(_: Effort) -> String {
    let people = 30;
    let mut refused = 0;
    for locks_hold in [true, false] {
        let slow = Script::new().on(Verb::Content).stall(std::time::Duration::from_millis(10));
        let relay = SmtpServer::start(slow);
        let sandbox = due(people, 1).through(&relay);
        let mut first = run_on(&sandbox, 'a', "", &["-q", "--now", NOW, "run"]).spawn().unwrap();
        while relay.mails().len() < 5 && first.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        // Where locks hold for each machine alone, the other one's lock is another file.
        let before = if locks_hold { "" } else { "cp drip.lock other.lock && mount --bind other.lock drip.lock &&" };
        for _ in 0..2 {
            let second = Ended::of(&mut run_on(&sandbox, 'b', before, &["--now", NOW, "run"]));
            let (code, says) =
                if locks_hold { (0, "Another run is under way") } else { (6, "last used on another machine") };
            assert!(second.stderr.contains(says), "{}", second.stderr);
            second.code(code);
            refused += 1;
        }
        assert!(relay.recipients().len() < people, "the first was done too soon to tell");
        first.wait_with_output().unwrap();
        Ended::of(&mut run_on(&sandbox, 'b', before, &["-q", "--now", NOW, "run"])).code(6);
        Ended::of(&mut run_on(&sandbox, 'a', "", &["-q", "--now", NOW, "run"]));
        assert_eq!(relay.recipients().len(), people);
        let unknown = everyone_once(&sandbox, &relay, people);
        assert_eq!(unknown, 0);
    }
    format!("{people} mails each time, none twice; the other machine refused {refused} times")
}

fn killed_while_adopting(effort: Effort) -> String {
    let people = 3;
    let relay = SmtpServer::start(Script::new());
    let project = due(people, 1).through(&relay);
    // Older than the first run: nobody has come in.
    let older = fs::read(project.path("drip.db")).unwrap();
    for now in [NOW, NEXT_DAY] {
        run(&project, now).code(0);
    }
    assert_eq!(relay.recipients().len(), 2 * people);
    fs::write(project.path("drip.db"), older).unwrap();
    let later = "2026-03-03T03:00:00Z";
    let adopting = ["-q", "--now", later, "run", "--adopt"];
    let again = SmtpServer::start(Script::new());
    let kills = everywhere(effort, 12, &project.copy().through(&again), &adopting, |moment| {
        let sandbox = project.copy().through(&again);
        let killed = kill_at(&sandbox, &adopting, moment);
        for now in [later, "2026-03-04T03:00:00Z"] {
            let ended = run(&sandbox, now);
            if ended.stderr.contains("--adopt") {
                // It had not begun to.
                sandbox.drip(&["-q", "--now", now, "run", "--adopt"]);
            }
        }
        sandbox.check();
        let states = sandbox
            .sql("SELECT step || ' ' || state || ' ' || count(*) FROM v_sends GROUP BY step, state ORDER BY step");
        assert_eq!(states, [format!("hello unknown {people}"), format!("more unknown {people}")], "{moment:?}");
        killed
    });
    assert_eq!(again.connections(), 0);
    format!("{kills} kills; {} mails `unknown`, none twice", 2 * people)
}
