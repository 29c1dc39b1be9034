//! A project in a temporary folder, and the built program run in it with nothing from outside.

#![allow(dead_code, reason = "each test target uses its own part")]
#![allow(clippy::unwrap_used, reason = "whatever fails in here is the failure of the test")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rusqlite::Connection;

use super::smtp::SmtpServer;

/// A project that lives as long as the test.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    relay: Option<u16>,
}

/// A mail of the outbox, as far as a test reads it.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) to: String,
    /// The whole mail as it lies in the file.
    pub(crate) raw: String,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    #[track_caller]
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asserts an exit code; says what was printed if it is another.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

impl Sandbox {
    /// Makes a project with settings, one template `mail`, and no campaign.
    pub(crate) fn new() -> Self {
        let sandbox = Self { folder: tempfile::tempdir().unwrap(), relay: None };
        sandbox
            .settings("frequency_cap: none")
            .file("templates/mail.md", "---\nsubject: Chào {{default first_name 'bạn'}}\n---\n{{campaign.id}} {{step.id}}\n\n{{postal_address}} [Hủy đăng ký]({{unsubscribe_url}})\n")
    }

    /// Writes drip.yaml: who sends, and these lines.
    pub(crate) fn settings(self, lines: &str) -> Self {
        self.file("drip.yaml", &format!("from: Acme <hello@acme.example>\npostal_address: 12 Lý Thường Kiệt, Hà Nội\ntimezone: Asia/Ho_Chi_Minh\n{lines}\n"))
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// Writes a file in the course of a test.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a campaign: everything above `steps`, and the steps in flow form.
    pub(crate) fn campaign(self, id: &str, head: &str, steps: &[&str]) -> Self {
        self.edit(id, head, steps);
        self
    }

    /// Writes a campaign in the course of a test.
    pub(crate) fn edit(&self, id: &str, head: &str, steps: &[&str]) {
        let steps: Vec<_> = steps.iter().map(|step| format!("  - {{ {step} }}")).collect();
        let steps = steps.join("\n");
        self.write(&format!("campaigns/{id}.yaml"), &format!("{head}\nsteps:\n{steps}\n"));
    }

    /// Imports contacts: lines of `email,first_name,…` below this header.
    pub(crate) fn contacts(self, header: &str, rows: &[&str]) -> Self {
        self.import(header, rows);
        self
    }

    #[track_caller]
    pub(crate) fn import(&self, header: &str, rows: &[&str]) {
        self.write("import.csv", &format!("{header}\n{}\n", rows.join("\n")));
        self.drip(&["--now", "2026-03-01T00:00:00Z", "import", &self.path("import.csv").display().to_string()]).code(0);
    }

    /// Returns a project of its own with the same files, to which the mail goes no longer through a server.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap(), relay: None };
        copy_folder(self.folder.path(), copy.folder.path());
        copy
    }

    /// Sends the mail through a server from now on.
    pub(crate) fn through(mut self, server: &SmtpServer) -> Self {
        self.relay = Some(server.port());
        self
    }

    /// Sends the mail to a port from now on, whether anybody listens there or not.
    pub(crate) fn send_to_port(&mut self, port: Option<u16>) {
        self.relay = port;
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Returns a command in the project, with nothing of the environment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        self.command_under(&[], words)
    }

    /// Returns the same command, started by another program that takes it for its last arguments.
    pub(crate) fn command_under(&self, starter: &[&str], words: &[&str]) -> Command {
        self.command_of(&binary(), starter, words)
    }

    fn command_of(&self, binary: &Path, starter: &[&str], words: &[&str]) -> Command {
        let mut line = starter.iter().map(OsStr::new).chain([binary.as_os_str()]);
        let mut command = Command::new(line.next().unwrap());
        command.args(line).args(["--color", "never"]).args(words);
        command.env_clear().current_dir(self.folder.path());
        if let Some(port) = self.relay {
            command.env("DRIP_SMTP_URL", format!("smtp://127.0.0.1:{port}"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command.
    #[track_caller]
    pub(crate) fn drip(&self, words: &[&str]) -> Ended {
        self.drip_with(&[], words)
    }

    /// Runs a command with variables of the environment.
    #[track_caller]
    pub(crate) fn drip_with(&self, variables: &[(&str, &str)], words: &[&str]) -> Ended {
        Ended::of(self.command(words).envs(variables.iter().copied()))
    }

    /// Runs a command that is handed a text on its standard input.
    pub(crate) fn piped(&self, words: &[&str], text: &str) -> Ended {
        let mut child = self.command(words).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Ended::from(child.wait_with_output().unwrap())
    }

    /// Runs a command that waits for the relay so long at the most, which only a debug build can be told.
    #[allow(dead_code, reason = "each test target uses its own part")]
    #[track_caller]
    pub(crate) fn drip_impatient(&self, patience: Duration, variables: &[(&str, &str)], words: &[&str]) -> Ended {
        let mut command = self.command_of(Path::new(env!("CARGO_BIN_EXE_drip")), &[], words);
        command.env("DRIP_PATIENCE_MS", patience.as_millis().to_string()).envs(variables.iter().copied());
        Ended::of(&mut command)
    }

    /// Runs twice at an instant: the second run must find nothing to do. Returns the sends so far.
    #[track_caller]
    pub(crate) fn run(&self, now: &str) -> Vec<String> {
        self.run_ends(now, 0)
    }

    /// The same for a run that ends with a code.
    #[track_caller]
    pub(crate) fn run_ends(&self, now: &str, code: i32) -> Vec<String> {
        self.drip(&["--now", now, "run"]).code(code);
        let before = self.sends();
        if code == 0 {
            let again = self.drip(&["--now", now, "run"]).code(0);
            assert_eq!(again.stdout.lines().next(), Some("Nothing was due."), "a second run at {now}");
            assert_eq!(self.sends(), before, "a second run at {now}");
        }
        self.check();
        before
    }

    /// Returns the ledger, one line a row: campaign, step, e-mail, round, state and reason.
    pub(crate) fn sends(&self) -> Vec<String> {
        self.sql(
            "SELECT campaign || ' ' || step || ' ' || email || CASE WHEN round > 1 THEN ' #' || round ELSE '' END || ' ' || state
             || CASE WHEN reason IS NULL THEN '' ELSE ' (' || reason || ')' END FROM v_sends ORDER BY campaign, email, round, due_at, step",
        )
    }

    /// Returns the enrolments, one line a row.
    pub(crate) fn enrolments(&self) -> Vec<String> {
        self.sql(
            "SELECT campaign || ' ' || email || CASE WHEN round > 1 THEN ' #' || round ELSE '' END || ' ' || state
             || CASE WHEN state = 'active' THEN coalesce(' at ' || position, '') WHEN state = 'exited' THEN ' (' || reason || ')' ELSE '' END
             FROM v_enrolments ORDER BY campaign, email, round",
        )
    }

    /// Returns the first column of a query as text.
    pub(crate) fn sql(&self, query: &str) -> Vec<String> {
        let connection = self.database();
        let mut statement = connection.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        rows.map(|value| match value.unwrap() {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        })
        .collect()
    }

    pub(crate) fn database(&self) -> Connection {
        Connection::open(self.path("drip.db")).unwrap()
    }

    /// Returns the mails of the outbox, by recipient.
    pub(crate) fn outbox(&self) -> Vec<Mail> {
        let Ok(entries) = fs::read_dir(self.path("outbox/new")) else { return Vec::new() };
        let mut mails: Vec<_> = entries.map(|entry| read_mail(&entry.unwrap().path())).collect();
        mails.sort_by(|a, b| a.to.cmp(&b.to));
        mails
    }

    /// Asserts what must hold at any time.
    #[track_caller]
    pub(crate) fn check(&self) {
        self.check_file();
        if self.relay.is_none() {
            let sent: BTreeMap<String, usize> =
                count(self.sql("SELECT email FROM v_sends WHERE state = 'sent' AND kind = 'mail'"));
            let contacts = self.sql("SELECT email FROM v_contacts");
            let received = count(self.outbox().into_iter().map(|mail| mail.to).filter(|to| contacts.contains(to)));
            assert_eq!(received, sent, "the outbox and the ledger");
        }
    }

    /// Asserts that the file itself is sound.
    #[track_caller]
    pub(crate) fn check_file(&self) {
        let connection = self.database();
        let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(integrity, "ok");
        let broken = connection.prepare("PRAGMA foreign_key_check").unwrap().query_map([], |_| Ok(())).unwrap().count();
        assert_eq!(broken, 0, "foreign keys");
        // A file of before there were any.
        if self.sql("SELECT name FROM sqlite_schema WHERE name = 'tallies'").is_empty() {
            return;
        }
        let columns = "campaign_id || ' ' || kind || ' ' || step || ' ' || state || ' ' || detail || ' ' || number";
        let counted = |table: &str| self.sql(&format!("SELECT {columns} FROM {table} WHERE number <> 0 ORDER BY 1"));
        assert_eq!(counted("tallies"), counted("recount"), "what is tallied and what is counted");
        if self.sql("SELECT name FROM sqlite_schema WHERE name = 'trials'").is_empty() {
            return;
        }
        let columns = "campaign_id || ' ' || step || ' ' || hour || ' ' || variant || ' ' || sent || ' ' || goals || ' ' || clicks";
        let tried = |table: &str| self.sql(&format!("SELECT {columns} FROM {table} WHERE sent <> 0 ORDER BY 1"));
        assert_eq!(tried("trials"), tried("retrials"), "what is kept of tests and what is counted");
        if self.sql("SELECT name FROM sqlite_schema WHERE name = 'standing_counts'").is_empty() {
            return;
        }
        let columns = "stage || ' ' || segments || ' ' || subscribed || ' ' || people";
        let standing = |table: &str| self.sql(&format!("SELECT {columns} FROM {table} WHERE people <> 0 ORDER BY 1"));
        assert_eq!(standing("standing_counts"), standing("restandings"), "how many stand where");
    }
}

/// Counts equal things.
pub(crate) fn count<T: Ord>(things: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for thing in things {
        *counts.entry(thing).or_insert(0) += 1;
    }
    counts
}

/// Returns the program under test: `DRIP_BIN`, or the one that was built with the tests.
#[expect(clippy::disallowed_methods, reason = "a long run tests the release build")]
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("DRIP_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_drip")), PathBuf::from)
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn read_mail(path: &Path) -> Mail {
    let bytes = fs::read_to_string(path).unwrap();
    let to = bytes.lines().find_map(|line| line.strip_prefix("To: ")).unwrap();
    let to = to.rsplit_once('<').map_or(to, |(_, address)| address.trim_end_matches('>')).to_owned();
    Mail { to, raw: bytes }
}
