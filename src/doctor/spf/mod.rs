//! SPF (RFC 7208): whether the domain of the envelope sender says who may send for it, and whether the relay is among them.

mod macros;
mod record;
#[cfg(test)]
mod tests;
mod walk;

pub use macros::Sender;

use super::place::Place;
use super::{Finding, Group};
use crate::dns::Dns;
use record::Qualifier;
use walk::{MOST_LOOKUPS, MOST_VOIDS, Outcome, Walk};

const CHECK: &str = "spf";

/// Judges the record of a domain.
pub fn judge(dns: &dyn Dns, sender: &Sender, place: &Place) -> Vec<Finding> {
    let domain = &sender.domain;
    let mut walk = Walk::new(dns, sender, None);
    let outcome = walk.check(domain);
    let wrong = |what: String| Finding::wrong(Group::Dns, CHECK, what);
    let record = match &outcome {
        Outcome::Unanswered(why) => return vec![Finding::not_made(Group::Dns, CHECK, why.to_string())],
        Outcome::Missing => {
            let term = match place {
                Place::Outside { host, .. } => format!("a:{host}"),
                _ => "include:…".to_owned(),
            };
            return vec![wrong(format!("`{domain}` has no SPF record")).advice(format!(
                "publish {domain} TXT \"v=spf1 {term} ~all\", with the term that your relay's operator names"
            ))];
        }
        Outcome::Broken(_) if walk.lookups > MOST_LOOKUPS => {
            return vec![wrong(format!("`{domain}`: {}", walk::too_many(walk.lookups))).advice(FEWER)];
        }
        Outcome::Broken(what) => {
            return vec![
                wrong(format!("the SPF record of `{domain}` counts for nothing: {what}"))
                    .advice(format!("mend the TXT record of {domain}; the rules are in RFC 7208")),
            ];
        }
        Outcome::Of(_) | Outcome::Undecided => &outcome,
    };
    let finding = if walk.lookups > MOST_LOOKUPS {
        wrong(format!("`{domain}`: {}", walk::too_many(walk.lookups))).advice(FEWER)
    } else if walk.voids > MOST_VOIDS {
        wrong(format!("`{domain}`: {}", walk::void(&walk.empty))).advice("take the terms out whose names are gone")
    } else if let Some(open) = &walk.open {
        wrong(format!("the SPF record of `{open}` lets everyone send for `{domain}`"))
            .advice("end it with `~all` or `-all` in place of `+all`, and name no network of `/0`")
    } else if matches!(record, Outcome::Undecided | Outcome::Of(Qualifier::Neutral)) {
        Finding::warning(Group::Dns, CHECK, format!("the SPF record of `{domain}` says nothing of other senders"))
            .advice("end it with `~all`, or with `-all` once you know every sender")
    } else if walk.uses_ptr {
        Finding::warning(
            Group::Dns,
            CHECK,
            format!("the SPF record of `{domain}` uses `ptr`, which many receivers pass over"),
        )
        .advice("name networks (`ip4:`, `ip6:`) or an `include:` in its place (RFC 7208 section 5.5)")
    } else {
        Finding::fine(
            Group::Dns,
            CHECK,
            format!("`{domain}` says who sends for it, in {} of {MOST_LOOKUPS} questions to DNS", walk.lookups),
        )
    };
    let is_usable = finding.verdict != super::Verdict::Wrong;
    let mut findings = vec![finding];
    if is_usable {
        findings.push(covers(dns, sender, place));
    }
    findings
}

const FEWER: &str =
    "take out terms that nobody needs, or write networks (`ip4:…`) in place of `include:`, `a` and `mx`";

/// Says whether the record lets the relay send.
fn covers(dns: &dyn Dns, sender: &Sender, place: &Place) -> Finding {
    const CHECK: &str = "spf relay";
    let Place::Outside { host, addresses } = place else {
        let why = place.is_not_known().unwrap_or_default();
        return Finding::not_made(Group::Dns, CHECK, why).advice(
            "see that SPF names the address that mail leaves from: `Received-SPF` of a mail to yourself says so",
        );
    };
    let domain = &sender.domain;
    let mut refused = Vec::new();
    for address in addresses {
        match Walk::new(dns, sender, Some(*address)).check(domain) {
            Outcome::Of(Qualifier::Pass) => {}
            Outcome::Unanswered(why) => return Finding::not_made(Group::Dns, CHECK, why.to_string()),
            _ => refused.push(address.to_string()),
        }
    }
    if refused.is_empty() {
        return Finding::fine(Group::Dns, CHECK, format!("`{domain}` lets {host} send for it"));
    }
    let refused = refused.join(", ");
    // A relay often takes mail at one address and sends it from others, so this proves nothing.
    Finding::warning(Group::Dns, CHECK, format!("`{domain}` does not let {host} ({refused}) send for it"))
        .advice("unless the relay sends from other addresses: add the `include:` that its operator names")
}
