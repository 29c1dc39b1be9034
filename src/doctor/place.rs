//! Where the relay stands in the net, which tells what can be said of its address.

use std::net::IpAddr;

use crate::dns::{Dns, NoAnswer};

/// Where mail leaves for the world, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// There is no relay.
    Nowhere,
    /// On this machine or in its own net, where it has no address that the world sees.
    Inside(String),
    /// It has these addresses.
    Outside { host: String, addresses: Vec<IpAddr> },
    /// Nobody could say.
    Unknown(String),
}

impl Place {
    /// Finds out where a host stands; `None` for a project without a relay.
    pub fn of(host: Option<&str>, dns: &dyn Dns) -> Self {
        let Some(host) = host else { return Self::Nowhere };
        let addresses = match host.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) if host == "localhost" => return Self::Inside(host.to_owned()),
            Err(_) => dns.addresses(host),
        };
        match addresses {
            Ok(addresses) if addresses.is_empty() => Self::Unknown(format!("`{host}` has no address in DNS")),
            Ok(addresses) if addresses.iter().all(|address| is_inside(*address)) => Self::Inside(host.to_owned()),
            Ok(addresses) => {
                let addresses = addresses.into_iter().filter(|address| !is_inside(*address)).collect();
                Self::Outside { host: host.to_owned(), addresses }
            }
            Err(no_answer @ NoAnswer::Failed { .. }) => Self::Unknown(no_answer.to_string()),
            Err(no_answer) => Self::Unknown(format!("the address of `{host}` is not known: {no_answer}")),
        }
    }

    /// Returns why nothing can be said of the address that mail comes from, where that is so.
    pub(super) fn is_not_known(&self) -> Option<String> {
        match self {
            Self::Nowhere => Some("no relay is configured".to_owned()),
            Self::Inside(host) => Some(format!(
                "the relay {host} is on this machine or in its own net; which address the world sees is not known here"
            )),
            Self::Unknown(why) => Some(why.clone()),
            Self::Outside { .. } => None,
        }
    }
}

/// Says whether an address means nothing to the rest of the world.
fn is_inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let shared = address.octets()[0] == 100 && (64..128).contains(&address.octets()[1]);
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
                || shared
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}
