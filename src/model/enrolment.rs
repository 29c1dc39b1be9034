//! One contact's passage through one campaign.

use super::Instant;
use super::id::{CampaignId, ContactId, EnrolmentId, StepId};

/// One contact's passage through one campaign.
#[derive(Debug, Clone)]
pub struct Enrolment {
    pub id: EnrolmentId,
    pub contact: ContactId,
    pub campaign: CampaignId,
    /// 1 for the first passage, 2 for the first re-entry, …
    pub round: u32,
    pub state: EnrolmentState,
    /// The step it waits for; of an ended one, the step it waited for then.
    pub position: Option<StepId>,
    /// The trigger event's own time, or the time of the run that found the match.
    pub entered_at: Instant,
    /// Gets nothing of the campaign, for comparison with those who do.
    pub held_out: bool,
}

/// Where a passage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnrolmentState {
    Active,
    /// The last step is out.
    Finished,
    /// The goal was reached.
    Goal,
    /// Left before the end.
    Exited,
}

impl EnrolmentState {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::Active, Self::Finished, Self::Goal, Self::Exited];

    /// Returns the word for it in output and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Finished => "finished",
            Self::Goal => "goal",
            Self::Exited => "exited",
        }
    }
}

/// A contact's last passage through a campaign.
#[derive(Debug, Clone, Copy)]
pub struct Passage {
    pub round: u32,
    pub state: EnrolmentState,
    pub ended_at: Option<Instant>,
}
