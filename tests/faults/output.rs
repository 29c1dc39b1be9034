//! Streams that take nothing, and memory that is scarce.

use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::case::{Case, Effort};
use crate::people::{NOW, below, due, everyone_once, number};
use crate::support::Sandbox;
use crate::support::sandbox::Ended;
use crate::support::smtp::{Script, SmtpServer};

const GROUP: &str = "A hostile machine";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F44",
            group: GROUP,
            fault: "standard output or standard error is closed, full, or nobody reads it",
            answer: "what is sent is sent and written down as ever; code 1 where a result could not be written, unless its reader has left",
            needs: &[],
            story: streams,
        },
        Case {
            id: "M01",
            group: GROUP,
            fault: "4 GB of memory, a million contacts (20,000 of them and half a gigabyte in the quick part)",
            answer: "imported and mailed all the same",
            needs: &["prlimit", "smtp-sink"],
            story: little_memory,
        },
    ]
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

fn streams(_: Effort) -> String {
    let people = 3;
    let words = ["-v", "--now", NOW, "run"];
    let mut tried = 0;
    let mut play = |name: &str, code: i32, run: &dyn Fn(&Sandbox) -> Command| {
        let relay = SmtpServer::start(Script::new());
        let sandbox = due(people, 1).through(&relay);
        let mut child = run(&sandbox).spawn().unwrap();
        // A reader that leaves at once.
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut said));
        let ended = child.wait().unwrap();
        assert_eq!(ended.code(), Some(code), "{name}: {said}");
        assert!(!said.contains("panicked"), "{name}: {said}");
        everyone_once(&sandbox, &relay, people);
        tried += 1;
    };
    let shell = |sandbox: &Sandbox, streams: &str| {
        let script = format!("exec \"$0\" \"$@\" {streams}");
        let mut command = below(&["sh", "-c", &script], &sandbox.command(&words));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let to = |sandbox: &Sandbox, out: Stdio, err: Stdio| {
        let mut command = sandbox.command(&words);
        command.stdout(out).stderr(err);
        command
    };
    play("nobody reads stdout", 0, &|sandbox| to(sandbox, Stdio::piped(), Stdio::piped()));
    play("a full disk takes stdout", 1, &|sandbox| to(sandbox, full(), Stdio::piped()));
    play("a full disk takes stderr", 0, &|sandbox| to(sandbox, Stdio::piped(), full()));
    play("a full disk takes both", 1, &|sandbox| to(sandbox, full(), full()));
    play("stdout is closed", 0, &|sandbox| shell(sandbox, ">&-"));
    play("stderr is closed", 0, &|sandbox| shell(sandbox, "2>&-"));
    play("all is closed", 0, &|sandbox| shell(sandbox, "<&- >&- 2>&-"));
    play("a JSON log goes nowhere", 0, &|sandbox| {
        let mut command = sandbox.command(&["-v", "--log-format", "json", "--now", NOW, "run"]);
        command.stdout(Stdio::piped()).stderr(full());
        command
    });
    format!("{tried} ways: everybody mailed once, nothing panicked")
}

/// A relay in a process of its own, which counts mails and keeps none.
struct Sink(std::process::Child, u16);

impl Sink {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("/usr/sbin/smtp-sink");
        command.args(["-u", "nobody", &format!("127.0.0.1:{port}"), "1000"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Self(child, port)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn little_memory(effort: Effort) -> String {
    let (people, mails, limit) =
        effort.choose((20_000, 100, "--as=536870912"), (1_000_000, 100_000, "--as=4294967296"));
    let sink = Sink::start();
    let mut sandbox = due(0, 16);
    sandbox.send_to_port(Some(sink.1));
    let rows =
        (0..people).fold("email,first_name\n".to_owned(), |text, n| text + &format!("c{n:07}@example.com,Lan {n}\n"));
    sandbox.write("many.csv", &rows);
    let within = |words: &[&str]| Ended::of(&mut below(&["prlimit", limit], &sandbox.command(words)));
    within(&["-q", "--now", "2026-03-01T00:00:00Z", "import", "many.csv"]).code(0);
    within(&["-q", "--now", NOW, "run", "--limit", &mails.to_string()]).code(0);
    assert_eq!(number(&sandbox, "SELECT count(*) FROM sends WHERE state = 2"), mails);
    within(&["--now", NOW, "report"]).code(0);
    within(&["--now", NOW, "status"]).code(0);
    format!("{people} contacts, {mails} mails within {limit}").replace("--as=", "")
}
