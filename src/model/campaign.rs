//! A campaign: who enters, which steps they get, when they leave.

use serde_json::{Map, Value};

use super::condition::Condition;
use super::delay::{Delay, Span};
use super::id::{CampaignId, StepId, TemplateName};
use super::window::Window;

/// One campaign file, checked. Defaults from `drip.yaml` are already filled in.
#[derive(Debug, Clone)]
pub struct Campaign {
    pub id: CampaignId,
    /// Free text for people; the id where the file has none.
    pub name: String,
    /// A contact enters when any of them fires; never empty.
    pub triggers: Vec<Trigger>,
    pub reentry: Reentry,
    pub existing: Existing,
    pub goal: Option<Goal>,
    pub exit_when: Option<Condition>,
    pub at_end: AtEnd,
    /// Who goes first when the frequency cap bites: the higher number.
    pub priority: i32,
    /// From top to bottom; ids are unique, also among `was`.
    pub steps: Vec<Step>,
    /// Changes whenever the file, a template it uses or a setting it inherits changes.
    pub fingerprint: String,
}

impl Campaign {
    /// Returns the index of the step that is called `id` now or was before (`was:`).
    pub fn position_of(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.is_called(id))
    }

    /// Returns every condition of the campaign.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let triggers = self.triggers.iter().filter_map(|trigger| match trigger {
            Trigger::Event { condition, .. } => condition.as_ref(),
            Trigger::Segment(condition) => Some(condition),
            _ => None,
        });
        let goal = self.goal.iter().filter_map(|goal| goal.condition.as_ref());
        let steps = self.steps.iter().filter_map(|step| step.condition.as_ref());
        triggers.chain(goal).chain(&self.exit_when).chain(steps)
    }
}

/// What lets a contact in.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// An event of this name, for which the condition holds.
    Event { name: String, condition: Option<Condition> },
    /// Getting this tag.
    Tag(String),
    /// A condition that becomes true.
    Segment(Condition),
    /// The last event of this name lies this long back; once per silence.
    Inactive { event: String, span: Span },
    /// `drip enrol` alone.
    Manual,
}

/// Whether someone who has been through the campaign may enter again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reentry {
    #[default]
    Never,
    /// As soon as the passage before has ended.
    Always,
    /// This long after the passage before has ended.
    After(Span),
}

/// What happens to those who match already when the campaign file appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    #[default]
    Skip,
    Include,
}

/// What happens after the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtEnd {
    /// The enrolment ends; a step appended later does not reach it.
    #[default]
    Close,
    /// The enrolment stays; a step appended later reaches it.
    Hold,
}

/// The event a campaign exists for.
#[derive(Debug, Clone)]
pub struct Goal {
    pub event: String,
    pub condition: Option<Condition>,
    /// Until this long after the entry it counts, also when the last step is out; without it,
    /// until the sequence ends.
    pub within: Option<Span>,
}

/// What happens to a step that is overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Late {
    /// It is sent, however late.
    #[default]
    Send,
    /// It is skipped when it is overdue by more than this.
    SkipAfter(Span),
}

/// One entry of `steps`.
#[derive(Debug, Clone)]
pub struct Step {
    pub id: StepId,
    /// Ids that this step had before.
    pub was: Vec<StepId>,
    pub condition: Option<Condition>,
    pub delay: Delay,
    /// When its mail may go; other actions do not wait for it.
    pub window: Window,
    pub late: Late,
    pub action: Action,
}

impl Step {
    /// Says whether `id` is this step's id, or one it had before.
    pub fn is_called(&self, id: &str) -> bool {
        self.id.as_str() == id || self.was.iter().any(|was| was.as_str() == id)
    }
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Sends a mail.
    Send(Mail),
    /// Sets attributes of the contact; `null` removes one.
    Set(Map<String, Value>),
    /// Ends the enrolment, with this reason.
    Exit(String),
}

/// The mail of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub template: TemplateName,
    /// Stands in for the subject of the template's front matter.
    pub subject: Option<String>,
}
