//! `drip backup` and `drip restore`: copies of drip.db that can be trusted.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Failure;
use super::context::Context;
use super::machine;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::store::{RunLock, Store};
use crate::ui::words::number;

pub(super) fn backup(context: &Context, file: &Path, force: bool) -> Result<Exit, Failure> {
    let Some(store) = context.open_to_read()? else {
        return Err(Diagnostic::error("there is no drip.db yet").into());
    };
    if same(file, &context.database()) {
        return Err(Diagnostic::error("that is drip.db itself").into());
    }
    if file.exists() && !force {
        let there = Diagnostic::error(format!("`{}` is there already", file.display()));
        return Err(there.hint("--force writes over it").into());
    }
    // What was there stays whole until the new copy is.
    let part = with_ending(file, "part");
    store.back_up(&part)?;
    fs::rename(&part, file).with_context(|| format!("`{}` cannot be written", file.display()))?;
    let size = fs::metadata(file).map_or(0, |data| data.len());
    context.output.result(&format!("{} holds everything up to now: {} KiB.\n", file.display(), number(size / 1024)));
    Ok(Exit::Success)
}

pub(super) fn restore(context: &Context, file: &Path) -> Result<Exit, Failure> {
    let database = context.database();
    if same(file, &database) {
        return Err(Diagnostic::error("that is drip.db itself").into());
    }
    let lock = RunLock::take(&database)?;
    if lock.is_none() {
        return Err(Diagnostic::error("a run is under way").hint("restore when it has ended").into());
    }
    if !file.is_file() {
        return Err(Diagnostic::error(format!("there is no file `{}`", file.display())).into());
    }
    let kept = database.exists().then(|| keep(&database)).transpose()?;
    Store::put_back(&database, file)?;
    context.output.result(&format!("drip.db is as it was in {}.\n", file.display()));
    if let Some(kept) = kept {
        context.output.status(&format!("What was there lies in {}.", kept.display()));
    }
    context.output.status(
        "It does not know what was sent since: the next run needs --adopt, and takes whatever fell due since for `unknown`.",
    );
    Ok(Exit::Success)
}

/// Puts the present file aside: a copy where it can be read, else the very files.
fn keep(database: &Path) -> Result<PathBuf, Failure> {
    let kept = (1..=u16::MAX)
        .map(|number| with_ending(database, &format!("before-restore-{number}")))
        .find(|path| !path.exists())
        .unwrap_or_default();
    if Store::check_log(database, machine::boot().as_deref()).is_ok()
        && let Ok(Some(store)) = Store::open_to_read(database)
        && store.back_up(&kept).is_ok()
    {
        return Ok(kept);
    }
    for ending in ["", "-wal", "-shm"] {
        let (from, to) = (with_suffix(database, ending), with_suffix(&kept, ending));
        if from.exists() {
            fs::rename(&from, &to).with_context(|| format!("`{}` cannot be put aside", from.display()))?;
        }
    }
    Ok(kept)
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    with_suffix(path, &format!(".{ending}"))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}
