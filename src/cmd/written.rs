//! What an export writes: rows of CSV, and a file that only its owner can read and that is there whole or not at all.

use std::ffi::OsStr;
use std::io::{BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use super::Failure;
use super::context::Context;
use crate::cli::contact::ExportFormat;
use crate::error::Diagnostic;

/// A file under way; dropped before its end it leaves nothing.
pub(super) struct Written {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Written {
    pub(super) fn begin(path: &Path) -> anyhow::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).with_context(|| failed(path))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    pub(super) fn add(&mut self, text: &str) -> anyhow::Result<()> {
        self.file.write_all(text.as_bytes()).with_context(|| failed(&self.path))
    }

    pub(super) fn end(self) -> anyhow::Result<()> {
        let failed = || failed(&self.path);
        let file = self.file.into_inner().map_err(IntoInnerError::into_error).with_context(failed)?;
        file.as_file().sync_all().with_context(failed)?;
        file.persist(&self.path).with_context(failed)?;
        Ok(())
    }
}

fn failed(path: &Path) -> String {
    format!("`{}` cannot be written", path.display())
}

/// Returns the form that was asked for, or that the end of a file's name tells.
pub(super) fn format(file: Option<&str>, asked: Option<ExportFormat>) -> ExportFormat {
    let ending = file.and_then(|file| Path::new(file).extension()).and_then(OsStr::to_str);
    let is_json = ending.is_some_and(|ending| ["jsonl", "ndjson"].contains(&ending));
    asked.unwrap_or(if is_json { ExportFormat::Json } else { ExportFormat::Csv })
}

/// An export is never worth a file that is there, least of all the database or the settings.
pub(super) fn refuse_existing(context: &Context, file: &Path, force: bool) -> Result<(), Failure> {
    refuse_own(context, file)?;
    if file.exists() && !force {
        let error = Diagnostic::error(format!("`{}` is there already", file.display()));
        return Err(error.hint("name another file, or write over it with --force").into());
    }
    Ok(())
}

/// Nothing is ever worth the database or the settings.
pub(super) fn refuse_own(context: &Context, file: &Path) -> Result<(), Failure> {
    let same = |other: &Path| {
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        real(file).is_some_and(|file| real(other).is_some_and(|other| other == file))
    };
    let kept = ["drip.db", "drip.db-wal", "drip.db-shm", "drip.lock", "drip.yaml"];
    if kept.iter().any(|name| same(&context.root.join(name))) {
        let error = Diagnostic::error(format!("`{}` is there already", file.display()));
        return Err(error.hint("name another file").into());
    }
    Ok(())
}

/// Returns a row of CSV with its line break.
pub(super) fn row(cells: impl Iterator<Item = String>) -> anyhow::Result<String> {
    let failed = "a row cannot be written";
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells.collect::<Vec<_>>()).context(failed)?;
    String::from_utf8(writer.into_inner().context(failed)?).context("a row is no text")
}
