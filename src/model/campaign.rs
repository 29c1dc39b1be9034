//! A campaign: who enters, which steps they get, when they leave.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::address::Address;
use super::condition::Condition;
use super::contact::Consent;
use super::date::Offset;
use super::delay::{Delay, Span};
use super::id::{CampaignId, StepId, TemplateName};
use super::variant::Test;
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
    /// Who sends its mails; `None`: the one of `from`.
    pub sender: Option<String>,
    /// What readers take or leave together on the page of preferences; one of `topics` in drip.yaml.
    pub topic: Option<String>,
    /// The hundredths of those who enter that get nothing of it, so that what it does can be told from what would happen anyway.
    pub holdout: Option<u32>,
    /// From top to bottom; ids are unique, also among `was`.
    pub steps: Vec<Step>,
    /// Changes whenever the file, a template it uses or a setting it inherits changes.
    pub fingerprint: String,
}

impl Campaign {
    /// Returns what a reader refuses who wants nothing of it: its topic, or the campaign itself. No topic holds a slash.
    pub fn subject(&self) -> Cow<'_, str> {
        match &self.topic {
            Some(topic) => Cow::Borrowed(topic),
            None => Cow::Owned(self.own_subject()),
        }
    }

    /// Returns what a reader refuses who wants nothing of this very campaign.
    pub fn own_subject(&self) -> String {
        format!("campaign/{}", self.id)
    }

    /// Returns whose consent its mails need: it asks those who are pending whether they confirm, or mails those who have.
    pub fn audience(&self) -> Consent {
        let asks = self.triggers.iter().any(|trigger| matches!(trigger, Trigger::Pending));
        if asks { Consent::Pending } else { Consent::Subscribed }
    }

    /// Says whether it asks for confirmation.
    pub fn is_confirmation(&self) -> bool {
        self.audience() == Consent::Pending
    }

    /// Returns who sends a mail of a step, by name: the nearest to it that says so; `None`: the one of `from`.
    pub fn sender_of(&self, step: &Step, mail: &Mail) -> Option<String> {
        mail.sender.as_ref().or(step.sender.as_ref()).or(self.sender.as_ref()).cloned()
    }

    /// Returns the index of the step that is called `id` now or was before (`was:`).
    pub fn position_of(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.is_called(id))
    }

    /// Returns every condition of the campaign.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let triggers = self.triggers.iter().filter_map(|trigger| match trigger {
            Trigger::Event { condition, .. } => condition.as_ref(),
            other => other.state(),
        });
        let goal = self.goal.iter().filter_map(|goal| goal.condition.as_ref());
        let steps = self.steps.iter().filter_map(|step| step.condition.as_ref());
        let waits = self.steps.iter().filter_map(|step| match &step.action {
            Action::WaitFor(wait) => wait.condition.as_ref(),
            _ => None,
        });
        triggers.chain(goal).chain(&self.exit_when).chain(steps).chain(waits)
    }

    /// Returns the events that its `wait_for` steps wait for.
    pub fn awaited(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::WaitFor(wait) => Some(wait.event.as_str()),
            _ => None,
        })
    }

    /// Returns the points at which a score lets somebody in.
    pub fn score_thresholds(&self) -> impl Iterator<Item = i64> {
        self.triggers.iter().filter_map(|trigger| match trigger {
            Trigger::Score { points, .. } => Some(*points),
            _ => None,
        })
    }

    /// Says whether the passing of time alone can fire one of its triggers.
    pub fn has_timed_trigger(&self) -> bool {
        self.triggers.iter().any(|trigger| match trigger {
            Trigger::Date { .. } => true,
            other => other.state().is_some_and(Condition::reads_clock),
        })
    }
}

impl Campaign {
    /// Returns the events that the campaign looks for, some of them more than once.
    pub fn events(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let mut conditions: Vec<&Condition> = self.exit_when.iter().collect();
        for trigger in &self.triggers {
            match trigger {
                Trigger::Event { name, condition } => {
                    names.push(name.as_str());
                    conditions.extend(condition);
                }
                Trigger::Inactive { event, .. } => names.push(event),
                Trigger::Segment(condition) | Trigger::Score { condition, .. } => conditions.push(condition),
                Trigger::Tag(_) | Trigger::Date { .. } | Trigger::Pending | Trigger::Manual => {}
            }
        }
        if let Some(goal) = &self.goal {
            names.push(&goal.event);
            conditions.extend(&goal.condition);
        }
        for step in &self.steps {
            conditions.extend(&step.condition);
            if let Action::WaitFor(wait) = &step.action {
                names.push(&wait.event);
                conditions.extend(&wait.condition);
            }
        }
        names.extend(conditions.into_iter().flat_map(Condition::events));
        names
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
    /// A score that reaches so many points; `condition` says that it has.
    Score { points: i64, condition: Condition },
    /// The last event of this name lies this long back; once per silence.
    Inactive { event: String, span: Span },
    /// A day that an attribute names, or one before or after it; each day once.
    Date { attribute: String, offset: Offset, yearly: bool },
    /// Being there without having confirmed (double opt-in).
    Pending,
    /// `drip enrol` alone.
    Manual,
}

impl Trigger {
    /// Returns the condition that lets a contact in by becoming true.
    pub fn state(&self) -> Option<&Condition> {
        match self {
            Self::Segment(condition) | Self::Score { condition, .. } => Some(condition),
            _ => None,
        }
    }

    /// Says whether it is a state and not a happening: a tag, a condition, being pending.
    pub fn is_state(&self) -> bool {
        self.state().is_some() || matches!(self, Self::Tag(_) | Self::Pending)
    }
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
    /// When its mail, note or call may go; other actions do not wait for it.
    pub window: Window,
    /// Who sends its mail; `None`: the campaign's sender.
    pub sender: Option<String>,
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
    /// Sends one of several mails; which one is decided by the contact's share, for ever.
    Test(Test),
    /// Waits until an event comes or time is up.
    WaitFor(WaitFor),
    /// Lets the contact into another campaign.
    Enrol(CampaignId),
    /// Sends a mail to someone of the firm.
    Notify(Notify),
    /// Sends what is known to a web address.
    Webhook(Webhook),
    /// Sets attributes of the contact; `null` removes one.
    Set(Map<String, Value>),
    /// Ends the enrolment, with this reason.
    Exit(String),
}

impl Action {
    /// Returns the word for it in files and output.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Send(_) => "send",
            Self::Test(_) => "test",
            Self::WaitFor(_) => "wait_for",
            Self::Enrol(_) => "enrol",
            Self::Notify(_) => "notify",
            Self::Webhook(_) => "webhook",
            Self::Set(_) => "set",
            Self::Exit(_) => "exit",
        }
    }

    /// Says whether it mails the contact: only then hours, days and the frequency cap bear on it.
    pub fn is_mail(&self) -> bool {
        matches!(self, Self::Send(_) | Self::Test(_))
    }

    /// Returns every mail to the contact it may send, with the name of the variant.
    pub fn mails(&self) -> impl Iterator<Item = (Option<&str>, &Mail)> {
        let (one, several) = match self {
            Self::Send(mail) => (Some((None, mail)), &[][..]),
            Self::Test(test) => (None, test.variants.as_slice()),
            _ => (None, &[][..]),
        };
        one.into_iter().chain(several.iter().map(|variant| (Some(variant.name.as_str()), &variant.mail)))
    }
}

/// An event to wait for.
#[derive(Debug, Clone)]
pub struct WaitFor {
    pub event: String,
    pub condition: Option<Condition>,
    /// From the moment the step is due.
    pub at_most: Span,
}

/// A mail to someone of the firm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    pub to: Address,
    /// `None`: a plain mail that says who reached the step.
    pub template: Option<TemplateName>,
    pub subject: Option<String>,
}

/// A call of a web address.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    pub url: String,
    /// Names and values; `${NAME}` in a value stands for a variable of the environment.
    pub headers: Vec<(String, String)>,
    /// What is sent as JSON, its texts being templates; `None`: what drip knows of contact and step.
    pub json: Option<Value>,
    /// How long one attempt may take.
    pub timeout: Span,
}

/// The mail of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub template: TemplateName,
    /// Stand in for the subject and the preheader of the template's front matter.
    pub subject: Option<String>,
    pub preheader: Option<String>,
    /// Who sends this content of a test; `None`: the sender of the step.
    pub sender: Option<String>,
}
