//! `drip init`: writes the starter project, the very files that stand at the root of drip's own repository.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;
use include_dir::{Dir, include_dir};

use super::{Context, Failure};
use crate::exit::Exit;
use crate::ui::words::count;

static CAMPAIGNS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/campaigns");
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
const SETTINGS: &[u8] = include_bytes!("../../drip.yaml");
/// State and personal data stay out of git.
const IGNORED: &[u8] =
    b"drip.db*\ndrip.lock\ndrip.restoring*\nkeys/\n*.pem\n*.key\noutbox/\ninbound/\npreviews/\n*.rejected.*\n/*.csv\n/*.tsv\n/*.jsonl\n";

pub(super) fn init(context: &Context, dir: &Path, bare: bool) -> Result<Exit, Failure> {
    let here = dir == Path::new(".");
    let root = if here { context.root.clone() } else { context.root.join(dir) };
    let written = write(&root, bare)?;
    let kept = if written.kept == 0 {
        String::new()
    } else {
        format!(" Left {} alone that stood there already.", count(written.kept, "file"))
    };
    let place = if here { "this folder".to_owned() } else { root.display().to_string() };
    context.output.status(&format!("Wrote {} to {place}.{kept}", count(written.new, "file")));
    let go = if here { String::new() } else { format!("cd {} && ", dir.display()) };
    let next = if bare {
        "write campaigns/NAME.yaml and templates/NAME/STEP.md\n  drip check"
    } else {
        "drip check\n  drip import contacts.csv\n  drip run --dry-run"
    };
    context.output.status(&format!("Next:\n  {go}{next}"));
    Ok(Exit::Success)
}

/// How many files were written, and how many were there.
pub(super) struct Written {
    pub(super) new: u64,
    pub(super) kept: u64,
}

/// Writes the starter project, or of it what every project has; never over a file that is there.
pub(super) fn write(root: &Path, bare: bool) -> Result<Written, Failure> {
    let mut written = Written { new: 0, kept: 0 };
    let mut put = |path: &Path, content: &[u8]| -> anyhow::Result<()> {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("`{}` cannot be made", parent.display()))?;
        }
        // `create_new` does not follow a link that stands there, and never overwrites.
        match fs::File::create_new(&path).and_then(|mut file| io::Write::write_all(&mut file, content)) {
            Ok(()) => written.new += 1,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => written.kept += 1,
            Err(error) => {
                return Err(error).with_context(|| format!("`{}` cannot be written", path.display()));
            }
        }
        Ok(())
    };
    put(Path::new("drip.yaml"), SETTINGS)?;
    put(Path::new(".gitignore"), IGNORED)?;
    for (folder, dir) in [("campaigns", &CAMPAIGNS), ("templates", &TEMPLATES)] {
        fs::create_dir_all(root.join(folder)).with_context(|| format!("`{folder}` cannot be made"))?;
        for (path, content) in files(dir) {
            // The layouts and partials belong to no campaign.
            if bare && !path.to_string_lossy().starts_with('_') {
                continue;
            }
            put(&Path::new(folder).join(path), content)?;
        }
    }
    Ok(written)
}

fn files<'a>(dir: &'a Dir<'a>) -> Vec<(&'a Path, &'a [u8])> {
    let mut found: Vec<_> = dir.files().map(|file| (file.path(), file.contents())).collect();
    for inner in dir.dirs() {
        found.extend(files(inner));
    }
    found
}
