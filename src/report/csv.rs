//! The funnel for spreadsheets.

use chrono::SecondsFormat;

use super::Funnel;
use super::compare::reasons;
use super::json::rounded;
use crate::model::reaction::Reaction;
use crate::model::spreadsheet::defused;

const HEADER: [&str; 33] = [
    "campaign",
    "name",
    "step",
    "kind",
    "gone",
    "entered",
    "sent",
    "skipped",
    "held",
    "deferred",
    "rejected",
    "unknown",
    "done",
    "goal",
    "waiting",
    "next_due",
    "step_rate",
    "cumulative_rate",
    "skips",
    "opened",
    "opened_by_proxy",
    "opened_by_machine",
    "clicked",
    "clicked_by_machine",
    "replied",
    "auto_replied",
    "bounced",
    "bounced_for_now",
    "complained",
    "unsubscribed",
    "purchases",
    "revenue",
    "currency",
];

/// Returns the funnels as CSV with a header, one row a step; shares are fractions of 1, instants are in UTC.
pub fn csv(funnels: &[Funnel]) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER).expect("a vector takes every write");
    for (funnel, step) in funnels.iter().flat_map(|funnel| funnel.steps.iter().map(move |step| (funnel, step))) {
        let number = |share: Option<f64>| rounded(share).map(|share| share.to_string()).unwrap_or_default();
        let mut record = vec![
            defused(funnel.campaign.as_str()).into_owned(),
            defused(&funnel.name).into_owned(),
            defused(&step.id).into_owned(),
            step.kind.to_owned(),
            step.gone.to_string(),
        ];
        record.extend(
            [
                step.entered,
                step.sent,
                step.skipped,
                step.held,
                step.deferred,
                step.rejected,
                step.unknown,
                step.done,
                step.goal,
                step.waiting,
            ]
            .map(|count| count.to_string()),
        );
        record.push(step.next_due.map(|due| due.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default());
        record.push(number(step.rate()));
        record.push(number(funnel.cumulative(step)));
        record.push(defused(&reasons(&step.skips)).into_owned());
        record.extend(Reaction::ALL.map(|reaction| step.reactions.of(reaction).to_string()));
        record.push(step.revenue.purchases.to_string());
        record.push(step.revenue.amount.to_string());
        record.push(funnel.currency.clone().unwrap_or_default());
        writer.write_record(record).expect("a vector takes every write");
    }
    let bytes = writer.into_inner().expect("a vector takes every write");
    String::from_utf8(bytes).expect("made of text")
}
