//! What lies in a project's folder, with modes and owners.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::context::Context;
use crate::doctor::modes::{Entry, Kind};
use crate::model::secret;
use crate::model::settings::{Login, Password, Settings};

/// More files than this are not looked at one by one.
const MOST: usize = 5000;

/// Returns everything whose modes matter.
pub(super) fn of(context: &Context, settings: Option<&Settings>) -> Vec<Entry> {
    let root = &context.root;
    let mut entries = Vec::new();
    let mut look = |path: &str, kind: Kind, is_written: bool| {
        let full = root.join(path);
        let Ok(data) = fs::metadata(&full) else { return };
        entries.push(Entry {
            path: if root == Path::new(".") { path.to_owned() } else { full.display().to_string() },
            kind,
            is_folder: data.is_dir(),
            mode: data.mode() & 0o7777,
            owner: data.uid(),
            is_written,
        });
    };
    look(".", Kind::Open, false);
    look("drip.yaml", if holds_password(context) { Kind::Lent } else { Kind::Open }, false);
    for folder in ["campaigns", "templates"] {
        let mut below = vec![folder.to_owned()];
        walk(root, folder, &mut below);
        for path in &below {
            look(path, Kind::Open, false);
        }
    }
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // The file, its log, and copies of before it was migrated or restored.
        if name.starts_with("drip.db") {
            look(&name, Kind::Secret, true);
        }
    }
    for path in ["drip.lock", "outbox", "inbound"] {
        look(path, Kind::Secret, true);
    }
    if let Some(dkim) = settings.and_then(|settings| settings.dkim.as_ref()) {
        look(&dkim.key_file.to_string_lossy(), Kind::Secret, false);
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    entries
}

/// Says whether a password stands in drip.yaml itself, also in one that is written wrong.
fn holds_password(context: &Context) -> bool {
    let is_known = |login: &Login| matches!(login.password, Password::Known(_));
    match context.settings_alone() {
        Ok(settings) => {
            let relay = settings.smtp.and_then(|smtp| smtp.login);
            let mailbox = settings.imap.mailbox.map(|imap| imap.login);
            relay.iter().chain(&mailbox).any(is_known)
        }
        Err(_) => {
            let text = fs::read_to_string(context.root.join("drip.yaml")).unwrap_or_default();
            let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            lines.any(|line| secret::without(line) != line)
        }
    }
}

fn walk(root: &Path, folder: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
        if found.len() >= MOST {
            return;
        }
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        found.push(path.clone());
        // A link to a folder is not followed: it could lead round in a circle.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(root, &path, found);
        }
    }
}
