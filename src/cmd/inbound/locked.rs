//! An mbox that nobody writes to while it is read.
//!
//! Mail programs lock it in two ways, and take both: a lock of the system on the file (fcntl), and a file beside it with
//! `.lock` behind the name. drip holds them as long as it takes to copy the mbox. A program that is killed leaves the second
//! one behind: drip takes that away where the process whose number stands in it is gone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// How long others may hold it: a mail is delivered in less.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(100);
/// How old a file of a process that is gone must be: on a disk that machines share it may be another machine's.
const STALE: Duration = Duration::from_secs(5 * 60);

/// Returns a copy of an mbox, taken while nobody writes to it.
pub(super) fn copy(path: &Path) -> io::Result<File> {
    let mut mbox = File::open(path)?;
    let mut copy = tempfile::tempfile()?;
    let lock = lock(path, &mbox)?;
    io::copy(&mut mbox, &mut copy)?;
    drop(lock);
    copy.rewind()?;
    Ok(copy)
}

/// The file beside an mbox; the lock of the system goes with the file that is open.
struct Dot(Option<PathBuf>);

impl Drop for Dot {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

fn lock(path: &Path, mbox: &File) -> io::Result<Dot> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let beside = PathBuf::from(name);
    let mut left = PATIENCE;
    if is_stale(&beside) {
        let _ = fs::remove_file(&beside);
    }
    loop {
        // First the one, then the other, and neither alone: who takes them the other way round is not waited for for ever.
        let held_by = match fcntl_lock(mbox, FlockOperation::NonBlockingLockShared) {
            Ok(()) => match dot(&beside) {
                Ok(Some(dot)) => return Ok(dot),
                Ok(None) => format!("`{}` is there", beside.display()),
                Err(error) => return Err(error),
            },
            Err(Errno::AGAIN | Errno::ACCESS) => "another program has locked it".to_owned(),
            Err(error) => return Err(error.into()),
        };
        let _ = fcntl_lock(mbox, FlockOperation::NonBlockingUnlock);
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, format!("{held_by}, for more than 30 s")));
        }
        std::thread::sleep(GLANCE);
        left = left.saturating_sub(GLANCE);
    }
}

/// Tells whether the file beside an mbox was left by a process that is gone; where no number stands in it nobody knows.
fn is_stale(path: &Path) -> bool {
    let age = fs::metadata(path).and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
    let number = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
    let process = number.filter(|number| *number > 0).and_then(Pid::from_raw);
    age.is_some_and(|age| age > STALE) && process.is_some_and(|process| test_kill_process(process) == Err(Errno::SRCH))
}

/// Makes the file beside the mbox; `None`: somebody else has it.
fn dot(path: &Path) -> io::Result<Option<Dot>> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            // By the number of the process others see that it is gone.
            let _ = write!(file, "{}", std::process::id());
            Ok(Some(Dot(Some(path.to_owned()))))
        }
        Err(error) => match error.kind() {
            io::ErrorKind::AlreadyExists => Ok(None),
            // Where no file can be made nobody else makes one either.
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Ok(Some(Dot(None))),
            _ => Err(error),
        },
    }
}
