//! Whether mail can come to an address of the project: bounces, answers, wishes to leave.

use std::net::IpAddr;

use super::{Finding, Group};
use crate::dns::{Dns, NoAnswer};

const CHECK: &str = "mx";

/// Judges the domain of an address to which `what` comes.
pub fn judge(dns: &dyn Dns, domain: &str, what: &str) -> Finding {
    look(dns, domain, what).unwrap_or_else(|no_answer| Finding::not_made(Group::Dns, CHECK, no_answer.to_string()))
}

fn look(dns: &dyn Dns, domain: &str, what: &str) -> Result<Finding, NoAnswer> {
    let wrong = |found: String| {
        Finding::wrong(Group::Dns, CHECK, found).advice(format!(
            "publish {domain} MX with the server that takes mail for it, or have {what} come to another domain in drip.yaml"
        ))
    };
    let servers = dns.exchanges(domain)?;
    if servers.is_empty() {
        // Then the domain itself takes mail (RFC 5321 section 5.1).
        let addresses: Vec<IpAddr> = dns.addresses(domain)?;
        return Ok(if addresses.is_empty() {
            wrong(format!("no server takes mail for `{domain}`, to which {what} come"))
        } else {
            Finding::warning(
                Group::Dns,
                CHECK,
                format!("`{domain}` has no MX, so {what} go to the machine of that name"),
            )
            .advice(format!("publish {domain} MX with the server that takes mail for it"))
        });
    }
    if servers.iter().any(String::is_empty) {
        return Ok(wrong(format!("`{domain}` says that it takes no mail (a null MX), and {what} come there")));
    }
    let mut lost = Vec::new();
    for server in &servers {
        if dns.addresses(server)?.is_empty() {
            lost.push(server.as_str());
        }
    }
    let found = format!("{what} to `{domain}` come to {}", servers.join(", "));
    Ok(match lost.len() {
        0 => Finding::fine(Group::Dns, CHECK, found),
        gone if gone == servers.len() => wrong(format!("{found}, which has no address")),
        _ => Finding::warning(Group::Dns, CHECK, format!("{found}, of which {} has no address", lost.join(", ")))
            .advice(format!("take it out of the MX of {domain}")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict::{self, Fine, NotMade, Warning, Wrong};
    use super::super::zone::Zone;
    use super::*;

    #[track_caller]
    fn case(records: &[(&str, &str)], verdict: Verdict, said: &str) {
        let finding = judge(&Zone::new(records), "acme.example", "answers");
        assert_eq!(finding.verdict, verdict, "{finding:?}");
        assert!(finding.found.contains(said), "{finding:?}");
    }

    #[test]
    fn mail_finds_its_way_or_not() {
        let (acme, mx) = ("acme.example", ("mx.example", "A 192.0.2.1"));
        case(&[(acme, "MX mx.example"), mx], Fine, "answers to `acme.example` come to mx.example");
        case(&[(acme, "MX mx.example"), (acme, "MX old.example"), mx], Warning, "of which old.example has no address");
        case(&[(acme, "MX old.example")], Wrong, "which has no address");
        case(&[(acme, "MX ")], Wrong, "takes no mail");
        case(&[(acme, "A 192.0.2.1")], Warning, "has no MX");
        case(&[], Wrong, "no server takes mail");
        case(&[(acme, "fail")], NotMade, "fail");
        case(&[(acme, "MX f.example"), ("f.example", "fail")], NotMade, "`f.example` fail");
    }
}
