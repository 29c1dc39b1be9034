//! What stands below a campaign's steps: who waits, what is due, who left, what was skipped, what hangs.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::limits::{LIMITS, Standing, leaving};
use super::percent::percent;
use super::siblings::beside;
use super::{Funnel, StepRow, lift, tested};
use crate::model::plain::{grouped, plain};
use crate::model::reaction::Reaction;

/// One of the counts of a step.
type Count = fn(&StepRow) -> u64;

/// One line below the steps.
pub(super) struct Note {
    pub(super) label: &'static str,
    pub(super) parts: Vec<String>,
    /// Asks for a person.
    pub(super) alert: bool,
}

/// Returns the notes of a campaign, in their order; instants are shown in `zone`.
pub(super) fn notes(funnel: &Funnel, zone: Tz) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |label, parts: Vec<String>, alert| {
        if !parts.is_empty() {
            notes.push(Note { label, parts, alert });
        }
    };
    let waits = funnel.steps.iter().filter(|step| step.waiting > 0).map(|step| {
        let next = step.next_due.map(|due| format!(", next {}", due.with_timezone(&zone).format("%Y-%m-%d %H:%M")));
        format!("{} for {}{}", grouped(step.waiting), plain(&step.id), next.unwrap_or_default())
    });
    note("Waiting", waits.collect(), false);
    if funnel.due_7d > 0 || funnel.active > 0 {
        let due = [(funnel.due_24h, "24 hours"), (funnel.due_7d, "7 days")];
        note("Due", due.map(|(count, span)| format!("{} in {span}", grouped(count))).to_vec(), false);
    }
    if funnel.late > 0 {
        note("Late", vec![format!("{} should have gone before now", grouped(funnel.late))], true);
    }
    if let Some(time) = funnel.goal_time {
        let within = [("half of those who reached it within", time.median), ("90 % within", time.p90)];
        note("Goal", within.map(|(who, span)| format!("{who} {}", length(span))).to_vec(), false);
    }
    let revenue = funnel.revenue();
    if revenue.is_told() {
        let purchases = if revenue.purchases == 1 { "purchase" } else { "purchases" };
        let amount = revenue.amount.shown(funnel.currency.as_deref(), false);
        note("Revenue", vec![format!("{amount} from {} {purchases}", grouped(revenue.purchases))], false);
    }
    let tests = || funnel.steps.iter().filter(|step| !step.variants.is_empty());
    note("Test", tests().flat_map(tested::contents).collect(), false);
    note("Parts", tests().flat_map(tested::parts).collect(), false);
    note("Winner", tests().flat_map(|step| tested::decided(step, zone)).collect(), false);
    note("Hold-out", funnel.holdout.iter().flat_map(lift::parts).collect(), false);
    let exits = funnel.exits.iter().map(|(reason, count)| format!("{} {}", grouped(*count), plain(reason)));
    note("Left", exits.collect(), false);
    let skips = funnel.steps.iter().flat_map(|step| {
        step.skips.iter().map(|(reason, count)| format!("{} {} at {}", grouped(*count), plain(reason), plain(&step.id)))
    });
    note("Skipped", skips.collect(), false);
    let at = |counts: &[(&str, Count)]| -> Vec<String> {
        let each =
            counts.iter().flat_map(|(word, count)| funnel.steps.iter().map(move |step| (word, count(step), step)));
        each.filter(|(_, count, _)| *count > 0)
            .map(|(word, count, step)| format!("{}{word} at {}", grouped(count), plain(&step.id)))
            .collect()
    };
    let of = |reactions: &[(Reaction, &str)]| -> Vec<String> {
        let each = reactions.iter().flat_map(|(reaction, word)| {
            funnel
                .steps
                .iter()
                .map(move |step| (*word, step.reactions.of(*reaction), step.reaction_rate(*reaction), step))
        });
        each.filter(|(_, mails, ..)| *mails > 0)
            .map(|(word, mails, rate, step)| {
                let rate = percent(rate).map(|rate| format!(" ({rate})")).unwrap_or_default();
                format!("{} {word} at {}{rate}", grouped(mails), plain(&step.id))
            })
            .collect()
    };
    note("Opt-out", of(&[(Reaction::Unsubscribed, "unsubscribed"), (Reaction::Complained, "complained")]), false);
    note("Limit", above_limits(funnel), true);
    note("Weak", weak(funnel), false);
    note("Bounced", of(&[(Reaction::Bounced, "for good"), (Reaction::BouncedForNow, "for now")]), false);
    // Beside what people did, never among it.
    let machines = [
        (Reaction::OpenedByProxy, "opened by proxies"),
        (Reaction::OpenedByMachine, "opened by machines"),
        (Reaction::ClickedByMachine, "clicked by machines"),
        (Reaction::AutoReplied, "answered by machines"),
    ];
    note("Machines", of(&machines), false);
    note("Refused", at(&[("", |step| step.rejected)]), false);
    note("Retry", at(&[("", |step| step.deferred)]), false);
    note("Stuck", at(&[(" held", |step| step.held), (" unknown", |step| step.unknown)]), true);
    notes
}

/// Returns the mails of which surely more people complain than mailbox providers allow.
fn above_limits(funnel: &Funnel) -> Vec<String> {
    let each = leaving(funnel).into_iter().filter_map(|mail| {
        let Standing::Above(at) = mail.standing else { return None };
        let (share, limit) = (percent(Some(mail.complained.share))?, percent(Some(LIMITS[at]))?);
        Some(format!("{share} complained at {}, the limit is {limit}", plain(&funnel.steps[mail.step].id)))
    });
    each.collect()
}

/// Returns the mails whose readers follow fewer links than those of their siblings, by more than chance.
fn weak(funnel: &Funnel) -> Vec<String> {
    let (_, siblings) = beside(funnel);
    let each = siblings.iter().filter(|one| one.is_weak()).filter_map(|one| {
        let [own, others] = [one.own, one.others].map(|count| percent(count.share()));
        Some(format!("{}: {} clicked, its siblings {}", plain(&funnel.steps[one.step].id), own?, others?))
    });
    each.collect()
}

/// Returns which passages are counted, where that is not all of them.
pub(super) fn counted(funnel: &Funnel, zone: Tz) -> Option<String> {
    let show = |at: crate::model::Instant| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
    let since = funnel.period.since.map(|at| format!(" since {}", show(at)));
    let until = funnel.period.until.map(|at| format!(" before {}", show(at)));
    (!funnel.period.is_always())
        .then(|| format!("Only who entered{}{}", since.unwrap_or_default(), until.unwrap_or_default()))
}

/// Returns a length of time as people compare it: minutes up to an hour, hours up to two days, then days.
pub(super) fn length(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    let tenths = |unit: i64, name: &str| {
        let tenths = (seconds * 10 + unit / 2) / unit;
        if tenths % 10 == 0 {
            format!("{} {name}", tenths / 10)
        } else {
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
    };
    match seconds {
        ..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => tenths(3_600, "h"),
        _ => tenths(86_400, "d"),
    }
}
