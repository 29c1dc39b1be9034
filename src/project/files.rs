//! The files below `templates/` and `campaigns/`.

use std::fs;
use std::path::{Path, PathBuf};

use super::settings::is_language;
use crate::error::{Diagnostic, Place};
use crate::model::id::TemplateName;
use crate::model::template::{Format, TemplateFile};

/// A template longer than this is a mistake, and the tools that read it recurse.
const MAX_SIZE: u64 = 1 << 20;

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

/// Reads every template; problems are noted, the others come back.
pub(super) fn templates(root: &Path, problems: &mut Vec<Diagnostic>) -> Vec<TemplateFile> {
    let mut files: Vec<TemplateFile> = Vec::new();
    for path in below(root, "templates", problems) {
        match template(root, &path) {
            Ok(file) => files.push(file),
            Err(problem) => problems.push(*problem),
        }
    }
    files
}

fn template(root: &Path, path: &Path) -> Result<TemplateFile, Box<Diagnostic>> {
    let wrong =
        |message: &str, hint: &str| Box::new(Diagnostic::error(format!("{}: {message}", path.display())).hint(hint));
    let Some(relative) = path.strip_prefix("templates").ok().and_then(Path::to_str) else {
        return Err(wrong("the file's name is not UTF-8", "rename it"));
    };
    let Some((stem, ending)) = relative.rsplit_once('.') else {
        return Err(wrong("the file has no ending", "a template ends in .md, .mjml, .html or .txt"));
    };
    let Some(format) = Format::from_ending(ending) else {
        return Err(wrong(
            &format!("`.{ending}` is not a kind of template"),
            "a template ends in .md, .mjml, .html or .txt",
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
    Ok(TemplateFile {
        name: TemplateName::new(name.replace('\\', "/")),
        language,
        format,
        path: path.to_owned(),
        text: text(root, path)?,
    })
}
