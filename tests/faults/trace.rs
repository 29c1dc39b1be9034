//! What a program did to its files and said to the relay, in order: a log of `strace -f -xx`, read.
//!
//! What may reach the disk or the relay before a call returns counts from its beginning; what a call promises, from its
//! end. Lines of several threads are mixed: a call that another one interrupts stands there in two pieces.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;

use crate::support::Sandbox;

/// What [`record`] asks strace for.
const CALLS: &str = "trace=openat,open,close,lseek,pwrite64,write,fsync,fdatasync,ftruncate,unlink,rename,sendto";

/// A file as the program calls it while it is open.
pub(crate) type Handle = u32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Opened {
        handle: Handle,
        path: PathBuf,
        /// Made, where there was none.
        made: bool,
        emptied: bool,
    },
    Closed {
        handle: Handle,
    },
    Sought {
        handle: Handle,
        to: usize,
    },
    /// `at`: `None` for where the last write ended.
    Wrote {
        handle: Handle,
        at: Option<usize>,
        bytes: Vec<u8>,
    },
    Resized {
        handle: Handle,
        length: usize,
    },
    /// Everything so far is on the disk.
    Synced {
        handle: Handle,
    },
    Removed {
        path: PathBuf,
    },
    Renamed {
        from: PathBuf,
        to: PathBuf,
    },
    Said {
        bytes: Vec<u8>,
    },
}

/// Runs a command to its end, or kills it at the Nth time that a thread speaks to the relay; returns what it did.
pub(crate) fn record(sandbox: &Sandbox, words: &[&str], killed_at: Option<usize>) -> Vec<Event> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let path = log.path().display().to_string();
    let kill = killed_at.map(|nth| format!("inject=sendto:signal=SIGKILL:when={nth}"));
    let mut starter =
        vec!["strace", "-f", "-qq", "-xx", "-s", "10000000", "-o", &path, "-e", "signal=none", "-e", CALLS];
    starter.extend(kill.iter().flat_map(|kill| ["-e", kill]));
    let output = sandbox.command_under(&starter, words).output().unwrap();
    assert_eq!(output.status.signal(), killed_at.map(|_| 9), "{output:?}");
    assert!(killed_at.is_some() || [Some(0), Some(6)].contains(&output.status.code()), "{output:?}");
    read(&fs::read_to_string(log.path()).unwrap())
}

/// Reads a log.
fn read(log: &str) -> Vec<Event> {
    let mut begun: BTreeMap<&str, Call> = BTreeMap::new();
    let mut events = Vec::new();
    for line in log.lines() {
        let Some((thread, line)) = line.split_once(' ') else { continue };
        let line = line.trim_start();
        if line.starts_with("+++") {
            continue;
        }
        let call = if line.starts_with("<... ") {
            let call = begun.remove(thread).expect("the beginning of a call before its end");
            Call { result: result(line), ..call }
        } else {
            let call = Call::read(line);
            events.extend(call.beginning());
            if line.ends_with("<unfinished ...>") {
                begun.insert(thread, call);
                continue;
            }
            call
        };
        events.extend(call.end());
    }
    events
}

/// One system call, as far as the log tells of it.
#[derive(Debug)]
struct Call<'a> {
    name: &'a str,
    arguments: Vec<&'a str>,
    /// `None` before its end, and where it failed.
    result: Option<usize>,
}

impl<'a> Call<'a> {
    fn read(line: &'a str) -> Self {
        let (name, rest) = line.split_once('(').expect("a system call");
        let inner = rest.rsplit_once(") ").map_or(rest, |(inner, _)| inner);
        let inner = inner.trim_end_matches("<unfinished ...>").trim_end();
        // Strings are in hexadecimal, so that no comma stands in them.
        Self { name, arguments: inner.split(", ").collect(), result: result(line) }
    }

    fn number(&self, at: usize) -> usize {
        self.arguments[at].parse().unwrap_or_else(|_| panic!("no number: {self:?}"))
    }

    fn handle(&self) -> Handle {
        u32::try_from(self.number(0)).unwrap()
    }

    fn bytes(&self, at: usize) -> Vec<u8> {
        let text = self.arguments[at].strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let text = text.unwrap_or_else(|| panic!("no whole string: {self:?}"));
        text.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
    }

    fn path(&self, at: usize) -> PathBuf {
        String::from_utf8(self.bytes(at)).unwrap().into()
    }

    /// Returns what may have happened once it has begun.
    fn beginning(&self) -> Option<Event> {
        Some(match self.name {
            "pwrite64" => Event::Wrote { handle: self.handle(), at: Some(self.number(3)), bytes: self.bytes(1) },
            "write" => Event::Wrote { handle: self.handle(), at: None, bytes: self.bytes(1) },
            "ftruncate" => Event::Resized { handle: self.handle(), length: self.number(1) },
            "unlink" => Event::Removed { path: self.path(0) },
            "rename" => Event::Renamed { from: self.path(0), to: self.path(1) },
            "sendto" => Event::Said { bytes: self.bytes(1) },
            "close" => Event::Closed { handle: self.handle() },
            _ => return None,
        })
    }

    /// Returns what has happened once it has ended.
    fn end(&self) -> Option<Event> {
        let result = self.result?;
        Some(match self.name {
            "openat" | "open" => {
                let path = usize::from(self.name == "openat");
                let [made, emptied] = ["O_CREAT", "O_TRUNC"].map(|flag| self.arguments[path + 1].contains(flag));
                Event::Opened { handle: u32::try_from(result).unwrap(), path: self.path(path), made, emptied }
            }
            "lseek" => Event::Sought { handle: self.handle(), to: result },
            "fsync" | "fdatasync" => Event::Synced { handle: self.handle() },
            _ => return None,
        })
    }
}

/// Returns what a call returned: `= 3`, but not `= -1 ENOENT`.
fn result(line: &str) -> Option<usize> {
    let (_, result) = line.rsplit_once(" = ")?;
    result.split(' ').next()?.parse().ok()
}

/// Reads a log in which two threads are mixed, as strace writes it.
pub(crate) fn check_reading() {
    let log = "\
7  openat(AT_FDCWD, \"\\x61\", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3
7  openat(AT_FDCWD, \"\\x62\", O_RDONLY) = -1 ENOENT (No such file or directory)
7  pwrite64(3, \"\\x00\\xff\", 2, 4096 <unfinished ...>
8  sendto(9, \"\\x2e\\x0d\\x0a\", 3, MSG_NOSIGNAL, NULL, 0 <unfinished ...>
7  <... pwrite64 resumed>)              = 2
7  fdatasync(3 <unfinished ...>
8  <... sendto resumed>)                = 3
7  <... fdatasync resumed>)             = 0
8  +++ exited with 0 +++
7  unlink(\"\\x61\")                       = 0
";
    let handle = 3;
    let expected = [
        Event::Opened { handle, path: "a".into(), made: true, emptied: false },
        Event::Wrote { handle, at: Some(4096), bytes: vec![0, 255] },
        Event::Said { bytes: b".\r\n".to_vec() },
        Event::Synced { handle },
        Event::Removed { path: "a".into() },
    ];
    assert_eq!(read(log), expected);
}
