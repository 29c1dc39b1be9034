//! DMARC: what the domain of `From` asks of receivers, and whether drip's mails satisfy it.
//!
//! The organisational domain is found by the walk up the labels of `DMARCbis` (section 4.10), which needs no list of public
//! suffixes. Everything else is as in RFC 7489.

use super::tags::Tags;
use super::{Finding, Group};
use crate::dns::{Dns, NoAnswer};

const CHECK: &str = "dmarc";
/// Names of more labels are walked from here on (`DMARCbis` section 4.10).
const MOST_LABELS: usize = 8;

/// What mails bear that DMARC compares with the domain of `From`.
#[derive(Debug, Clone)]
pub struct Identities {
    /// The domain of the envelope sender, which SPF is about.
    pub envelope: String,
    /// The domain of drip's signature; `None` where drip does not sign.
    pub signature: Option<String>,
}

/// A record and where it stands.
struct Policy {
    domain: String,
    tags: Tags,
    /// The first piece of it that nobody can read, and that receivers drop.
    dropped: Option<String>,
}

impl Policy {
    fn is_strict(&self, tag: &str) -> bool {
        self.tags.get(tag).is_some_and(|mode| mode.eq_ignore_ascii_case("s"))
    }
}

/// An organisational domain.
#[derive(Debug, PartialEq, Eq)]
struct Organisation {
    name: String,
    /// Whether a record says so (`psd=`), or the walk alone.
    is_said: bool,
}

/// Judges the policy of a domain in `From`.
pub fn judge(dns: &dyn Dns, from: &str, identities: &Identities) -> Finding {
    look(dns, from, identities).unwrap_or_else(|no_answer| Finding::not_made(Group::Dns, CHECK, no_answer.to_string()))
}

fn look(dns: &dyn Dns, from: &str, identities: &Identities) -> Result<Finding, NoAnswer> {
    let wrong = |what: String| Finding::wrong(Group::Dns, CHECK, what);
    let own = match record(dns, from)? {
        Ok(own) => own,
        Err(number) => {
            return Ok(wrong(format!("`_dmarc.{from}` has {number} DMARC records, so none of them counts"))
                .advice("leave one of them there"));
        }
    };
    let organisation = organisation(dns, from)?;
    let is_own = own.is_some();
    let policy = match own {
        Some(policy) => Some(policy),
        None => record(dns, &organisation.name)?.ok().flatten(),
    };
    let Some(policy) = policy else {
        return Ok(wrong(format!(
            "`{from}` has no DMARC record, which Gmail and Yahoo ask of whoever sends many mails"
        ))
        .advice(format!("publish _dmarc.{0} TXT \"v=DMARC1; p=none; rua=mailto:dmarc@{0}\"", organisation.name)));
    };
    let place = format!("_dmarc.{}", policy.domain);
    let asks = policy.tags.get("sp").filter(|_| !is_own).or_else(|| policy.tags.get("p"));
    let asks = match asks.map(str::to_lowercase) {
        Some(asks) if ["none", "quarantine", "reject"].contains(&asks.as_str()) => asks,
        // Section 6.6.3: where somebody reads reports, it counts as `none`.
        other if policy.tags.get("rua").is_some() => {
            let what = other.map_or("no `p=`".to_owned(), |word| format!("`p={word}`, which is no policy"));
            return Ok(Finding::warning(Group::Dns, CHECK, format!("`{place}` has {what}, and counts as `p=none`"))
                .advice("write `p=none`, `p=quarantine` or `p=reject` behind `v=DMARC1`"));
        }
        _ => {
            return Ok(wrong(format!("`{place}` says no policy, so it counts for nothing"))
                .advice("write `p=none`, `p=quarantine` or `p=reject` behind `v=DMARC1`"));
        }
    };
    let mut by = Vec::new();
    let mut doubted = None;
    let signature = identities.signature.as_ref().map(|domain| (domain, "adkim", "DKIM"));
    for (domain, tag, way) in signature.into_iter().chain([(&identities.envelope, "aspf", "SPF")]) {
        if domain == from {
            by.push(way);
        } else if !policy.is_strict(tag) {
            let theirs = self::organisation(dns, domain)?;
            if theirs.name == organisation.name {
                by.push(way);
            } else if !theirs.is_said && !organisation.is_said {
                doubted = doubted.or_else(|| shared(from, domain).map(|shared| (domain, shared)));
            }
        }
    }
    if !by.is_empty() {
        let found = format!("`{place}` asks for `{asks}`, and mails from `{from}` can meet it by {}", by.join(" and "));
        return Ok(match policy.dropped {
            Some(piece) => Finding::warning(Group::Dns, CHECK, format!("{found}; `{piece}` in it is dropped"))
                .advice(format!("take `{piece}` out of the TXT record of {place}")),
            None => Finding::fine(Group::Dns, CHECK, found),
        });
    }
    if let Some((domain, shared)) = doubted {
        let what = format!(
            "whether mails from `{from}` meet DMARC (`{asks}`) differs: `{domain}` is of the same organisation by its name, and not by the records above it"
        );
        return Ok(Finding::warning(Group::Dns, CHECK, what)
            .advice(format!("publish _dmarc.{shared} TXT \"v=DMARC1; p=none\", or let `dkim` sign for {from}")));
    }
    let envelope = &identities.envelope;
    Ok(match &identities.signature {
        Some(signature) => {
            let what = format!("neither the signature (`{signature}`) nor the envelope (`{envelope}`) is of `{from}`, so mails fail DMARC");
            let finding = if asks == "none" { Finding::warning(Group::Dns, CHECK, what) } else { wrong(format!("{what}, and `{place}` asks for `{asks}`")) };
            finding.advice(format!("let `dkim` sign for {from}, or take a `bounce_address` there; `adkim=s` and `aspf=s` ask for that very domain"))
        }
        None => Finding::warning(
            Group::Dns,
            CHECK,
            format!("the envelope (`{envelope}`) is not of `{from}`, so mails meet DMARC (`{asks}`) only if the relay signs for that domain"),
        )
        .advice(format!("set `dkim` in drip.yaml, or see that the relay signs with d={}", organisation.name)),
    })
}

/// Returns the record of a domain; the number of records where there are several.
fn record(dns: &dyn Dns, domain: &str) -> Result<Result<Option<Policy>, usize>, NoAnswer> {
    let texts = dns.texts(&format!("_dmarc.{domain}"))?;
    // Only what stands first makes it a record; behind that, what cannot be read is no more than dropped.
    let is_record = |text: &&String| {
        let first = text.split(';').next().unwrap_or_default();
        Tags::read(first).is_ok_and(|tags| tags.begins_with("v", "DMARC1"))
    };
    let records: Vec<&String> = texts.iter().filter(is_record).collect();
    Ok(match records.len() {
        0 | 1 => Ok(records.first().map(|text| {
            let (tags, dropped) = Tags::read_leniently(text);
            Policy { domain: domain.to_owned(), tags, dropped }
        })),
        number => Err(number),
    })
}

/// Returns the organisational domain: the shortest above with a record, unless one says where it is.
fn organisation(dns: &dyn Dns, domain: &str) -> Result<Organisation, NoAnswer> {
    let labels: Vec<&str> = domain.split('.').collect();
    let name = |skipped: usize| labels[skipped..].join(".");
    let said = |skipped: usize| Organisation { name: name(skipped), is_said: true };
    let mut shortest = None;
    // From the whole name up; one of many labels goes on with its last seven.
    let skips = std::iter::once(0).chain(labels.len().saturating_sub(MOST_LABELS - 1).max(1)..labels.len());
    for skipped in skips {
        let Ok(Some(policy)) = record(dns, &name(skipped))? else { continue };
        match policy.tags.get("psd") {
            Some("n") => return Ok(said(skipped)),
            // It is of everybody's names, such as `co.uk`; ours is one label longer.
            Some("y") => return Ok(said(skipped.saturating_sub(1))),
            _ => shortest = Some(skipped),
        }
    }
    Ok(Organisation { name: name(shortest.unwrap_or(0)), is_said: false })
}

/// Returns what two names have in common at their ends, where that looks like a name that somebody registered.
///
/// Receivers after RFC 7489 take that from the list of public suffixes; here it is worth a doubt and no more.
fn shared(one: &str, other: &str) -> Option<String> {
    const UNDER_COUNTRIES: [&str; 14] =
        ["ac", "biz", "co", "com", "edu", "go", "gob", "gov", "info", "name", "ne", "net", "or", "org"];
    let pairs = one.rsplit('.').zip(other.rsplit('.'));
    let mut labels: Vec<&str> = pairs.take_while(|(one, other)| one == other).map(|(label, _)| label).collect();
    labels.reverse();
    let least = match labels[..] {
        [.., second, top] if top.len() == 2 && UNDER_COUNTRIES.contains(&second) => 3,
        _ => 2,
    };
    (labels.len() >= least).then(|| labels.join("."))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict::{self, Fine, NotMade, Warning, Wrong};
    use super::super::zone::Zone;
    use super::*;

    #[track_caller]
    fn case(records: &[(&str, &str)], from: &str, envelope: &str, signature: &str, verdict: Verdict, said: &str) {
        let signature = (!signature.is_empty()).then(|| signature.to_owned());
        let identities = Identities { envelope: envelope.to_owned(), signature };
        let finding = judge(&Zone::new(records), from, &identities);
        assert_eq!(finding.verdict, verdict, "{finding:?}");
        assert!(finding.found.contains(said), "{said}: {finding:?}");
    }

    const ACME: &str = "acme.example";

    #[test]
    fn a_policy_is_found_and_read() {
        let at = |text| [("_dmarc.acme.example", text)];
        case(&[], ACME, ACME, ACME, Wrong, "`acme.example` has no DMARC record");
        case(
            &at("TXT v=DMARC1; p=none"),
            ACME,
            ACME,
            ACME,
            Fine,
            "asks for `none`, and mails from `acme.example` can meet it by DKIM and SPF",
        );
        case(&at("TXT v=DMARC1;p=Reject;pct=50"), ACME, ACME, "", Fine, "asks for `reject`");
        case(&at("TXT v=DMARC1; rua=mailto:a@b.example"), ACME, ACME, ACME, Warning, "no `p=`, and counts as");
        case(&at("TXT v=DMARC1; p=maybe"), ACME, ACME, ACME, Wrong, "says no policy");
        case(&at("TXT p=none; v=DMARC1"), ACME, ACME, ACME, Wrong, "has no DMARC record");
        case(&at("TXT v=DMARC12; p=none"), ACME, ACME, ACME, Wrong, "has no DMARC record");
        // What cannot be read behind the first tag is dropped, and the record counts.
        for (text, piece) in [
            ("TXT v=DMARC1; p=reject; trash", "trash"),
            ("TXT v=DMARC1; p=reject; p=none", "p=none"),
            ("TXT v=DMARC1;; rua; p=reject;", "rua"),
        ] {
            let said =
                format!("asks for `reject`, and mails from `acme.example` can meet it by DKIM and SPF; `{piece}`");
            case(&at(text), ACME, ACME, ACME, Warning, &said);
        }
        case(&at("TXT v=DMARC1; p=reject; trash"), ACME, "esp.example", "esp.example", Wrong, "asks for `reject`");
        case(&at("TXT trash; v=DMARC1; p=none"), ACME, ACME, ACME, Wrong, "has no DMARC record");
        case(&at("fail"), ACME, ACME, ACME, NotMade, "fail");
        let twice = [at("TXT v=DMARC1; p=none")[0], at("TXT v=DMARC1; p=reject")[0]];
        case(&twice, ACME, ACME, ACME, Wrong, "has 2 DMARC records");
    }

    #[test]
    fn the_domain_above_stands_in_and_its_policy_for_those_below() {
        let above = [("_dmarc.acme.example", "TXT v=DMARC1; p=reject; sp=quarantine")];
        case(
            &above,
            "news.acme.example",
            "bounces.acme.example",
            "",
            Fine,
            "`_dmarc.acme.example` asks for `quarantine`",
        );
        case(&above, ACME, "bounces.acme.example", "", Fine, "asks for `reject`");
        // The domain of a registry is nobody's organisation.
        let registry = [
            ("_dmarc.com.example", "TXT v=DMARC1; p=reject; psd=y"),
            ("_dmarc.shop.com.example", "TXT v=DMARC1; p=none"),
        ];
        case(&registry, "shop.com.example", "other.com.example", "other.com.example", Warning, "neither the signature");
        case(&registry, "shop.com.example", "mail.shop.com.example", "", Fine, "by SPF");
        // One that says that it is an organisation of its own.
        let apart = [
            ("_dmarc.acme.example", "TXT v=DMARC1; p=none"),
            ("_dmarc.lab.acme.example", "TXT v=DMARC1; p=reject; psd=n"),
        ];
        case(&apart, "lab.acme.example", ACME, ACME, Wrong, "asks for `reject`");
        let long = "a.b.c.d.e.f.g.h.acme.example";
        case(&above, long, "x.acme.example", "", Fine, "asks for `quarantine`");
    }

    #[test]
    fn where_receivers_differ_nothing_is_called_wrong() {
        // The records make two organisations of what the list of public suffixes takes for one.
        let below = [("_dmarc.news.acme.example", "TXT v=DMARC1; p=reject")];
        let said = "`acme.example` is of the same organisation by its name";
        case(&below, "news.acme.example", ACME, "", Warning, said);
        case(&below, "news.acme.example", "esp.example", ACME, Warning, said);
        case(&below, "news.acme.example", "b.acme.example", "esp.example", Warning, "`b.acme.example` is of the same");
        case(&below, "news.acme.example", "esp.example", "esp.example", Wrong, "fail DMARC");
        let strict = [("_dmarc.news.acme.example", "TXT v=DMARC1; p=reject; adkim=s; aspf=s")];
        case(&strict, "news.acme.example", ACME, ACME, Wrong, "fail DMARC");
        // The names of a registry are nobody's.
        let british = [("_dmarc.acme.co.uk", "TXT v=DMARC1; p=reject")];
        case(&british, "acme.co.uk", "esp.co.uk", "esp.co.uk", Wrong, "fail DMARC");
        let british = [("_dmarc.news.acme.co.uk", "TXT v=DMARC1; p=reject")];
        case(&british, "news.acme.co.uk", "b.acme.co.uk", "b.acme.co.uk", Warning, "by its name");
    }

    #[test]
    fn alignment_decides_whether_mails_meet_it() {
        let at = |text| [("_dmarc.acme.example", text)];
        case(&at("TXT v=DMARC1; p=reject; aspf=s"), ACME, "b.acme.example", "b.acme.example", Fine, "by DKIM");
        case(
            &at("TXT v=DMARC1; p=reject; aspf=s; adkim=s"),
            ACME,
            "b.acme.example",
            "b.acme.example",
            Wrong,
            "fail DMARC",
        );
        case(&at("TXT v=DMARC1; p=none"), ACME, "esp.example", "esp.example", Warning, "fail DMARC");
        case(&at("TXT v=DMARC1; p=reject"), ACME, "esp.example", "", Warning, "only if the relay signs");
        case(&at("TXT v=DMARC1; p=reject"), ACME, "notacme.example", "", Warning, "only if the relay signs");
    }
}
