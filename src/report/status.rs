//! How a project fares: when it last ran, who waits too long, and what needs a person.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::model::Instant;
use crate::model::id::CampaignId;
use crate::model::send::SendState;

/// What is known of a project at one moment.
#[derive(Debug, Clone)]
pub struct Status {
    pub now: Instant,
    /// The last run that began.
    pub last_run: Option<LastRun>,
    /// When the last run ended that nothing went wrong with.
    pub last_good: Option<Instant>,
    pub campaigns: Vec<CampaignStatus>,
    /// Why no run sends before a person adopts the file.
    pub distrusted: Option<&'static str>,
    pub limits: Limits,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct LastRun {
    pub started_at: Instant,
    /// `None`: it goes on, or was cut off.
    pub ended_at: Option<Instant>,
    /// What was wrong.
    pub stopped: Option<String>,
}

/// What a campaign has open.
#[derive(Debug, Clone)]
pub struct CampaignStatus {
    pub campaign: CampaignId,
    /// People who are due, and since when the first of them is.
    pub late: Option<(u64, Instant)>,
    /// When somebody is due next.
    pub next_due: Option<Instant>,
    /// Mails in each state that is not the last.
    pub open: Vec<(SendState, u64)>,
    /// Webhooks that nobody can be called by until a person mends them.
    pub webhooks: Vec<BrokenWebhook>,
    /// Why nothing of it is sent; with whether a person said so.
    pub paused: Option<(String, bool)>,
    /// Its file is gone.
    pub gone: bool,
    /// Tests that are decided: the step, when, and which content won, if one was clear of the others.
    pub decided: Vec<(String, Instant, Option<String>)>,
}

/// A step whose calls are put off for a reason that is the same for everyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenWebhook {
    pub step: String,
    pub reason: String,
    pub calls: u64,
}

/// What is still well.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub late: TimeDelta,
    pub idle: TimeDelta,
}

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// No run since the project has campaigns with people, or none for too long.
    Idle,
    Late(CampaignId),
    /// The file may not know what was sent.
    Distrusted,
    /// Mails that are held, or unknown.
    Stuck(CampaignId, SendState),
    /// The webhook of a step lacks a variable, or its key or address is refused.
    Webhook(CampaignId, String),
    /// Refusals or an edit stopped the campaign.
    Paused(CampaignId),
    Gone(CampaignId),
}

impl CampaignStatus {
    /// Returns how many mails are in a state.
    pub fn count(&self, state: SendState) -> u64 {
        self.open.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count)
    }

    /// Says whether its people are mailed at all.
    fn is_at_rest(&self) -> bool {
        self.paused.is_some() || self.gone
    }
}

impl Status {
    /// Returns everything that needs a person.
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        if self.last_good.is_none_or(|at| self.now - at > self.limits.idle) {
            troubles.push(Trouble::Idle);
        }
        if self.distrusted.is_some() {
            troubles.push(Trouble::Distrusted);
        }
        for campaign in &self.campaigns {
            let id = || campaign.campaign.clone();
            if !campaign.is_at_rest() && campaign.late.is_some_and(|(_, since)| self.now - since > self.limits.late) {
                troubles.push(Trouble::Late(id()));
            }
            for state in [SendState::Held, SendState::Unknown] {
                if campaign.count(state) > 0 {
                    troubles.push(Trouble::Stuck(id(), state));
                }
            }
            troubles.extend(campaign.webhooks.iter().map(|webhook| Trouble::Webhook(id(), webhook.step.clone())));
            if campaign.paused.as_ref().is_some_and(|(_, by_hand)| !by_hand) {
                troubles.push(Trouble::Paused(id()));
            }
            if campaign.gone {
                troubles.push(Trouble::Gone(id()));
            }
        }
        troubles
    }

    /// Returns it for machines.
    pub fn json(&self) -> Value {
        let time = |at: &Instant| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let campaigns = self.campaigns.iter().map(|campaign| {
            let open: serde_json::Map<_, _> =
                campaign.open.iter().map(|(state, count)| (state.as_str().to_owned(), json!(count))).collect();
            json!({
                "campaign": campaign.campaign.as_str(),
                "late": campaign.late.map_or(0, |(people, _)| people),
                "late_since": campaign.late.map(|(_, since)| time(&since)),
                "next_due": campaign.next_due.as_ref().map(time),
                "open": open,
                "webhooks": campaign.webhooks.iter().map(|webhook| json!({
                    "step": webhook.step, "reason": webhook.reason, "calls": webhook.calls,
                })).collect::<Vec<_>>(),
                "paused": campaign.paused.as_ref().map(|(why, _)| why),
                "gone": campaign.gone,
                "tests": campaign.decided.iter().map(|(step, at, winner)| json!({
                    "step": step, "decided_at": time(at), "winner": winner,
                })).collect::<Vec<_>>(),
            })
        });
        json!({
            "ok": self.troubles().is_empty(),
            "last_run": self.last_run.as_ref().map(|run| json!({
                "started_at": time(&run.started_at), "ended_at": run.ended_at.as_ref().map(time), "stopped": run.stopped,
            })),
            "last_good_run": self.last_good.as_ref().map(time),
            "refused": self.distrusted,
            "campaigns": campaigns.collect::<Vec<_>>(),
        })
    }

    /// Returns it as Prometheus' text format 0.0.4 has it; times are seconds since 1970.
    pub fn prometheus(&self) -> String {
        let mut text = ok(self.troubles().is_empty());
        let mut metric = |name: &str, help: &str, values: Vec<(String, i64)>| text += &gauge(name, help, values);
        let each = |value: &dyn Fn(&CampaignStatus) -> i64| -> Vec<(String, i64)> {
            self.campaigns
                .iter()
                .map(|c| (format!("{{campaign=\"{}\"}}", label(c.campaign.as_str())), value(c)))
                .collect()
        };
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        metric(
            "drip_last_good_run_timestamp_seconds",
            "When the last run ended that nothing went wrong with; 0: never.",
            vec![(String::new(), self.last_good.map_or(0, |at| at.timestamp()))],
        );
        metric("drip_late_people", "People who are due.", each(&|c| c.late.map_or(0, |(people, _)| whole(people))));
        metric(
            "drip_late_seconds",
            "For how long the first of them has been due.",
            each(&|c| c.late.map_or(0, |(_, since)| (self.now - since).num_seconds().max(0))),
        );
        metric("drip_paused", "1 while nothing of the campaign is sent.", each(&|c| i64::from(c.is_at_rest())));
        let states = [SendState::Deferred, SendState::Held, SendState::Unknown];
        let values = self.campaigns.iter().flat_map(|c| {
            let id = label(c.campaign.as_str());
            states.map(|state| (format!("{{campaign=\"{id}\",state=\"{}\"}}", state.as_str()), whole(c.count(state))))
        });
        metric("drip_open_mails", "Mails put off, or that need a person.", values.collect());
        text
    }
}

/// Returns what Prometheus is told where no status can be had: that a person is needed, and no number that would be made up.
pub fn prometheus_without_status() -> String {
    ok(false)
}

fn ok(all_well: bool) -> String {
    gauge("drip_ok", "1 while nothing needs a person.", vec![(String::new(), i64::from(all_well))])
}

fn gauge(name: &str, help: &str, values: Vec<(String, i64)>) -> String {
    let mut text = format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
    for (labels, value) in values {
        text += &format!("{name}{labels} {value}\n");
    }
    text
}

/// Returns a text for between the quotes of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
