//! Reverse DNS: whether the address that mail comes from has a name that leads back to it, as Gmail asks.
//!
//! The address that counts is the one from which the relay speaks to the world, and that is the relay's affair. What can be
//! looked at from here is the address at which it takes mail, which often is another.

use super::place::Place;
use super::{Finding, Group};
use crate::dns::{Dns, NoAnswer};

const CHECK: &str = "reverse dns";

/// Judges the names of the relay's addresses.
pub fn judge(dns: &dyn Dns, place: &Place) -> Finding {
    let Place::Outside { host, addresses } = place else {
        let why = place.is_not_known().unwrap_or_default();
        return Finding::not_made(Group::Dns, CHECK, why).advice(
            "see that the address in the `Received` of a mail to yourself has a name in DNS, and the name that address",
        );
    };
    let mut named = Vec::new();
    for address in addresses {
        let confirmed = || -> Result<Option<String>, NoAnswer> {
            for name in dns.names(*address)? {
                if dns.addresses(&name)?.contains(address) {
                    return Ok(Some(name));
                }
            }
            Ok(None)
        };
        match confirmed() {
            Ok(Some(name)) => named.push(format!("{address} is {name}")),
            Ok(None) => {
                // Perhaps it sends from another one, so nothing is proved.
                return Finding::warning(
                    Group::Dns,
                    CHECK,
                    format!("{address}, at which {host} takes mail, has no name that leads back to it"),
                )
                .advice("if the relay sends from there, its operator must set the name (PTR) of the address and the address of the name");
            }
            Err(why) => return Finding::not_made(Group::Dns, CHECK, why.to_string()),
        }
    }
    Finding::fine(Group::Dns, CHECK, format!("{} and back, where {host} takes mail", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict::{self, Fine, NotMade, Warning};
    use super::super::zone::Zone;
    use super::*;

    #[test]
    fn a_name_counts_where_it_leads_back() {
        let relay = ("relay.example", "A 192.0.2.7");
        let case = |records: &[(&str, &str)], verdict: Verdict, said: &str| {
            let zone = Zone::new(records);
            let finding = judge(&zone, &Place::of(Some("relay.example"), &zone));
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.found.contains(said), "{finding:?}");
        };
        case(&[relay, ("192.0.2.7", "PTR relay.example")], Fine, "192.0.2.7 is relay.example and back");
        case(&[relay, ("192.0.2.7", "PTR x.example"), ("192.0.2.7", "PTR relay.example")], Fine, "is relay.example");
        case(
            &[relay, ("192.0.2.7", "PTR other.example"), ("other.example", "A 192.0.2.8")],
            Warning,
            "no name that leads back",
        );
        case(&[relay], Warning, "no name that leads back");
        case(&[relay, ("192.0.2.7", "fail")], NotMade, "fail");
        case(&[("relay.example", "A 10.1.2.3")], NotMade, "in its own net");
    }
}
