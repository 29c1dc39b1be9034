//! `drip test-size`: how many people a test needs, before it begins.

use serde_json::json;

use super::Failure;
use super::context::Context;
use crate::cli::test_size::TestSizeArgs;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::plain::grouped;
use crate::stats;

pub(super) fn test_size(context: &Context, arguments: &TestSizeArgs) -> Result<Exit, Failure> {
    let TestSizeArgs { rate, power, confidence, looks, .. } = *arguments;
    let is_parted = !arguments.parts.is_empty();
    // Each level of the part with the most of them needs so many; those of the others get more.
    let contents = arguments.parts.iter().copied().max().unwrap_or(arguments.contents);
    let compared = if is_parted { arguments.parts.as_slice() } else { &[contents] };
    let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let pairs = compared.iter().map(|number| number * (number - 1) / 2).sum();
    let look = stats::of_comparisons(confidence, whole(looks));
    let pair = stats::of_comparisons(look, whole(pairs));
    // The leader has to be clear of each of the others.
    #[expect(clippy::cast_precision_loss, reason = "twenty at most")]
    let power_of_pair = 1.0 - (1.0 - power) / (contents - 1) as f64;
    let (better, each) = match (arguments.better, arguments.people) {
        (Some(better), _) => {
            let each = stats::per_group(rate, better, pair, power_of_pair).ok_or_else(|| {
                Diagnostic::error("no number of people tells these shares apart: they are too near to each other")
                    .hint("write a better share that is further from the first, or what so many people show with `--people 4000`")
            })?;
            (better, each)
        }
        (None, people) => {
            let each = people.unwrap_or_default() / contents;
            let better = stats::detectable(rate, each, pair, power_of_pair).ok_or_else(|| {
                Diagnostic::error(format!("{} people for each content show no difference at all", grouped(each)))
                    .hint("test fewer contents, or wait until there are more people")
            })?;
            (better, each)
        }
    };
    if context.output.options().json {
        let answer = json!({
            "rate": rate, "better": better, "contents": contents, "parts": arguments.parts, "looks": looks, "people_each": each, "people": each * contents,
            "power": power, "confidence": confidence,
        });
        context.output.result(&format!("{answer:#}\n"));
        return Ok(Exit::Success);
    }
    let (all, each) = (grouped(each * contents), grouped(each));
    let of = if is_parted { "level" } else { "content" };
    let head = match arguments.people {
        None => {
            format!("{each} people for each {of}, {all} in all, tell {} from {}.", percent(better), percent(rate))
        }
        Some(_) => {
            format!("{each} people for each {of} tell {} from {}, and nothing nearer.", percent(better), percent(rate))
        }
    };
    let when = if looks > 1 {
        "That is for the look at which so many have had their content: `winner` takes the planned ones by itself, and whoever\nlooks oftener, and stops at the first difference, sees one far more often."
    } else {
        "Look once, when so many have had their content and the time of the goal is over: whoever looks every day, and stops\nat the first difference, sees one far more often."
    };
    context.output.result(&format!(
        "{head}\nA difference that large is found in {} of such tests; where there is none, one is seen in {}.\n{when}\n",
        percent(power),
        percent(1.0 - confidence),
    ));
    Ok(Exit::Success)
}

/// Returns a share with the decimals that it needs, at most two.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", 100.0 * share);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
