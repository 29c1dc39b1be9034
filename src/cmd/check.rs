//! `drip check`: loads everything, reports every problem.

use std::collections::HashSet;

use super::{Context, Failure};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::ui::{diagnostic, words};

pub(super) fn check(context: &Context) -> Result<Exit, Failure> {
    let loaded = context.load()?;
    let project = &loaded.project;
    let mut footers: Vec<Diagnostic> = Vec::new();
    for (_, mail) in project.campaigns.iter().flat_map(|campaign| &campaign.steps).flat_map(|step| step.action.mails())
    {
        footers.extend(loaded.templates.footers(&mail.template));
    }
    let mut said = HashSet::new();
    footers.retain(|warning| said.insert(warning.to_string()));
    for warning in &footers {
        context.output.message(&diagnostic::render(warning, context.output.colours_messages()));
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
