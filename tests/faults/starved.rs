//! Short of what the system grants a process: the size of a file, open files, memory.

use std::fs;

use crate::case::{Case, Effort};
use crate::crowd::{NOW, everyone_due, number, received, run_until_idle, settle_accounts};
use crate::killed::GROUP;
use crate::support::smtp::{Script, SmtpServer};

const PEOPLE: usize = 60;
const STEPS: [&str; 1] = ["a"];

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F46",
            group: GROUP,
            fault: "a limit on the size of files, reached anywhere in a run (`ulimit -f`)",
            answer: "stops at once and says so, code 7; at most the mails on their way are `unknown`, and listed",
            needs: &["prlimit"],
            story: small_files,
        },
        Case {
            id: "F46b",
            group: GROUP,
            fault: "any limit on open files (`ulimit -n`)",
            answer: "works with fewer connections, or ends and says what could not be opened; nobody is lost",
            needs: &["prlimit"],
            story: few_files,
        },
    ]
}

fn small_files(effort: Effort) -> String {
    let project = everyone_due(PEOPLE, &STEPS, 4);
    let bytes = |file: &str| fs::metadata(project.path(file)).map_or(0, |file| file.len());
    // The log grows beyond the file, to some hundred KiB here.
    let (first, step) = (bytes("drip.db").min(40_000), effort.choose(100_000, 10_000));
    let (mut limits, mut stopped, mut unknown) = (0, 0, 0);
    for limit in (first..).step_by(step) {
        let relay = SmtpServer::start(Script::new());
        let sandbox = project.copy().through(&relay);
        let starter = ["prlimit", &format!("--fsize={limit}"), "--"];
        let output = sandbox.command_under(&starter, &["--now", NOW, "run"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        limits += 1;
        run_until_idle(&sandbox);
        let account = settle_accounts(&sandbox, &STEPS, received(&relay));
        unknown = account.unknown.max(unknown);
        if output.status.success() {
            assert_eq!(account.unknown, 0);
            break;
        }
        assert_eq!(output.status.code(), Some(7), "{limit} bytes: {:?} {said}", output.status);
        assert!(said.starts_with("error: "), "{said}");
        assert!(account.unknown <= 4, "{limit} bytes: {} unknown", account.unknown);
        stopped += 1;
    }
    assert!(stopped > 2, "{stopped} runs were stopped");
    format!("{limits} limits, {stopped} of them reached: none twice, none lost, at most {unknown} `unknown` a run")
}

fn few_files(effort: Effort) -> String {
    let project = everyone_due(PEOPLE, &STEPS, 4);
    let (mut stopped, mut fewer) = (Vec::new(), 0);
    for limit in (3..30).step_by(effort.choose(6, 1)) {
        let relay = SmtpServer::start(Script::new());
        let sandbox = project.copy().through(&relay);
        let starter = ["prlimit", &format!("--nofile={limit}"), "--"];
        let output = sandbox.command_under(&starter, &["--now", NOW, "run"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            fewer += usize::from(relay.connections() < 4);
        } else {
            assert!(output.status.code().is_some(), "{limit} files: {:?} {said}", output.status);
            stopped.push(limit);
        }
        run_until_idle(&sandbox);
        let account = settle_accounts(&sandbox, &STEPS, received(&relay));
        assert_eq!((account.sent, account.unknown), (PEOPLE, 0), "{limit} files");
        assert_eq!(number(&sandbox, "SELECT count(*) FROM v_sends"), PEOPLE);
    }
    format!(
        "runs end below {} open files, and {fewer} went on with fewer connections; none lost",
        stopped.last().map_or(0, |limit| limit + 1)
    )
}
