//! Pictures: bars and columns of SVG that stretch to the width there is, with words as text beside them.

use maud::{Markup, html};

use crate::report::Language;
use crate::report::sheet::Bar;

/// How many shades a field may have.
const SHADES: u8 = 5;
/// At most so many words stand under the columns.
const WORDS: usize = 7;

/// Returns a bar a line, with what the truth may be as a thin line on it.
pub(super) fn bars(bars: &[Bar], title: &str, language: Language) -> Markup {
    html! {
        div.bars role="img" aria-label=(label(title, bars, language)) {
            @for bar in bars {
                div.bar.alert[bar.alert] {
                    span.name { (bar.name) }
                    svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
                        rect.track x="0" y="0" width="1000" height="10" {}
                        rect.fill x="0" y="0" width=(thousandths(bar.share)) height="10" {}
                        @if let Some((low, high)) = bar.between {
                            rect.between x=(thousandths(low)) y="4" width=((thousandths(high) - thousandths(low)).max(2)) height="2" {}
                        }
                    }
                    span.value { (bar.number) }
                    @if !bar.note.is_empty() { span.small { (bar.note) } }
                }
            }
        }
    }
}

/// Returns a column for each stretch of time, side by side.
pub(super) fn columns(bars: &[Bar], title: &str, name: &str, language: Language) -> Markup {
    // Each has ten of the width, and its neighbours keep off.
    let width = bars.len() * 10;
    let highest = bars.iter().max_by(|one, other| one.share.total_cmp(&other.share));
    let every = bars.len().div_ceil(WORDS).max(1);
    html! {
        div.columns role="img" aria-label=(label(title, bars, language)) {
            @if let Some(highest) = highest { p.highest { (highest.number) } }
            svg viewBox=(format!("0 0 {width} 100")) preserveAspectRatio="none" aria-hidden="true" {
                @for (at, bar) in bars.iter().enumerate() {
                    @let height = (thousandths(bar.share) + 5) / 10;
                    rect.fill x=(at * 10 + 1) y=(100 - height) width="8" height=(height) {}
                }
            }
            div.words style=(format!("--columns:{}", bars.len())) {
                @for (at, bar) in bars.iter().enumerate() {
                    span { @if at % every == 0 { (bar.name) } }
                }
            }
            p.axis { (name) }
        }
    }
}

/// Returns which shade a field has, from 0 to 4, where the largest share is `most`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
pub(super) fn shade(share: f64, most: f64) -> u8 {
    if most > 0.0 { ((share / most * f64::from(SHADES)) as u8).min(SHADES - 1) } else { 0 }
}

/// Says in words what a picture shows.
fn label(title: &str, bars: &[Bar], language: Language) -> String {
    let each: Vec<_> = bars.iter().map(|bar| format!("{}: {}", bar.name, bar.number.replace("  ", ", "))).collect();
    format!("{title}. {}. {}", each.join("; "), language.either("The table has the numbers.", "Bảng có đủ số liệu."))
}

#[expect(clippy::cast_possible_truncation, reason = "from 0 to 1000")]
fn thousandths(share: f64) -> i32 {
    let parts = (share.clamp(0.0, 1.0) * 1000.0).round() as i32;
    // Whatever is not zero shows.
    if share > 0.0 { parts.max(3) } else { 0 }
}
