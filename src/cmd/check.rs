//! `drip check`: loads everything, reports every problem.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::process::{Command, Stdio};

use super::context::Loaded;
use super::{Context, Failure, outgoing};
use crate::error::{Diagnostic, Diagnostics, Level};
use crate::exit::Exit;
use crate::mail::template::Templates;
use crate::model::campaign::Campaign;
use crate::model::condition::Condition;
use crate::model::id::TemplateName;
use crate::model::value::Measure;
use crate::project::Project;
use crate::ui::words;

pub(super) fn check(context: &Context) -> Result<Exit, Failure> {
    let loaded = context.load()?;
    let project = &loaded.project;
    let footers = warnings(context, &loaded);
    for warning in &footers {
        context.output.diagnostic(warning);
    }
    let steps: usize = project.campaigns.iter().map(|campaign| campaign.steps.len()).sum();
    if context.output.options().json {
        let json = serde_json::json!({
            "ok": true, "campaigns": project.campaigns.len(), "steps": steps,
            "templates": project.templates.len(), "warnings": project.warnings.len() + footers.len(),
        });
        context.output.result(&format!("{json:#}\n"));
        return Ok(Exit::Success);
    }
    context.output.status(&format!(
        "Everything is in order: {} with {} and {}.",
        words::count(project.campaigns.len() as u64, "campaign"),
        words::count(steps as u64, "step"),
        words::count(project.templates.len() as u64, "template"),
    ));
    Ok(Exit::Success)
}

/// Returns what is not wrong, and yet should not stay so, beside what loading the project tells.
pub(super) fn warnings(context: &Context, loaded: &Loaded) -> Vec<Diagnostic> {
    let project = &loaded.project;
    let mut warnings: Vec<Diagnostic> = Vec::new();
    for campaign in &project.campaigns {
        for (_, mail) in campaign.steps.iter().flat_map(|step| step.action.mails()) {
            warnings.extend(loaded.templates.footers(&mail.template, campaign.is_confirmation()));
        }
    }
    for campaign in &project.campaigns {
        warnings.extend(languages(campaign, &loaded.templates, &project.settings.language));
    }
    // The key may lie on another machine than the one where files are checked.
    if let Err(Failure::Project(Diagnostics(faults))) = outgoing::signer_of(context, &project.settings) {
        warnings.extend(faults.into_iter().map(|fault| Diagnostic { level: Level::Warning, ..fault }));
    }
    warnings.extend(project.settings.dkim.as_ref().and_then(|dkim| shared(&context.root, &dkim.key_file)));
    warnings.extend(hidden(context, project));
    let mut said = HashSet::new();
    warnings.retain(|warning| said.insert(warning.to_string()));
    warnings
}

/// Warns where contacts have attributes of their own that conditions read in place of what drip works out.
fn hidden(context: &Context, project: &Project) -> Vec<Diagnostic> {
    let named = project.settings.terms.conditions();
    let conditions = project.campaigns.iter().flat_map(Campaign::conditions).chain(named);
    let measures: HashSet<Measure> = conditions.flat_map(Condition::measures).collect();
    if measures.is_empty() {
        return Vec::new();
    }
    // The file may lie on another machine than the one where files are checked.
    let Ok(Some(mut store)) = context.open_to_read() else { return Vec::new() };
    let Ok(work) = store.read() else { return Vec::new() };
    let named = Measure::ALL.iter().filter(|(measure, _)| measures.contains(measure));
    let mut warnings = Vec::new();
    for (_, name) in named {
        let number = work.with_attribute(name).unwrap_or(0);
        if number > 0 {
            let contacts = words::count(number, "contact");
            warnings.push(
                Diagnostic::warning(format!(
                    "`contact.{name}` is an attribute that {contacts} brought along, and what a customer is worth for the others"
                ))
                .hint(format!("call that attribute otherwise: `drip import --map '{name}=shop_{name}'`")),
            );
        }
    }
    warnings
}

/// Warns of a private key that git tracks; says nothing where there is no git to ask.
fn shared(root: &Path, key_file: &Path) -> Option<Diagnostic> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["ls-files", "--error-unmatch", "--"]).arg(key_file);
    let is_tracked = git.stdin(Stdio::null()).output().is_ok_and(|answer| answer.status.success());
    let path = key_file.display();
    is_tracked.then(|| {
        Diagnostic::warning(format!(
            "git tracks the DKIM key `{path}`, so everyone who has the repository can sign as you"
        ))
        .hint(format!(
            "`git rm --cached {path}`, add it to .gitignore, and make a new key: this one stays in the history"
        ))
    })
}

/// Warns where a mail of a campaign is missing in a language that others of its mails are in: its readers get another one.
fn languages(campaign: &Campaign, templates: &Templates, own: &str) -> Vec<Diagnostic> {
    let of = |template: &TemplateName| -> BTreeSet<String> {
        let names = templates.languages(template).into_iter();
        names.map(|name| if name.is_empty() { own.to_owned() } else { name.to_owned() }).collect()
    };
    let mails: Vec<&TemplateName> =
        campaign.steps.iter().flat_map(|step| step.action.mails()).map(|(_, mail)| &mail.template).collect();
    let all: BTreeSet<String> = mails.iter().flat_map(|template| of(template)).collect();
    let mut warnings = Vec::new();
    for template in mails {
        let missing: Vec<String> = all.difference(&of(template)).cloned().collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            warnings.push(
                Diagnostic::warning(format!(
                    "`{template}` is not written in {missing}, as other mails of campaign `{}` are",
                    campaign.id
                ))
                .hint(format!("add templates/{template}.LANGUAGE.md; until then its readers get another language")),
            );
        }
    }
    warnings
}
