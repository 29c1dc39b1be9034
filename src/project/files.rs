//! The files below `templates/` and `campaigns/`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::settings::is_language;
use crate::error::{Diagnostic, Place};
use crate::model::id::TemplateName;
use crate::model::template::{AssetFile, Format, TemplateFile};

/// A template longer than this is a mistake, and the tools that read it recurse.
const MAX_SIZE: u64 = 1 << 20;
/// A mail with more is refused by most relays.
const MAX_ASSET: u64 = 10_000_000;

/// Returns the files of a folder and those below it, sorted, as paths from the project's root.
pub(super) fn below(root: &Path, folder: &str, problems: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    let inside = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let path = folder.join(name);
            let leaves = root.join(&path).canonicalize().is_ok_and(|real| !real.starts_with(&inside));
            if leaves {
                problems.push(Diagnostic::error(format!("{}: the link leads out of the project", path.display())));
            } else if root.join(&path).is_dir() {
                // A link to a folder above would never end.
                if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                    folders.push(path);
                }
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Reads a file of the project as UTF-8.
pub(super) fn text(root: &Path, path: &Path) -> Result<String, Box<Diagnostic>> {
    let failed = |error: std::io::Error| {
        Box::new(Diagnostic::error(format!("{}: the file cannot be read", path.display())).cause(error.to_string()))
    };
    let full = root.join(path);
    if fs::metadata(&full).map_err(failed)?.len() > MAX_SIZE {
        return Err(Box::new(Diagnostic::error(format!("{}: the file is larger than 1 MiB", path.display()))));
    }
    let bytes = fs::read(&full).map_err(failed)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let place = Place { path: path.to_owned(), text: text.into(), span: good..good };
            let wrong = Diagnostic::error("the file is not UTF-8 from here on").at(place);
            Err(Box::new(wrong.hint("save it as UTF-8 in your editor")))
        }
    }
}

/// Says what anybody on this machine may change of the files by which drip acts: `password_command` runs as whoever runs
/// drip, and mails go out in the firm's name.
pub(super) fn open_to_others(root: &Path) -> Option<Diagnostic> {
    // In a folder with the sticky bit nobody replaces what is another's.
    let is_open = |path: &&str| {
        let mode = fs::metadata(root.join(path)).map_or(0, |data| data.permissions().mode());
        mode & 0o002 != 0 && mode & 0o1000 == 0
    };
    let open: Vec<_> = [".", "drip.yaml", "campaigns", "templates"].into_iter().filter(is_open).collect();
    let paths: Vec<_> = open.iter().map(|path| root.join(path).display().to_string()).collect();
    let wrong = || Diagnostic::warning(format!("anybody on this machine may change {}", paths.join(", ")));
    (!open.is_empty()).then(|| wrong().hint(format!("chmod o-w {}", paths.join(" "))))
}

/// What stands below `templates/`.
#[derive(Debug, Default)]
pub struct Found {
    pub templates: Vec<TemplateFile>,
    pub assets: Vec<AssetFile>,
}

/// Reads every template, and every picture and document beside them; problems are noted, the others come back.
pub(super) fn templates(root: &Path, problems: &mut Vec<Diagnostic>) -> Found {
    let mut found = Found::default();
    for path in below(root, "templates", problems) {
        if let Err(problem) = one(root, &path, &mut found, problems) {
            problems.push(*problem);
        }
    }
    found
}

fn one(root: &Path, path: &Path, found: &mut Found, problems: &mut Vec<Diagnostic>) -> Result<(), Box<Diagnostic>> {
    let wrong =
        |message: &str, hint: &str| Box::new(Diagnostic::error(format!("{}: {message}", path.display())).hint(hint));
    let Some(relative) = path.strip_prefix("templates").ok().and_then(Path::to_str) else {
        return Err(wrong("the file's name is not UTF-8", "rename it"));
    };
    let Some((stem, ending)) = relative.rsplit_once('.') else {
        return Err(wrong("the file has no ending", "a template ends in .md, .mjml, .html or .txt"));
    };
    if let Some(media_type) = AssetFile::media_type(ending) {
        let path = relative.replace(std::path::MAIN_SEPARATOR, "/");
        let bytes = asset(root, Path::new("templates").join(relative).as_path())?;
        found.assets.push(AssetFile { path, media_type, bytes });
        return Ok(());
    }
    let Some(format) = Format::from_ending(ending) else {
        return Err(wrong(
            &format!("`.{ending}` is not a kind of template, nor of picture or document that mails carry"),
            "a template ends in .md, .mjml, .html or .txt, a picture in .png, .jpg, .gif or .webp",
        ));
    };
    let (name, language) = match stem.rsplit_once('.') {
        Some((name, language)) if is_language(language) => (name, Some(language.to_owned())),
        Some((_, language)) => {
            return Err(wrong(
                &format!("`{language}` is not a language"),
                "name it as thanks.vi.md, or without the dot",
            ));
        }
        None => (stem, None),
    };
    let (text, problem) = match text(root, path) {
        Ok(text) => (text, None),
        // The step that sends it has a template all the same.
        Err(problem) => match problem.place.as_ref().map(|place| place.text.to_string()) {
            Some(text) => (text, Some(problem)),
            None => return Err(problem),
        },
    };
    problems.extend(problem.map(|problem| *problem));
    let name = TemplateName::new(name.replace('\\', "/"));
    found.templates.push(TemplateFile { name, language, format, path: path.to_owned(), text });
    Ok(())
}

fn asset(root: &Path, path: &Path) -> Result<Arc<[u8]>, Box<Diagnostic>> {
    let failed = |error: std::io::Error| {
        Box::new(Diagnostic::error(format!("{}: the file cannot be read", path.display())).cause(error.to_string()))
    };
    let full = root.join(path);
    let folder = fs::canonicalize(root.join("templates")).map_err(failed)?;
    if !fs::canonicalize(&full).map_err(failed)?.starts_with(folder) {
        let wrong = Diagnostic::error(format!("{}: the link leads out of templates/", path.display()));
        return Err(Box::new(wrong.hint("put the file itself there: what it leads to would go out with mails")));
    }
    let bytes = fs::metadata(&full).map_err(failed)?.len();
    if bytes > MAX_ASSET {
        let wrong = Diagnostic::error(format!("{}: the file is larger than 10 MB", path.display()));
        return Err(Box::new(wrong.hint("make it smaller, or move it out of templates/ and link to it")));
    }
    fs::read(&full).map(Arc::from).map_err(failed)
}
