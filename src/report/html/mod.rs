//! The report as one page to show: nothing but this file is needed to read it, on a telephone, on a desk or on paper.
//!
//! A picture is drawn as bars of SVG that stretch, with its words as text beside them, so that a small screen shrinks no letter;
//! the numbers of each stand in a table behind it. There is no script, and the page forbids itself every request.

mod picture;
mod section;

use chrono_tz::Tz;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::sheet::{Sheet, mails};
use super::{Funnel, Language};
use crate::model::Instant;
use crate::model::period::Period;
use crate::model::plain::plain;
use crate::report::limits::leaving;
use crate::report::siblings::beside;

const STYLE: &str = include_str!("style.css");
/// By what a page of drip is known.
pub const GENERATOR: &str = "<meta name=\"generator\" content=\"drip report\">";

/// What stands around the numbers.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    pub language: Language,
    /// Whose campaigns they are.
    pub sender: &'a str,
    pub now: Instant,
    pub zone: Tz,
    pub period: Period,
}

/// Returns the page: the campaigns, and behind them what else there is to report, a part each.
pub fn page(funnels: &[Funnel], more: &[Sheet], about: &About<'_>) -> String {
    let language = about.language;
    let say = |english, vietnamese| language.either(english, vietnamese);
    let title = say("E-mail campaigns", "Chiến dịch email");
    let page = html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                (PreEscaped(GENERATOR))
                title { (title) " – " (plain(about.sender)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.sender { (plain(about.sender)) }
                    h1 { (title) }
                    p { (as_of(about)) }
                }
                main {
                    (worth_a_look(funnels, language))
                    @if funnels.is_empty() {
                        p { (say("No campaigns yet.", "Chưa có chiến dịch nào.")) }
                    }
                    @if funnels.len() > 1 { (section::overview(funnels, language)) }
                    @for (place, funnel) in funnels.iter().enumerate() {
                        (section::campaign(funnel, place, language))
                    }
                    @for sheet in more { (section::part(sheet, language, section::Rank::Second)) }
                }
                footer {
                    p { (say(
                        "People count once for each time they entered. A rate in brackets or between two numbers is uncertain: the truth lies there 95 times of 100.",
                        "Mỗi lần vào chiến dịch được tính là một. Tỷ lệ nằm giữa hai số là khoảng tin cậy: 95 trên 100 lần giá trị thật nằm trong đó.",
                    )) }
                }
            }
        }
    };
    page.into_string()
}

/// Says of when the numbers are, and of whom.
fn as_of(about: &About<'_>) -> String {
    let local = |at: Instant| at.with_timezone(&about.zone);
    let moment = |at: Instant| format!("{} {}", about.language.day(local(at).date_naive()), local(at).format("%H:%M"));
    let (since, until) = (about.period.since.map(moment), about.period.until.map(moment));
    match about.language {
        Language::English => {
            let since = since.map(|at| format!(" since {at}")).unwrap_or_default();
            let until = until.map(|at| format!(" before {at}")).unwrap_or_default();
            let who = if about.period.is_always() {
                "everyone who has entered".to_owned()
            } else {
                format!("who entered{since}{until}")
            };
            format!("As of {}, {who}.", moment(about.now))
        }
        Language::Vietnamese => {
            let since = since.map(|at| format!(" từ {at}")).unwrap_or_default();
            let until = until.map(|at| format!(" trước {at}")).unwrap_or_default();
            let who = if about.period.is_always() {
                "tất cả người đã vào".to_owned()
            } else {
                format!("người vào{since}{until}")
            };
            format!("Tính đến {}, {who}.", moment(about.now))
        }
    }
}

/// Says first what asks for a person.
fn worth_a_look(funnels: &[Funnel], language: Language) -> Markup {
    let said: Vec<(String, Vec<String>)> = funnels
        .iter()
        .map(|funnel| {
            let (_, siblings) = beside(funnel);
            let mut said = mails::alarms(funnel, &leaving(funnel), language);
            said.extend(mails::weak(funnel, &siblings, language));
            (section::name(funnel), said)
        })
        .filter(|(_, said)| !said.is_empty())
        .collect();
    html! {
        @if !said.is_empty() {
            section.look {
                h2 { (language.either("Worth a look", "Cần xem")) }
                @for (campaign, sentences) in &said {
                    p { strong { (campaign) } }
                    ul { @for sentence in sentences { li { (sentence) } } }
                }
            }
        }
    }
}
