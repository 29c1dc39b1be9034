//! Campaigns and other parts of the page.

use chrono::TimeDelta;
use maud::{Markup, html};

use super::picture;
use crate::model::plain::plain;
use crate::model::reaction::Reaction;
use crate::report::funnel::Revenue;
use crate::report::sheet::{Picture, Sheet, cohorts, contents, holdout, losses, mails, revenue, times};
use crate::report::{Funnel, Language};

/// With so many columns a table is read line by line on a telephone.
const MANY: usize = 5;

/// How deep a heading stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    Second,
    Third,
}

/// Returns the campaigns side by side.
pub(super) fn overview(funnels: &[Funnel], language: Language) -> Markup {
    let say = |english, vietnamese| language.either(english, vietnamese);
    let has_revenue = funnels.iter().any(|funnel| funnel.revenue().is_told());
    let mut columns = vec![say("entered", "vào"), say("goal", "đạt mục tiêu"), say("half within", "một nửa trong")];
    columns.extend(has_revenue.then_some(say("revenue", "doanh thu")));
    let cells = |funnel: &Funnel| {
        let rate = language.percent(funnel.goal_rate()).filter(|_| funnel.has_goal || funnel.goal > 0);
        let revenue = Some(funnel.revenue()).filter(Revenue::is_told);
        [
            language.number(funnel.enrolled),
            rate.map(|rate| format!("{} ({rate})", language.number(funnel.goal))).unwrap_or_default(),
            funnel.goal_time.map(|time| length(time.median, language)).unwrap_or_default(),
            revenue.map(|revenue| language.money(revenue.amount, funnel.currency.as_deref())).unwrap_or_default(),
        ]
    };
    html! {
        section {
            h2 { (say("Overview", "Tổng quan")) }
            table.sheet.wide role="table" {
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { (say("campaign", "chiến dịch")) }
                    @for column in &columns { th.number scope="col" role="columnheader" { (column) } }
                } }
                tbody role="rowgroup" {
                    @for (place, funnel) in funnels.iter().enumerate() {
                        tr role="row" {
                            th scope="row" role="rowheader" { a href=(format!("#campaign-{}", place + 1)) { (name(funnel)) } }
                            @for (cell, column) in cells(funnel).iter().zip(&columns) {
                                td.number.empty[cell.is_empty()] role="cell" data-label=(column) { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Returns everything about one campaign.
pub(super) fn campaign(funnel: &Funnel, place: usize, language: Language) -> Markup {
    let say = |english, vietnamese| language.either(english, vietnamese);
    let mut parts = vec![losses::sheet(funnel, language)];
    if funnel.has_goal || funnel.goal > 0 {
        parts.extend(times::sheet(funnel, language));
        parts.extend(cohorts::sheet(funnel, language));
    }
    parts.extend(holdout::sheet(funnel, language));
    parts.extend(contents::sheets(funnel, language));
    parts.push(mails::sheet(funnel, language));
    parts.push(revenue::sheet(funnel, language));
    html! {
        section.campaign id=(format!("campaign-{}", place + 1)) {
            h2 { (name(funnel)) }
            @if plain(&funnel.name) != funnel.campaign.as_str() { p.id { code { (funnel.campaign.as_str()) } } }
            @if funnel.enrolled == 0 {
                p { (say("Nobody has entered yet.", "Chưa có ai vào.")) }
            } @else {
                (figures(funnel, language))
                @for sheet in &parts { (part(sheet, language, Rank::Third)) }
                (reasons(funnel, language))
            }
        }
    }
}

/// Returns a part: its words, its picture, and the table behind it.
pub(super) fn part(sheet: &Sheet, language: Language, rank: Rank) -> Markup {
    let is_field = matches!(sheet.picture, Some(Picture::Fields { .. }));
    html! {
        section.part {
            @match rank {
                Rank::Second => h2 { (sheet.title) },
                Rank::Third => h3 { (sheet.title) },
            }
            @for sentence in &sheet.lead { p.lead { (sentence) } }
            @match &sheet.picture {
                Some(Picture::Bars(bars)) => {
                    @if !sheet.caption.is_empty() { p.caption { (sheet.caption) } }
                    (picture::bars(bars, &sheet.title, language))
                    (folded(language, &table(sheet)))
                }
                Some(Picture::Columns { bars, name, number }) => {
                    (picture::columns(bars, &sheet.title, name, language))
                    (folded(language, &pairs(bars, name, number)))
                    (table(sheet))
                }
                Some(Picture::Fields { .. }) | None => { (table(sheet)) }
            }
            @for note in &sheet.notes { p.note { (note) } }
            @if is_field && sheet.rows.is_empty() { p { (language.either("Nothing yet.", "Chưa có gì.")) } }
        }
    }
}

/// Hides a table behind a line that opens it.
fn folded(language: Language, table: &Markup) -> Markup {
    html! { details { summary { (language.either("The numbers", "Số liệu")) } (table) } }
}

fn table(sheet: &Sheet) -> Markup {
    let shades = match &sheet.picture {
        Some(Picture::Fields { first, shares }) => Some((*first, shares)),
        _ => None,
    };
    // On a telephone a wide table becomes a list, and the roles say that it still is a table.
    let is_wide = sheet.columns.len() > MANY && shades.is_none();
    let class = if is_wide {
        "sheet wide"
    } else if shades.is_some() {
        "sheet fields"
    } else {
        "sheet"
    };
    let shade = |row: usize, column: usize| {
        let (first, shares) = shades?;
        let most = shares.iter().flatten().flatten().copied().fold(0.0, f64::max);
        let share = (*shares.get(row)?.get(column.checked_sub(first)?)?)?;
        Some(picture::shade(share, most))
    };
    html! {
        @if !sheet.rows.is_empty() {
            table class=(class) role="table" {
                thead role="rowgroup" { tr role="row" {
                    @for column in &sheet.columns {
                        th.number[column.is_number] scope="col" role="columnheader" { (column.heading) }
                    }
                } }
                tbody role="rowgroup" {
                    @for (row, cells) in sheet.rows.iter().enumerate() {
                        tr role="row" {
                            @for (at, (cell, column)) in cells.iter().zip(&sheet.columns).enumerate() {
                                @if at == 0 {
                                    th scope="row" role="rowheader" { (cell) }
                                } @else {
                                    td.number[column.is_number].empty[cell.is_empty()] role="cell"
                                        data-label=(column.heading) data-shade=[shade(row, at)] { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn pairs(bars: &[crate::report::sheet::Bar], name: &str, number: &str) -> Markup {
    html! {
        table.sheet.pairs {
            thead { tr { th scope="col" { (name) } th.number scope="col" { (number) } } }
            tbody { @for bar in bars { tr { th scope="row" { (bar.name) } td.number { (bar.number) } } } }
        }
    }
}

/// Returns the numbers that one looks for first.
fn figures(funnel: &Funnel, language: Language) -> Markup {
    let say = |english, vietnamese| language.either(english, vietnamese);
    let revenue = funnel.revenue();
    let sent: u64 = funnel.steps.iter().filter(|step| step.is_mail()).map(|step| step.sent).sum();
    let figure = |term: &str, number: String, note: Option<String>| {
        html! { div { dt { (term) } dd { (number) @if let Some(note) = note { " " small { (note) } } } } }
    };
    html! {
        dl.figures {
            (figure(say("entered", "vào"), language.number(funnel.enrolled), None))
            @if funnel.has_goal || funnel.goal > 0 {
                (figure(say("reached the goal", "đạt mục tiêu"), language.number(funnel.goal), language.percent(funnel.goal_rate())))
            }
            @if let Some(time) = funnel.goal_time {
                (figure(say("half of them within", "một nửa trong"), length(time.median, language), None))
            }
            @if revenue.is_told() {
                (figure(say("revenue", "doanh thu"), language.money(revenue.amount, funnel.currency.as_deref()), None))
            }
            (figure(say("mails", "thư đã gửi"), language.number(sent), None))
            (figure(say("under way", "đang trong chiến dịch"), language.number(funnel.active), None))
            (figure(say("left", "rời đi"), language.number(funnel.exited), None))
        }
    }
}

/// Says why people left and what was passed over.
fn reasons(funnel: &Funnel, language: Language) -> Markup {
    let say = |english, vietnamese| language.either(english, vietnamese);
    let skips = funnel.steps.iter().flat_map(|step| {
        let at = say("at", "ở");
        step.skips
            .iter()
            .map(move |(reason, count)| (format!("{} {at} {}", said(reason, language), plain(&step.id)), *count))
    });
    let came_back = funnel
        .steps
        .iter()
        .filter(|step| step.reactions.of(Reaction::Bounced) > 0)
        .map(|step| (plain(&step.id).into_owned(), step.reactions.of(Reaction::Bounced)));
    let lists = [
        (
            say("Why people left", "Lý do rời đi"),
            funnel.exits.iter().map(|(reason, count)| (said(reason, language), *count)).collect::<Vec<_>>(),
        ),
        (say("Passed over", "Bị bỏ qua"), skips.collect()),
        (say("Came back for good", "Thư bị trả lại"), came_back.collect()),
    ];
    html! {
        @for (title, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            section.part {
                h3 { (title) }
                ul.reasons { @for (reason, count) in list { li { (language.number(*count)) " " (reason) } } }
            }
        }
    }
}

/// Returns a reason: drip's own words in the language, other people's as they are.
fn said(reason: &str, language: Language) -> String {
    let own = match reason {
        "unsubscribed" => "hủy nhận thư",
        "complained" => "báo rác",
        "bounced" => "thư bị trả lại",
        "suppressed" => "bị chặn gửi",
        "condition" => "điều kiện không đúng",
        "late" => "quá trễ",
        "by hand" => "bằng tay",
        _ => return plain(reason).into_owned(),
    };
    language.either(reason, own).to_owned()
}

pub(super) fn name(funnel: &Funnel) -> String {
    let name = plain(&funnel.name);
    if name.is_empty() { funnel.campaign.as_str().to_owned() } else { name.into_owned() }
}

fn length(span: TimeDelta, language: Language) -> String {
    let text = crate::report::notes::length(span);
    match language {
        Language::English => text,
        Language::Vietnamese => {
            let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
            let unit = match unit {
                "min" => "phút",
                "h" => "giờ",
                _ => "ngày",
            };
            format!("{} {unit}", number.replace('.', ","))
        }
    }
}
