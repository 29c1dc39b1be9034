//! A command that was recorded, and every disk that a cut of the power in its course may leave.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Mutex;

use crate::crowd::{Piece, step_of};
use crate::disk::{Disk, Left, lay_out};
use crate::support::Sandbox;
use crate::support::smtp::SmtpServer;
use crate::trace::{self, Event};

pub(crate) struct Record {
    /// As it was before the command.
    project: Sandbox,
    folder: PathBuf,
    pub(crate) events: Vec<Event>,
}

impl Record {
    /// Carries out a command in a copy of a project, and records it.
    pub(crate) fn of(project: &Sandbox, relay: Option<&SmtpServer>, words: &[&str]) -> Self {
        let project = project.copy();
        let mut there = project.copy();
        there.send_to_port(relay.map(SmtpServer::port));
        let events = trace::record(&there, words, None);
        Self { project, folder: there.path(""), events }
    }

    /// The same for a command that is killed in the midst of its mails, and is carried out again.
    pub(crate) fn of_killed(project: &Sandbox, relay: &SmtpServer, words: &[&str], at: usize) -> Self {
        let project = project.copy();
        let there = project.copy().through(relay);
        let mut events = trace::record(&there, words, Some(at));
        events.extend(trace::record(&there, words, None));
        Self { project, folder: there.path(""), events }
    }

    /// Returns the events that change a file while it bears a name.
    pub(crate) fn changes_of(&self, name: &str) -> BTreeSet<usize> {
        let (mut handles, mut changes) = (BTreeSet::new(), BTreeSet::new());
        for (at, event) in self.events.iter().enumerate() {
            match event {
                Event::Opened { handle, path, .. } if path.file_name().is_some_and(|file| file == name) => {
                    handles.insert(*handle);
                }
                Event::Opened { handle, .. } | Event::Closed { handle } => {
                    handles.remove(handle);
                }
                Event::Wrote { handle, .. } | Event::Resized { handle, .. } | Event::Synced { handle }
                    if handles.contains(handle) =>
                {
                    changes.insert(at);
                }
                _ => {}
            }
        }
        changes
    }

    /// Has a story told once for each disk that a cut may leave after an event, together with the mails that had begun to
    /// leave by then; returns how many those were.
    ///
    /// Of what was not synchronised there is nothing, something and everything. `few` takes so many cuts of all.
    pub(crate) fn each_cut(&self, few: Option<usize>, story: impl Fn(Sandbox, &[Piece]) + Sync) -> usize {
        let told = Mutex::new(BTreeSet::new());
        let step = few.map_or(1, |few| self.events.len().div_ceil(few));
        let work = || {
            let mut disk = Disk::of(&self.project.path(""), &self.folder);
            let mut before = Vec::new();
            for (at, event) in self.events.iter().enumerate() {
                if let Event::Said { bytes } = event {
                    before.extend(mail_in(bytes));
                }
                let matters = disk.apply(event);
                if few.map_or(!matters, |_| at % step != step / 2) {
                    continue;
                }
                for left in [Left::Nothing, Left::Some(at as u64), Left::All] {
                    let image = disk.image(left);
                    let mut hasher = DefaultHasher::new();
                    image.hash(&mut hasher);
                    if told.lock().unwrap().insert((hasher.finish(), before.len())) {
                        let sandbox = self.project.copy();
                        lay_out(&image, &sandbox.path(""));
                        let telling = Telling { at, left };
                        story(sandbox, &before);
                        drop(telling);
                    }
                }
            }
        };
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work);
            }
        });
        told.into_inner().unwrap().len()
    }
}

/// Says which disk it was when a story about it fails.
struct Telling {
    at: usize,
    left: Left,
}

impl Drop for Telling {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("after event {}, with {:?} of what was not synchronised", self.at, self.left);
        }
    }
}

/// Returns the mail whose content begins to leave here.
fn mail_in(said: &[u8]) -> Option<Piece> {
    let text = String::from_utf8_lossy(said);
    let to = text.lines().find_map(|line| line.strip_prefix("To: "))?;
    let address = to.rsplit_once('<').map_or(to, |(_, address)| address).trim_end_matches('>');
    Some((step_of(said), address.to_owned()))
}
