//! A folder of files → the model. Every complaint names file, line and column, and all are told at once.
//!
//! Reads files and nothing else: neither the clock, nor the environment, nor the store. What is written
//! inside a template is the mail room's to check.

mod actions;
mod campaign;
mod contents;
mod fields;
mod files;
mod hours;
pub mod imap_url;
mod provider;
mod purchases;
mod receiving;
mod score;
mod sending;
mod settings;
mod smtp_url;
mod standing;
mod steps;
mod terms;
mod topics;
mod value;
mod values;
mod web;
mod yaml;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Diagnostic, Diagnostics, Place};
use crate::model::campaign::{Action, Campaign, Step};
use crate::model::id::is_name;
use crate::model::settings::Settings;
use crate::model::template::{AssetFile, TemplateFile};

use fields::Source;
use values::Surroundings;

pub use files::Found;

/// What is said outside of the files.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The relay with its password; wins over `smtp.url`.
    pub smtp_url: Option<String>,
    /// The mailbox of `drip inbound --imap` with its password; wins over `imap.url`.
    pub imap_url: Option<String>,
}

/// A project whose files make sense.
#[derive(Debug)]
pub struct Project {
    pub root: PathBuf,
    pub settings: Settings,
    /// By id.
    pub campaigns: Vec<Campaign>,
    pub templates: Vec<TemplateFile>,
    /// Pictures and documents below `templates/`.
    pub assets: Vec<AssetFile>,
    /// The subjects and other texts of campaign files that are templates, and where they stand.
    pub lines: Vec<(String, Place)>,
    /// What works, but should not stay so.
    pub warnings: Vec<Diagnostic>,
}

impl Project {
    /// Returns what changes whenever something changes that says whether the templates are right.
    pub fn templates_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        // A later version may find fault with what this one takes.
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(&self.settings.language);
        for file in &self.templates {
            hash.update(format!("\0{}\0", file.path.display()));
            hash.update(&file.text);
        }
        for asset in &self.assets {
            hash.update(format!("\0{}\0", asset.path));
            hash.update(&asset.bytes);
        }
        for (text, _) in &self.lines {
            hash.update(format!("\0{text}"));
        }
        short(hash)
    }
}

/// Loads a project.
///
/// # Errors
/// Returns everything that is wrong with its files.
pub fn load(root: &Path, overrides: &Overrides) -> Result<Project, Diagnostics> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let Found { templates, assets } = files::templates(root, &mut problems);
    let settings = read(root, Path::new("drip.yaml"), &mut problems, |source, node| {
        settings::read(source, node, overrides, &mut warnings)
    });
    warnings.extend(files::open_to_others(root));
    let mut campaigns = Vec::new();
    let mut lines = Vec::new();
    let mut named = Vec::new();
    for path in files::below(root, "campaigns", &mut problems) {
        named.extend(campaign_id(&path, &mut problems).map(|id| (id, path)));
    }
    let ids: Vec<String> = named.iter().map(|(id, _)| id.clone()).collect();
    for (id, path) in named {
        let around = Surroundings {
            id: &id,
            campaigns: &ids,
            window: settings.as_ref().map(|settings| settings.window.clone()).unwrap_or_default(),
            words: settings.as_ref().map(|settings| values::Words::from(&settings.terms)),
            senders: settings.as_ref().map(|settings| &settings.senders),
            topics: settings.as_ref().map(|settings| settings.topics.as_slice()),
            has_web: settings.as_ref().map(|settings| settings.web.is_some()),
            clicks: settings.as_ref().map(|settings| settings.web.as_ref().is_some_and(|web| web.clicks)),
            templates: &templates,
        };
        let read = read(root, &path, &mut problems, |source, node| {
            let mut campaign = campaign::read(source, node, &around)?;
            lines.extend(source.lines.iter().map(|(text, span)| (text.clone(), source.place(span.clone()))));
            campaign.fingerprint = fingerprint(&source.text, &campaign, settings.as_ref(), (&templates, &assets));
            Some(campaign)
        });
        campaigns.extend(read);
    }
    match settings {
        Some(settings) if problems.is_empty() => {
            Ok(Project { root: root.to_owned(), settings, campaigns, templates, assets, lines, warnings })
        }
        _ => Err(Diagnostics(problems)),
    }
}

/// Loads drip.yaml alone, whatever else may be wrong.
///
/// # Errors
/// Returns everything that is wrong with it.
pub fn settings(root: &Path, overrides: &Overrides) -> Result<Settings, Diagnostics> {
    let mut problems = Vec::new();
    let settings = read(root, Path::new("drip.yaml"), &mut problems, |source, node| {
        settings::read(source, node, overrides, &mut Vec::new())
    });
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(Diagnostics(problems)),
    }
}

/// Returns the templates of a project that does not load, so that they can be checked all the same.
pub fn templates(root: &Path) -> Found {
    files::templates(root, &mut Vec::new())
}

fn read<T>(
    root: &Path,
    path: &Path,
    problems: &mut Vec<Diagnostic>,
    lower: impl FnOnce(&mut Source, &yaml::Node) -> Option<T>,
) -> Option<T> {
    let text = match files::text(root, path) {
        Ok(text) => text,
        Err(problem) => {
            problems.push(*problem);
            return None;
        }
    };
    let mut source = Source::new(path.to_owned(), &text);
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        source.error(0..0, "the file is empty", None);
    }
    let found = if source.problems.is_empty() {
        match yaml::read(&text, |span| source.place(span)) {
            Ok(node) => lower(&mut source, &node),
            Err(problem) => {
                source.problems.push(*problem);
                None
            }
        }
    } else {
        None
    };
    let wrong = source.into_problems();
    let found = found.filter(|_| wrong.is_empty());
    problems.extend(wrong);
    found
}

fn campaign_id(path: &Path, problems: &mut Vec<Diagnostic>) -> Option<String> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let shown = path.display();
    let Some(id) = name.strip_suffix(".yaml") else {
        let wrong = Diagnostic::error(format!("{shown}: a campaign's file ends in .yaml"));
        let stem = name.split('.').next().unwrap_or(name);
        problems.push(wrong.hint(format!("rename it to campaigns/{stem}.yaml, or move it out of campaigns/")));
        return None;
    };
    if path.parent() != Some(Path::new("campaigns")) {
        let wrong = Diagnostic::error(format!("{shown}: campaigns stand in campaigns/ itself, not in a folder below"));
        problems.push(wrong.hint(format!("move it to campaigns/{name}")));
        return None;
    }
    if !is_name(id) {
        let wrong = Diagnostic::error(format!("{shown}: `{id}` is not a name for a campaign"));
        problems.push(wrong.hint(values::NAME_HINT));
        return None;
    }
    Some(id.to_owned())
}

/// Returns what changes whenever the campaign's people must be looked at anew: its file, what it
/// inherits, and the templates that its mails are made of.
fn fingerprint(
    text: &str,
    campaign: &Campaign,
    settings: Option<&Settings>,
    (templates, assets): (&[TemplateFile], &[AssetFile]),
) -> String {
    let mut hash = Sha256::new();
    hash.update(text);
    if let Some(settings) = settings {
        let inherited = (&settings.timezone, &settings.window, &settings.frequency_caps);
        hash.update(format!("{inherited:?}{}{:?}", settings.terms.form_of(campaign.conditions()), settings.utm));
        hash.update(format!("{}{}", settings.language, settings.postal_address));
    }
    let uses = |file: &TemplateFile| {
        let name = file.name.as_str();
        let sent = |step: &Step| {
            let notified =
                matches!(&step.action, Action::Notify(notify) if notify.template.as_ref() == Some(&file.name));
            notified || step.action.mails().any(|(_, mail)| mail.template == file.name)
        };
        name.starts_with("_layouts/") || name.starts_with("_partials/") || campaign.steps.iter().any(sent)
    };
    let used: Vec<_> = templates.iter().filter(|file| uses(file)).collect();
    for file in &used {
        hash.update(file.path.to_string_lossy().as_bytes());
        hash.update(&file.text);
    }
    for asset in assets {
        // An encoded path, as `tr%C3%A0.png`, still holds its last plain letters.
        let plain = asset.name().rsplit(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).next();
        if used.iter().any(|file| file.text.contains(plain.unwrap_or_default())) {
            hash.update(&asset.path);
            hash.update(&asset.bytes);
        }
    }
    short(hash)
}

/// Returns the first eight bytes of a hash, which are plenty: it is compared with one other of the same thing.
fn short(hash: Sha256) -> String {
    let digest = hash.finalize();
    let first = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{first:016x}")
}
