//! The page of preferences: which topics or campaigns a reader wants, a pause, and leaving all.

use std::collections::BTreeSet;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Form, RequestExt};
use chrono::TimeDelta;
use maud::{Markup, html};

use super::page::{notice, page};
use super::unsubscribe::{later, words_for, wrong};
use super::words::Words;
use super::{Offer, Room};
use crate::mail::token::Purpose;
use crate::model::contact::Contact;
use crate::model::id::{CampaignId, SendId};
use crate::model::{Instant, wall};
use crate::store::{Result, Work};

/// For how long a pause is.
const PAUSE: TimeDelta = TimeDelta::days(30);

/// A line of the page.
struct Subject {
    /// What is refused by it.
    id: String,
    /// For the reader.
    name: String,
    /// What else is refused of it: its campaigns, from before they had their topic.
    also: Vec<String>,
}

impl Subject {
    fn is_wanted(&self, contact: &Contact) -> bool {
        std::iter::once(&self.id).chain(&self.also).all(|subject| !contact.refused.contains(subject))
    }
}

fn of(purpose: &Purpose) -> Option<SendId> {
    if let Purpose::Preferences(send) = purpose { Some(*send) } else { None }
}

/// Shows what a reader gets; changes nothing.
pub(super) async fn show(State(room): State<Room>, Path(token): Path<String>) -> Response {
    let send = match room.send_of(&token, of).await {
        Ok(send) => send,
        Err(answer) => return answer,
    };
    let Some(found) = room.desk.ask(move |work| reader(work, send)).await else { return later(&room) };
    answer(&room, send, found, false)
}

/// Takes down what a reader chose.
///
/// The form names what it showed (`shown`), so that a topic which came since is not taken for refused.
pub(super) async fn choose(State(room): State<Room>, Path(token): Path<String>, request: Request) -> Response {
    let send = match room.send_of(&token, of).await {
        Ok(send) => send,
        Err(answer) => return answer,
    };
    let form: Vec<(String, String)> = match request.extract::<Form<_>, _>().await {
        Ok(Form(form)) => form,
        Err(refused) => return refused.into_response(),
    };
    let named = |field: &str| -> BTreeSet<String> {
        form.iter().filter(|(name, _)| name == field).map(|(_, value)| value.clone()).collect()
    };
    let (shown, wanted, pause) = (named("shown"), named("wanted"), !named("pause").is_empty());
    let now = (room.site.clock)();
    let asked = std::sync::Arc::clone(&room.site);
    let chosen = room.desk.ask(move |work| {
        let Some((contact, campaigns)) = reader(work, send)? else { return Ok(None) };
        if contact.consent.is_opt_out() {
            return Ok(Some((contact, campaigns)));
        }
        // Only what is on offer: the form comes from outside.
        let mut refused = contact.refused.clone();
        for subject in subjects(&asked.offer, &contact, &campaigns, "").iter().filter(|one| shown.contains(&one.id)) {
            if wanted.contains(&subject.id) {
                refused.retain(|one| *one != subject.id && !subject.also.contains(one));
            } else {
                refused.insert(subject.id.clone());
            }
        }
        // A pause that runs on is not begun anew by another choice.
        let until = pause.then(|| contact.pause(now).unwrap_or(now + PAUSE));
        work.choose(&contact, &refused, until, now)?;
        reader(work, send)
    });
    let Some(found) = chosen.await else { return later(&room) };
    answer(&room, send, found, true)
}

/// Finds whose page it is, and which campaigns they are or were in.
fn reader(work: &Work<'_>, send: SendId) -> Result<Option<(Contact, Vec<CampaignId>)>> {
    let Some(contact) = work.contact_of_send(send)? else { return Ok(None) };
    let campaigns = work.campaigns_of(contact.id)?;
    Ok(Some((contact, campaigns)))
}

fn answer(room: &Room, send: SendId, found: Option<(Contact, Vec<CampaignId>)>, saved: bool) -> Response {
    // Nobody's, as after `drip contact forget`.
    let Some((contact, campaigns)) = found else { return wrong(room) };
    let words = words_for(room, Some(&contact));
    if contact.consent.is_opt_out() {
        return notice(StatusCode::OK, words, words.left_title, &format!("{} {}.", words.left, room.site.name));
    }
    let subjects = subjects(&room.site.offer, &contact, &campaigns, &room.site.language);
    let until = contact.pause((room.site.clock)()).map(|until| day(until, &contact, room, words));
    let body = html! {
        @if saved {
            p role="status" { (words.saved) }
        }
        form method="post" {
            @if !subjects.is_empty() {
                fieldset {
                    legend { (words.choose_question) " " (room.site.name) "?" }
                    @for subject in &subjects {
                        (tick("wanted", &subject.id, &subject.name, subject.is_wanted(&contact)))
                        input type="hidden" name="shown" value=(subject.id);
                    }
                }
            }
            fieldset {
                legend { (words.pause) }
                @let label = until.as_ref().map_or_else(|| words.pause_30.to_owned(), |day| format!("{} {day}", words.paused_until));
                (tick("pause", "30", &label, until.is_some()))
            }
            button type="submit" { (words.save) }
        }
        form method="post" action={ "../u/" (room.sign(&Purpose::Unsubscribe(send))) } {
            button.quiet type="submit" { (words.leave_all) }
        }
    };
    page(StatusCode::OK, words, words.choose_title, &body)
}

fn tick(name: &str, value: &str, label: &str, ticked: bool) -> Markup {
    html! { label { input type="checkbox" name=(name) value=(value) checked[ticked]; span { (label) } } }
}

/// Returns what a reader chooses from, in order.
fn subjects(offer: &Offer, contact: &Contact, campaigns: &[CampaignId], fallback: &str) -> Vec<Subject> {
    match offer {
        Offer::Topics(topics) => {
            let language = contact.language.as_deref().unwrap_or(fallback);
            let shown = topics.iter().map(|(id, topic, also)| Subject {
                id: id.clone(),
                name: topic.name(language).to_owned(),
                also: also.clone(),
            });
            shown.collect()
        }
        Offer::Campaigns(names) => {
            let known = campaigns.iter().filter_map(|id| Some((id, names.get(id)?)));
            let shown =
                known.map(|(id, name)| Subject { id: format!("campaign/{id}"), name: name.clone(), also: Vec::new() });
            shown.collect()
        }
    }
}

/// Returns a day as its reader writes it, on their own calendar.
fn day(at: Instant, contact: &Contact, room: &Room, words: &Words) -> String {
    let zone = contact.timezone.unwrap_or(room.site.timezone);
    wall::wall(at, zone).format(words.day).to_string()
}
