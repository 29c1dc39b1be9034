//! `drip campaign list`: one line a campaign.

use serde_json::json;

use super::{Context, Failure, state};
use crate::exit::Exit;
use crate::ui::columns::columns;

pub(super) fn list(context: &Context) -> Result<Exit, Failure> {
    let project = context.project()?;
    let (funnels, known) = state(context, &project)?;
    let mut rows = vec![["campaign", "name", "priority", "steps", "inside", "due in 24 h", "state"].map(str::to_owned)];
    let mut all = Vec::new();
    let gone = known.iter().filter(|known| project.campaigns.iter().all(|file| file.id != known.id));
    let files = project.campaigns.iter().map(|file| (&file.id, Some(file)));
    for (id, file) in files.chain(gone.map(|known| (&known.id, None))) {
        let funnel = funnels.iter().find(|funnel| funnel.campaign == *id);
        let paused = known.iter().find(|known| known.id == *id).and_then(|known| known.paused.as_deref());
        let state = match (file, paused) {
            (None, _) => "its file is gone".to_owned(),
            (_, Some(reason)) => format!("paused: {reason}"),
            _ => "runs".to_owned(),
        };
        let inside = funnel.map_or(0, |funnel| funnel.active);
        let due = funnel.map_or(0, |funnel| funnel.late + funnel.due_24h);
        all.push(json!({
            "campaign": id.as_str(), "name": file.map(|file| &file.name), "priority": file.map(|file| file.priority),
            "steps": file.map(|file| file.steps.len()), "inside": inside, "due_24h": due, "paused": paused,
            "gone": file.is_none(),
        }));
        rows.push([
            id.to_string(),
            file.map(|file| file.name.clone()).unwrap_or_default(),
            file.map(|file| file.priority.to_string()).unwrap_or_default(),
            file.map(|file| file.steps.len().to_string()).unwrap_or_default(),
            inside.to_string(),
            due.to_string(),
            state,
        ]);
    }
    if context.output.options().json {
        context.output.result(&format!("{:#}\n", json!(all)));
    } else if rows.len() == 1 {
        context.output.result("No campaigns yet. Each file `campaigns/NAME.yaml` is one.\n");
    } else {
        context.output.result(&columns(&rows));
    }
    Ok(Exit::Success)
}
