//! `drip check`: loads everything, reports every problem.

use super::{Context, Failure};
use crate::exit::Exit;
use crate::ui::words;

pub(super) fn check(context: &Context) -> Result<Exit, Failure> {
    let loaded = context.load()?;
    let project = &loaded.project;
    let steps: usize = project.campaigns.iter().map(|campaign| campaign.steps.len()).sum();
    if context.output.options().json {
        let json = serde_json::json!({
            "ok": true, "campaigns": project.campaigns.len(), "steps": steps,
            "templates": project.templates.len(), "warnings": project.warnings.len(),
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
