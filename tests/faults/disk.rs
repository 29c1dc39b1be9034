//! A disk that forgets: what a folder may hold once the power was cut.
//!
//! Whatever was written to a file before it was last synchronised is there. Of what was written since, anything may be
//! there or not, in pieces of a sector; of the names that were given and taken since the folder was synchronised, the first
//! so many. No `-shm` is left, which is memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::trace::{Event, Handle};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// The files that are left, by their names.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

/// How much is left of what was not synchronised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    /// Something, the same each time for the same number.
    Some(u64),
    All,
}

pub(crate) struct Disk {
    folder: PathBuf,
    files: Vec<File>,
    /// As the program sees them.
    names: BTreeMap<String, usize>,
    /// As they are on the disk for certain, and what was done to them since.
    certain: BTreeMap<String, usize>,
    since: Vec<(String, Option<usize>)>,
    open: BTreeMap<Handle, Open>,
}

#[derive(Default)]
struct File {
    certain: Vec<u8>,
    since: Vec<Change>,
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Resize(usize),
}

struct Open {
    /// `None`: the folder itself.
    file: Option<usize>,
    position: usize,
}

impl Disk {
    /// Takes what lies in a folder for what is on the disk; the program knows the folder as `known_as`.
    pub(crate) fn of(folder: &Path, known_as: &Path) -> Self {
        let mut disk = Self {
            folder: known_as.to_owned(),
            files: Vec::new(),
            names: BTreeMap::new(),
            certain: BTreeMap::new(),
            since: Vec::new(),
            open: BTreeMap::new(),
        };
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                disk.certain.insert(name, disk.files.len());
                disk.files.push(File { certain: fs::read(path).unwrap(), since: Vec::new() });
            }
        }
        disk.names = disk.certain.clone();
        disk
    }

    /// Returns the name of a file that lies in the folder.
    fn name(&self, path: &Path) -> Option<String> {
        let path = self.folder.join(path.strip_prefix(".").unwrap_or(path));
        (path.parent() == Some(&self.folder)).then(|| path.file_name().unwrap().to_str().unwrap().to_owned())
    }

    /// Does what the program did; says whether that makes any difference to a cut.
    pub(crate) fn apply(&mut self, event: &Event) -> bool {
        match event {
            Event::Opened { handle, path, made, emptied } => self.open(*handle, path, *made, *emptied),
            Event::Closed { handle } => {
                self.open.remove(handle);
                false
            }
            Event::Sought { handle, to } => {
                if let Some(open) = self.open.get_mut(handle) {
                    open.position = *to;
                }
                false
            }
            Event::Wrote { handle, at, bytes } => {
                let Some(open) = self.open.get_mut(handle) else { return false };
                let start = at.unwrap_or(open.position);
                if at.is_none() {
                    open.position += bytes.len();
                }
                self.change(*handle, Change::Write { at: start, bytes: bytes.clone() })
            }
            Event::Resized { handle, length } => self.change(*handle, Change::Resize(*length)),
            Event::Synced { handle } => self.sync(*handle),
            Event::Removed { path } => self.name(path).is_some_and(|name| self.rename(name, None)),
            Event::Renamed { from, to } => {
                let (Some(from), Some(to)) = (self.name(from), self.name(to)) else { return false };
                let file = self.names.get(&from).copied();
                // Both names change in one step; the new one first never loses the file.
                self.rename(to, file);
                self.rename(from, None)
            }
            Event::Said { .. } => true,
        }
    }

    fn open(&mut self, handle: Handle, path: &Path, made: bool, emptied: bool) -> bool {
        if self.folder.join(path) == self.folder {
            self.open.insert(handle, Open { file: None, position: 0 });
            return false;
        }
        let Some(name) = self.name(path) else { return false };
        let known = self.names.get(&name).copied();
        if known.is_none() && !made {
            // A folder within.
            return false;
        }
        let file = known.unwrap_or_else(|| {
            self.files.push(File::default());
            self.rename(name, Some(self.files.len() - 1));
            self.files.len() - 1
        });
        self.open.insert(handle, Open { file: Some(file), position: 0 });
        known.is_none() || emptied && self.change(handle, Change::Resize(0))
    }

    fn change(&mut self, handle: Handle, change: Change) -> bool {
        let file = self.open.get(&handle).and_then(|open| open.file);
        if let Some(file) = file {
            self.files[file].since.push(change);
        }
        file.is_some()
    }

    fn rename(&mut self, name: String, file: Option<usize>) -> bool {
        match file {
            Some(file) => self.names.insert(name.clone(), file),
            None => self.names.remove(&name),
        };
        self.since.push((name, file));
        true
    }

    fn sync(&mut self, handle: Handle) -> bool {
        match self.open.get(&handle) {
            None => return false,
            Some(Open { file: None, .. }) => {
                self.certain = self.names.clone();
                self.since.clear();
            }
            Some(Open { file: Some(file), .. }) => {
                let file = &mut self.files[*file];
                for change in std::mem::take(&mut file.since) {
                    change.carry_out(&mut file.certain, |_| true);
                }
            }
        }
        true
    }

    /// Returns what is there after a cut at this moment.
    pub(crate) fn image(&self, left: Left) -> Image {
        let mut dice = Dice(if let Left::Some(seed) = left { seed } else { 0 });
        dice.below(1);
        let mut names = self.certain.clone();
        let so_many = match left {
            Left::Nothing => 0,
            Left::Some(_) => dice.below(self.since.len() + 1),
            Left::All => self.since.len(),
        };
        for (name, file) in &self.since[..so_many] {
            match file {
                Some(file) => names.insert(name.clone(), *file),
                None => names.remove(name),
            };
        }
        let lasting = names.into_iter().filter(|(name, _)| !name.ends_with("-shm"));
        lasting.map(|(name, file)| (name, self.files[file].left(left, &mut dice))).collect()
    }
}

impl File {
    fn left(&self, left: Left, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.certain.clone();
        for change in &self.since {
            // Half of them whole, a quarter torn, a quarter not at all.
            let (whole, torn) = match left {
                Left::Nothing => (false, false),
                Left::All => (true, true),
                Left::Some(_) => (dice.below(2) == 0, dice.below(2) == 0),
            };
            change.carry_out(&mut bytes, |_| whole || torn && dice.below(2) == 0);
        }
        bytes
    }
}

impl Change {
    /// Changes a file, in those sectors of a write that are chosen.
    fn carry_out(&self, file: &mut Vec<u8>, mut chosen: impl FnMut(usize) -> bool) {
        match self {
            Self::Resize(length) => {
                if chosen(0) {
                    file.resize(*length, 0);
                }
            }
            Self::Write { at, bytes } => {
                let mut from = 0;
                while from < bytes.len() {
                    let sector = (at + from) / SECTOR;
                    let to = bytes.len().min((sector + 1) * SECTOR - at);
                    if chosen(sector) {
                        if file.len() < at + to {
                            file.resize(at + to, 0);
                        }
                        file[at + from..at + to].copy_from_slice(&bytes[from..to]);
                    }
                    from = to;
                }
            }
        }
    }
}

/// Puts these files into a folder, instead of those that lie there.
pub(crate) fn lay_out(image: &Image, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    for (name, bytes) in image {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Pseudo-random numbers that are the same each time (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}
