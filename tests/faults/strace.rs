//! Kills a program at any of its system calls, by strace's `inject=CALL:signal=SIGKILL:when=N`.
//!
//! The call at which the signal comes is not carried out. strace counts in each thread for itself, so the Nth call of a
//! second thread is passed over where the first one made its Nth before. With one connection those are the MAIL of
//! the very first mail and the answers up to the first 354, between calls of the first thread that are not passed over;
//! from the first content on each call of the connection is a moment of its own.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::case::Effort;
use crate::support::Sandbox;

/// The calls that change a file or a name, speak to the relay or hear from it, or stand at the beginning of something.
///
/// Whatever happens between two of them leaves no trace once the process is gone.
const CALLS: [&str; 19] = [
    "pwrite64",
    "write",
    "fsync",
    "fdatasync",
    "ftruncate",
    "unlink",
    "rename",
    "openat",
    "open",
    "close",
    "flock",
    "pread64",
    "read",
    "socket",
    "connect",
    "sendto",
    "recvfrom",
    "clone3",
    "exit_group",
];

/// The Nth call of a kind in one thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    call: &'static str,
    nth: usize,
}

/// Runs a command that is killed at a moment; says whether it came to that.
pub(crate) fn kill_at(sandbox: &Sandbox, words: &[&str], moment: Moment) -> bool {
    let Moment { call, nth } = moment;
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
    // Not with `--seccomp-bpf`, under which strace 6.1 sends no signal.
    let starter = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    let output = sandbox.command_under(&starter, words).output().unwrap();
    // strace ends as its program did.
    let killed = output.status.signal() == Some(9);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(killed || output.status.code().is_some_and(|code| [0, 6].contains(&code)), "{moment:?}: {said}");
    killed
}

/// Has a story told once for each moment at which a command can be killed; returns how many those were.
///
/// The story kills it at that moment, looks at what is left, and says whether the command came to be killed.
pub(crate) fn everywhere(
    effort: Effort,
    quick: usize,
    project: &Sandbox,
    words: &[&str],
    story: impl Fn(Moment) -> bool + Sync,
) -> usize {
    if effort == Effort::Quick {
        let moments = moments(project, words);
        let some = (0..quick).map(|n| moments[n * moments.len() / quick]);
        return some.filter(|moment| story(*moment)).count();
    }
    let told = AtomicUsize::new(0);
    for call in CALLS {
        let (next, ended) = (AtomicUsize::new(1), AtomicBool::new(false));
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while !ended.load(Ordering::SeqCst) {
                        let nth = next.fetch_add(1, Ordering::SeqCst);
                        if story(Moment { call, nth }) {
                            told.fetch_add(1, Ordering::SeqCst);
                        } else {
                            ended.store(true, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
    }
    let told = told.into_inner();
    assert!(told >= quick, "only {told} kills");
    told
}

/// Runs a command to its end, and returns the moments at which it could have been killed, in their order.
fn moments(project: &Sandbox, words: &[&str]) -> Vec<Moment> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let (trace, path) = (format!("trace={}", CALLS.join(",")), log.path().display().to_string());
    let starter = ["strace", "-f", "-qq", "-o", &path, "-e", &trace];
    let output = project.command_under(&starter, words).output().unwrap();
    assert!(output.status.code().is_some_and(|code| [0, 6].contains(&code)), "{output:?}");
    let text = String::from_utf8_lossy(&fs::read(log.path()).unwrap()).into_owned();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut most: BTreeMap<&str, usize> = BTreeMap::new();
    let mut moments = Vec::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let name = rest.trim_start().split('(').next().unwrap_or_default();
        let Some(call) = CALLS.into_iter().find(|call| *call == name) else { continue };
        let nth = counts.entry((thread, call)).or_default();
        *nth += 1;
        let reached = most.entry(call).or_default();
        if *nth > *reached {
            *reached = *nth;
            moments.push(Moment { call, nth: *nth });
        }
    }
    moments
}
