//! The rules of time and of live edits, as decisions.

use std::collections::BTreeMap;

use serde_json::Map;

use super::*;
use crate::model::address::Address;
use crate::model::campaign::{Existing, Goal, Mail, Reentry, Trigger};
use crate::model::delay::{Delay, Span};
use crate::model::enrolment::EnrolmentState;
use crate::model::event::Event;
use crate::model::id::{CampaignId, ContactId, EnrolmentId, EventId, StepId, TemplateName};
use crate::model::quiet::QuietDates;
use crate::model::send::{CAME, SendKind, TIMED_OUT};
use crate::model::variant::{Shares, Test, Variant};
use crate::model::window::{Hours, Weekdays, Window};

/// Someone in Viet Nam who entered on Monday 2 March 2026 at 09:00 there.
struct Story {
    campaign: Campaign,
    facts: Facts,
    caps: Vec<FrequencyCap>,
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn mail(template: &str) -> Mail {
    Mail { template: TemplateName::new(template), subject: None, preheader: None, sender: None }
}

/// Steps written as `id`, `id 2d`, `id 1d at 09:00`.
fn story(steps: &[&str]) -> Story {
    let steps = steps.iter().map(|text| {
        let (id, delay) = text.split_once(' ').unwrap_or((text, "0m"));
        Step {
            id: StepId::new(id),
            was: Vec::new(),
            condition: None,
            delay: Delay::parse(delay).unwrap(),
            window: Window::default(),
            late: Late::Send,
            sender: None,
            action: Action::Send(mail(id)),
        }
    });
    let campaign = Campaign {
        id: CampaignId::new("welcome"),
        name: "welcome".to_owned(),
        triggers: vec![Trigger::Manual],
        reentry: Reentry::Never,
        existing: Existing::Skip,
        goal: None,
        exit_when: None,
        at_end: AtEnd::Close,
        priority: 0,
        sender: None,
        topic: None,
        holdout: None,
        steps: steps.collect(),
        fingerprint: String::new(),
    };
    let contact = Contact {
        id: ContactId(1),
        address: Address::parse("lan@example.com").unwrap(),
        consent: Consent::Subscribed,
        suppressed: false,
        refused: std::collections::BTreeSet::new(),
        paused_until: None,
        timezone: Some("Asia/Ho_Chi_Minh".parse().unwrap()),
        language: None,
        tags: ["vip".to_owned()].into(),
        attributes: Map::new(),
    };
    let enrolment = crate::model::enrolment::Enrolment {
        id: EnrolmentId(1),
        contact: contact.id,
        campaign: campaign.id.clone(),
        round: 1,
        state: EnrolmentState::Active,
        position: None,
        entered_at: at("2026-03-02T02:00:00Z"),
        held_out: false,
    };
    let facts = Facts {
        enrolment,
        contact,
        events: Vec::new(),
        sends: Vec::new(),
        recent_mails: Vec::new(),
        trials: std::sync::Arc::default(),
    };
    Story { campaign, facts, caps: Vec::new() }
}

impl Story {
    fn row(mut self, step: &str, state: SendState, time: &str) -> Self {
        self.facts.sends.push(SendRecord {
            step: step.to_owned(),
            kind: SendKind::Mail,
            variant: None,
            reason: None,
            state,
            at: at(time),
            retry_at: None,
        });
        if state.has_left() {
            self.facts.recent_mails.push(at(time));
        }
        self
    }

    fn event(mut self, name: &str, time: &str) -> Self {
        let id = EventId(i64::try_from(self.facts.events.len()).unwrap());
        self.facts.events.push(Event { id, name: name.to_owned(), at: at(time), properties: Map::new() });
        self
    }

    fn step(&mut self, id: &str) -> &mut Step {
        let index = self.campaign.position_of(id).unwrap();
        &mut self.campaign.steps[index]
    }

    /// Returns the decision in words.
    #[track_caller]
    fn says(&self, now: &str, expected: &str) {
        let terms = Terms::default();
        let rules = Rules { timezone: chrono_tz::UTC, frequency_caps: &self.caps, terms: &terms, pauses: true };
        let time = |at: Instant| at.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string();
        let name = |step: Option<&Step>| step.map_or("-".to_owned(), |step| step.id.to_string());
        let said = match decide(&self.campaign, &self.facts, rules, at(now)) {
            Decision::Wait { step, until, why } => {
                format!("wait for {} until {} ({why:?})", name(step), until.map_or("-".to_owned(), time))
            }
            Decision::Send { step, variant: None, due, .. } => format!("send {} due {}", step.id, time(due)),
            Decision::Send { step, variant: Some(variant), .. } => format!("send {} {variant}", step.id),
            Decision::Waited { step, came, .. } => format!("{} {}", step.id, if came { CAME } else { TIMED_OUT }),
            Decision::Skip { step, reason, .. } => format!("skip {} ({})", step.id, reason.as_str()),
            Decision::Act { step, .. } => format!("{} {}", step.action.kind(), step.id),
            Decision::Exit { step, reason } => format!("exit at {} ({reason})", name(step)),
            Decision::Goal { at } => format!("goal {}", time(at)),
            Decision::Finish => "finish".to_owned(),
        };
        assert_eq!(said, expected, "at {now}");
    }
}

#[test]
fn steps_follow_each_other_from_the_real_send() {
    let story = story(&["thanks", "tips 2d", "offer 1d at 09:00"]);
    story.says("2026-03-02T02:00:00Z", "send thanks due 2026-03-02T02:00:00Z");
    // Sent three days late after an outage: the rest keeps its spacing.
    let story = story.row("thanks", SendState::Sent, "2026-03-05T08:30:00Z");
    story.says("2026-03-05T08:30:00Z", "wait for tips until 2026-03-07T08:30:00Z (Due)");
    story.says("2026-03-08T00:00:00Z", "send tips due 2026-03-07T08:30:00Z");
    let story = story.row("tips", SendState::Skipped, "2026-03-08T00:00:00Z");
    story.says("2026-03-08T00:00:00Z", "wait for offer until 2026-03-09T02:00:00Z (Due)");
    story.row("offer", SendState::Unknown, "2026-03-09T02:00:00Z").says("2026-03-09T02:00:00Z", "finish");
}

#[test]
fn two_mails_never_leave_at_the_same_instant() {
    let story = story(&["a", "b"]).row("a", SendState::Sent, "2026-03-02T02:00:00Z");
    story.says("2026-03-02T02:00:00Z", "wait for b until 2026-03-02T02:00:00.001Z (Due)");
    story.says("2026-03-02T02:05:00Z", "send b due 2026-03-02T02:00:00.001Z");
}

#[test]
fn who_opted_out_leaves_and_who_has_not_confirmed_waits() {
    let mut story = story(&["thanks"]);
    for (consent, said) in [
        (Consent::Unsubscribed, "exit at - (unsubscribed)"),
        (Consent::Bounced, "exit at - (bounced)"),
        (Consent::Complained, "exit at - (complained)"),
        (Consent::Pending, "wait for - until - (Consent)"),
    ] {
        story.facts.contact.consent = consent;
        story.says("2026-03-02T02:00:00Z", said);
    }
    story.facts.contact.consent = Consent::Subscribed;
    story.facts.contact.suppressed = true;
    story.says("2026-03-02T02:00:00Z", "exit at - (suppressed)");
}

#[test]
fn a_goal_is_an_event_after_the_entry_and_within_its_time() {
    let mut story = story(&["thanks", "tips 2d"])
        .event("purchased", "2026-03-02T02:00:00Z")
        .event("purchased", "2026-03-05T00:00:00Z");
    story.campaign.goal = Some(Goal { event: "purchased".to_owned(), condition: None, within: None });
    story.says("2026-03-04T00:00:00Z", "send thanks due 2026-03-02T02:00:00Z");
    story.says("2026-03-05T00:00:00Z", "goal 2026-03-05T00:00:00Z");
    story.campaign.goal.as_mut().unwrap().within = Some(Span::parse("2d").unwrap());
    story.says("2026-03-05T00:00:00Z", "send thanks due 2026-03-02T02:00:00Z");
}

#[test]
fn conditions_skip_exit_and_set() {
    let mut story = story(&["thanks", "tips", "flag"]);
    story.step("thanks").condition = Some(Condition::parse("tagged('vip')").unwrap());
    story.step("tips").condition = Some(Condition::parse("contact.plan == 'pro'").unwrap());
    story.says("2026-03-02T03:00:00Z", "send thanks due 2026-03-02T02:00:00Z");
    let mut story = story.row("thanks", SendState::Sent, "2026-03-02T03:00:00Z");
    story.says("2026-03-02T04:00:00Z", "skip tips (condition)");
    story.step("flag").action = Action::Set(Map::new());
    let mut story = story.row("tips", SendState::Skipped, "2026-03-02T04:00:00Z");
    story.says("2026-03-02T04:00:00Z", "set flag");
    story.step("flag").action = Action::Exit("enough".to_owned());
    story.says("2026-03-02T04:00:00Z", "exit at flag (enough)");
    story.campaign.exit_when = Some(Condition::parse("did('activated')").unwrap());
    story.event("activated", "2026-03-02T03:30:00Z").says("2026-03-02T04:00:00Z", "exit at - (exit_when)");
}

#[test]
fn hours_days_and_lateness_hold_on_the_contacts_clock() {
    let mut story = story(&["thanks"]);
    story.step("thanks").window = Window {
        hours: Some(Hours::parse("10:00-17:00").unwrap()),
        days: Some(Weekdays::parse("mon-fri").unwrap()),
        quiet: QuietDates::default(),
    };
    story.says("2026-03-02T02:00:00Z", "wait for thanks until 2026-03-02T03:00:00Z (Due)");
    // The run comes in the evening: tomorrow.
    story.says("2026-03-02T12:00:00Z", "wait for thanks until 2026-03-03T03:00:00Z (Window)");
    // The run comes on Friday evening: Monday.
    story.says("2026-03-06T12:00:00Z", "wait for thanks until 2026-03-09T03:00:00Z (Window)");
    story.step("thanks").late = Late::SkipAfter(Span::parse("3d").unwrap());
    story.says("2026-03-05T03:00:00Z", "send thanks due 2026-03-02T03:00:00Z");
    story.says("2026-03-05T03:00:01Z", "skip thanks (late)");
}

#[test]
fn the_frequency_cap_lets_the_next_local_day_through() {
    let mut story = story(&["thanks"]);
    story.caps = vec![FrequencyCap { mails: 1, days: 1 }];
    // Midnight in Viet Nam is 17:00Z.
    story.facts.recent_mails = vec![at("2026-03-02T16:59:00Z")];
    story.says("2026-03-02T16:59:59Z", "wait for thanks until 2026-03-02T17:00:00Z (Cap)");
    story.says("2026-03-02T17:00:00Z", "send thanks due 2026-03-02T02:00:00Z");
    story.caps = vec![FrequencyCap { mails: 2, days: 1 }];
    story.says("2026-03-02T16:59:59Z", "send thanks due 2026-03-02T02:00:00Z");
    story.caps = vec![FrequencyCap { mails: 2, days: 7 }];
    story.facts.recent_mails = vec![at("2026-03-02T03:00:00Z"), at("2026-03-04T03:00:00Z")];
    story.says("2026-03-08T03:00:00Z", "wait for thanks until 2026-03-08T17:00:00Z (Cap)");
    story.says("2026-03-08T17:00:00Z", "send thanks due 2026-03-02T02:00:00Z");
}

#[test]
fn every_cap_holds() {
    let mut story = story(&["thanks"]);
    story.caps = vec![FrequencyCap { mails: 1, days: 1 }, FrequencyCap { mails: 2, days: 7 }];
    story.facts.recent_mails = vec![at("2026-03-02T03:00:00Z")];
    story.says("2026-03-02T04:00:00Z", "wait for thanks until 2026-03-02T17:00:00Z (Cap)");
    story.says("2026-03-03T03:00:00Z", "send thanks due 2026-03-02T02:00:00Z");
    story.facts.recent_mails.push(at("2026-03-03T03:00:00Z"));
    // The day is free again tomorrow, the week when the first of the two is a week back.
    story.says("2026-03-03T04:00:00Z", "wait for thanks until 2026-03-08T17:00:00Z (Cap)");
}

#[test]
fn a_wait_ends_when_the_event_comes_or_time_is_up() {
    let mut story = story(&["thanks", "activation 1d", "nudge"]).row("thanks", SendState::Sent, "2026-03-02T02:00:00Z");
    let wait = WaitFor { event: "activated".to_owned(), condition: None, at_most: Span::parse("7d").unwrap() };
    story.step("activation").action = Action::WaitFor(wait);
    story.step("nudge").condition = Some(Condition::parse("timed_out('activation')").unwrap());
    story.says("2026-03-02T03:00:00Z", "wait for activation until 2026-03-03T02:00:00Z (Due)");
    story.says("2026-03-03T02:00:00Z", "wait for activation until 2026-03-10T02:00:00Z (Event)");
    story.says("2026-03-10T02:00:00Z", "activation timed out");
    // What came before the step was reached counts as well, from the entry on; not what came too late.
    let late = story.event("activated", "2026-03-10T02:00:01Z");
    late.says("2026-03-11T00:00:00Z", "activation timed out");
    let mut story = late.event("activated", "2026-03-02T02:30:00Z");
    story.facts.events.sort_by_key(|event| event.at);
    story.says("2026-03-03T02:00:00Z", "activation came");
    let mut story = story.row("activation", SendState::Done, "2026-03-03T02:00:00Z");
    story.facts.sends[1].reason = Some(CAME.to_owned());
    story.says("2026-03-03T02:00:00Z", "skip nudge (condition)");
    story.facts.sends[1].reason = Some(TIMED_OUT.to_owned());
    story.says("2026-03-03T02:00:00Z", "send nudge due 2026-03-03T02:00:00Z");
    // The branch that was not taken is passed over at once, whatever its delay.
    story.step("nudge").delay = Delay::parse("5d").unwrap();
    story.says("2026-03-03T02:00:00Z", "wait for nudge until 2026-03-08T02:00:00Z (Due)");
    story.facts.sends[1].reason = Some(CAME.to_owned());
    story.says("2026-03-03T02:00:00Z", "skip nudge (condition)");
    story.step("nudge").delay = Delay::default();
    story.facts.sends[1].reason = Some(TIMED_OUT.to_owned());
    // The wait has another name by now.
    story.step("activation").id = StepId::new("active");
    story.step("active").was.push(StepId::new("activation"));
    story.step("nudge").condition = Some(Condition::parse("timed_out('active')").unwrap());
    story.says("2026-03-03T02:00:00Z", "send nudge due 2026-03-03T02:00:00Z");
}

#[test]
fn a_test_gives_each_contact_one_variant_for_ever_and_each_variant_its_share() {
    let mut story = story(&["thanks"]);
    let variant = |name: &str, share| Variant { name: name.to_owned(), share, mail: mail("thanks") };
    let variants = vec![variant("a", 50), variant("b", 30), variant("c", 20)];
    story.step("thanks").action =
        Action::Test(Test { variants, factors: Vec::new(), shares: Shares::Fixed, winner: None });
    let rules = |terms| Rules { timezone: chrono_tz::UTC, frequency_caps: &[], terms, pauses: true };
    let terms = Terms::default();
    let mut got: BTreeMap<String, u32> = BTreeMap::new();
    for person in 0..5_000 {
        story.facts.contact.address = Address::parse(&format!("p{person}@example.com")).unwrap();
        let now = at("2026-03-02T02:00:00Z");
        let Decision::Send { variant: Some(variant), .. } = decide(&story.campaign, &story.facts, rules(&terms), now)
        else {
            panic!("no mail");
        };
        *got.entry(variant.to_owned()).or_default() += 1;
    }
    // Five standard deviations around 2,500, 1,500 and 1,000.
    for (variant, expected, slack) in [("a", 2500, 177), ("b", 1500, 162), ("c", 1000, 142)] {
        assert!(got[variant].abs_diff(expected) < slack, "{got:?}");
    }
    // What was begun stays, also when the shares change.
    let mut story = story.row("thanks", SendState::Deferred, "2026-03-02T02:00:00Z");
    story.facts.sends[0].variant = Some("c".to_owned());
    story.says("2026-03-02T02:00:00Z", "send thanks c");
}

#[test]
fn what_was_deferred_comes_again_and_what_is_in_hand_is_left_alone() {
    let mut story = story(&["thanks"]).row("thanks", SendState::Deferred, "2026-03-02T02:00:00Z");
    story.says("2026-03-02T02:00:00Z", "send thanks due 2026-03-02T02:00:00Z");
    story.facts.sends[0].retry_at = Some(at("2026-03-02T02:05:00Z"));
    story.says("2026-03-02T02:00:00Z", "wait for thanks until 2026-03-02T02:05:00Z (Backoff)");
    story.facts.sends[0].state = SendState::Sending;
    story.says("2026-03-03T02:00:00Z", "wait for thanks until - (InHand)");
}

/// Design section 4, rule 5: people who had `a` and `b`, the file edited.
#[test]
fn a_live_edit_sends_nothing_twice_and_strands_nobody() {
    let case = |steps: &[&str], was: Option<(&str, &str)>, expected: &str| {
        let mut story = story(steps).row("a", SendState::Sent, "2026-03-02T02:00:00Z").row(
            "b",
            SendState::Sent,
            "2026-03-03T02:00:00Z",
        );
        if let Some((step, old)) = was {
            story.step(step).was.push(StepId::new(old));
        }
        story.says("2026-03-09T02:00:00Z", expected);
    };
    case(&["a", "b 1d", "c 1d"], None, "send c due 2026-03-04T02:00:00Z");
    // Inserted ahead: they get it.
    case(&["a", "b 1d", "new 1d", "c 1d"], None, "send new due 2026-03-04T02:00:00Z");
    // Inserted behind, or moved behind: never.
    case(&["a", "new 1d", "b 1d", "c 2d"], None, "send c due 2026-03-05T02:00:00Z");
    case(&["c 1d", "a", "b 1d"], None, "finish");
    // The step they wait for is removed: the next one, from the same origin.
    case(&["a", "b 1d", "d 3d"], None, "send d due 2026-03-06T02:00:00Z");
    // The step they had last is removed: counted from it all the same.
    case(&["a", "c 1d"], None, "send c due 2026-03-04T02:00:00Z");
    // Renamed with `was`: nobody gets it twice; without: it is a new step.
    case(&["a", "b2 1d", "c 1d"], Some(("b2", "b")), "send c due 2026-03-04T02:00:00Z");
    case(&["a", "b2 1d", "c 1d"], None, "send b2 due 2026-03-04T02:00:00Z");
    // Delays are computed anew from the origin, both ways.
    case(&["a", "b 1d", "c 30d"], None, "wait for c until 2026-04-02T02:00:00Z (Due)");
    // What they had moves ahead of them: not again.
    case(&["b", "c 1d", "a"], None, "send c due 2026-03-04T02:00:00Z");
}

#[test]
fn held_people_get_what_is_appended() {
    let mut story = story(&["a"]).row("a", SendState::Sent, "2026-03-02T02:00:00Z");
    story.campaign.at_end = AtEnd::Hold;
    story.says("2026-03-03T02:00:00Z", "wait for - until - (Held)");
}
