//! Asking DNS: what stands under a name, or why nobody could say.
//!
//! Must not know what the records are for.

mod resolver;

use std::net::IpAddr;

pub use resolver::Resolver;

/// Something that answers questions about names. What is not there is an empty list.
pub trait Dns: Send + Sync {
    /// Returns the texts of a name, each with its pieces joined (RFC 7208 section 3.3).
    fn texts(&self, name: &str) -> Result<Vec<String>, NoAnswer>;

    /// Returns the addresses of a name, of both kinds.
    fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NoAnswer>;

    /// Returns the servers that take the mail of a domain, the preferred first. A name without a letter is the
    /// null MX of RFC 7505.
    fn exchanges(&self, name: &str) -> Result<Vec<String>, NoAnswer>;

    /// Returns the names of an address.
    fn names(&self, address: IpAddr) -> Result<Vec<String>, NoAnswer>;
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("no name server of this machine answers")]
    Silent,
    #[error("the name servers of `{name}` fail: {why}")]
    Failed { name: String, why: String },
    #[error("`{0}` is no name in DNS")]
    NoName(String),
    #[error("there was no time left to ask")]
    Late,
}
