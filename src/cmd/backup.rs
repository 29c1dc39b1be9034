//! `drip backup` and `drip restore`: copies of drip.db that can be trusted.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Failure;
use super::context::Context;
use super::machine;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::store::{RunLock, Store, StoreError};
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
    Store::check_copy(file)?;
    let kept = database.exists().then(|| keep(&database)).transpose()?;
    let is_whole = kept.as_ref().is_some_and(|kept| kept.is_whole);
    let taken = Store::put_back(&database, file, is_whole, context.now()).inspect_err(|_| {
        // What was moved away comes back: without it there would be no file at all.
        if let Some(kept) = kept.as_ref().filter(|kept| !kept.is_whole) {
            let _ = shift(&kept.path, &database);
        }
    })?;
    if let Some(kept) = &kept {
        context.output.status(&format!("What was there lies in {}.", kept.path.display()));
    }
    context.output.result(&format!("drip.db is as it was in {}.\n", file.display()));
    for (number, what) in [
        (taken.opted_out, "who want no more mail are kept so"),
        (taken.suppressed, "entries of the suppression list are kept"),
        (taken.forgotten, "who were forgotten are forgotten again"),
    ] {
        if number > 0 {
            context.output.status(&format!("{number} {what}."));
        }
    }
    if !is_whole {
        context.output.warn(
            "what was there cannot be read: who unsubscribed, bounced or was forgotten since the copy was made it does not know; \
             say so with `drip contact unsubscribe` before the next run, and start `drip serve` anew",
        );
    }
    context.output.status(
        "It does not know what was sent since: the next run needs --adopt, and takes whatever fell due since for `unknown`.",
    );
    Ok(Exit::Success)
}

/// Where the present file was put aside.
struct Kept {
    path: PathBuf,
    /// Whether it could be read.
    is_whole: bool,
}

/// Puts the present file aside: a copy where it can be read, else the very files.
fn keep(database: &Path) -> Result<Kept, Failure> {
    let kept = (1..=u16::MAX)
        .map(|number| with_ending(database, &format!("before-restore-{number}")))
        .find(|path| !path.exists())
        .unwrap_or_default();
    let copied = Store::check_log(database, machine::boot().as_deref())
        .and_then(|()| Store::open_to_read(database))
        .and_then(|store| store.map(|store| store.back_up(&kept)).transpose());
    match copied {
        Ok(Some(())) => return Ok(Kept { path: kept, is_whole: true }),
        // A disk that is full, or somebody who writes, is no reason to take a good file away.
        Err(
            error @ (StoreError::Busy(_)
            | StoreError::Full(_)
            | StoreError::NoRoom { .. }
            | StoreError::Failing(_)
            | StoreError::Rights(_)
            | StoreError::Create { .. }),
        ) => return Err(error.into()),
        Ok(None) | Err(_) => {}
    }
    shift(database, &kept).with_context(|| format!("`{}` cannot be put aside", database.display()))?;
    Ok(Kept { path: kept, is_whole: false })
}

/// Renames a database with what SQLite keeps beside it.
fn shift(from: &Path, to: &Path) -> std::io::Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let (from, to) = (with_suffix(from, ending), with_suffix(to, ending));
        if from.exists() {
            fs::rename(&from, &to)?;
        }
    }
    Ok(())
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
