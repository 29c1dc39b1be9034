//! `value` of `drip.yaml`: how far ahead what is expected looks, and how old the model of all customers may become.

use super::fields::Source;
use super::yaml::Node;
use crate::model::delay::Span;
use crate::model::value::Valuation;

/// Further ahead nobody can see.
const FARTHEST: u32 = 3650;

/// Reads the two spans, of whole days both.
pub(super) fn read(source: &mut Source, node: &Node) -> Option<Valuation> {
    let mut fields = source.fields(node, "value")?;
    let usual = Valuation::default();
    let ahead = fields.take("ahead").map(|node| source.parse(node, "ahead", days));
    let refit = fields.take("refit").map(|node| source.parse(node, "refit", refit));
    fields.finish(source);
    Some(Valuation {
        ahead: ahead.flatten().unwrap_or(usual.ahead),
        refit: refit.flatten().unwrap_or(usual.refit),
        is_asked: true,
        ..usual
    })
}

fn days(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no number of days; write `30d` or `12w`, up to `{FARTHEST}d`");
    let span = Span::parse(text).map_err(|_| wrong())?;
    Some(span.days).filter(|days| span.seconds == 0 && (1..=FARTHEST).contains(days)).ok_or_else(wrong)
}

fn refit(text: &str) -> Result<Option<u32>, String> {
    if text == "never" { Ok(None) } else { days(text).map(Some) }
}
