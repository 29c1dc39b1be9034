//! The resolver of this machine, or one that is named.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::runtime::Runtime;

use super::{Dns, NoAnswer};

/// How long one try waits; there are two.
const TRY: Duration = Duration::from_secs(2);
/// How long a question waits in all, over every name server.
const QUESTION: Duration = Duration::from_secs(6);

/// Asks over UDP, and over TCP where an answer is too long for it.
#[derive(Debug)]
pub struct Resolver {
    runtime: Runtime,
    servers: TokioResolver,
    /// Nothing is asked later than this.
    deadline: Instant,
}

impl Resolver {
    /// Takes the name servers of this machine (`/etc/resolv.conf`), or the one given.
    ///
    /// # Errors
    /// Returns why there is nobody to ask.
    pub fn new(server: Option<SocketAddr>, patience: Duration) -> Result<Self, String> {
        let mut builder = match server {
            None => TokioResolver::builder_tokio().map_err(|error| error.to_string())?,
            Some(address) => {
                let mut server = NameServerConfig::udp_and_tcp(address.ip());
                for connection in &mut server.connections {
                    connection.port = address.port();
                }
                let config = ResolverConfig::from_name_servers(vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        builder.options_mut().timeout = TRY;
        builder.options_mut().attempts = 1;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let resolver = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { runtime, servers: resolver, deadline: Instant::now() + patience })
    }

    fn ask<T>(&self, name: &str, kind: RecordType, read: impl Fn(&RData) -> Option<T>) -> Result<Vec<T>, NoAnswer> {
        let mut full = Name::from_ascii(name).map_err(|_| NoAnswer::NoName(name.to_owned()))?;
        // Without the end the search list of the machine would be tried.
        full.set_fqdn(true);
        let answer = self.within(self.servers.lookup(full, kind))?;
        match answer {
            // A CNAME leads to its records; what is of another kind is the way there.
            Ok(lookup) => Ok(lookup.answers().iter().filter_map(|record| read(&record.data)).collect()),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(Self::why(name, &error)),
        }
    }

    fn within(
        &self,
        question: impl Future<Output = Result<Lookup, NetError>>,
    ) -> Result<Result<Lookup, NetError>, NoAnswer> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NoAnswer::Late);
        }
        let answer = self.runtime.block_on(async { tokio::time::timeout(left.min(QUESTION), question).await });
        answer.map_err(|_| if left < QUESTION { NoAnswer::Late } else { NoAnswer::Silent })
    }

    fn why(name: &str, error: &NetError) -> NoAnswer {
        match error {
            NetError::Dns(DnsError::ResponseCode(code)) => {
                NoAnswer::Failed { name: name.to_owned(), why: code.to_string().to_lowercase() }
            }
            // A message is about the connection: it ended while an answer was waited for.
            NetError::Timeout | NetError::NoConnections | NetError::Io(_) | NetError::Message(_) => NoAnswer::Silent,
            other => NoAnswer::Failed { name: name.to_owned(), why: other.to_string() },
        }
    }
}

impl Dns for Resolver {
    fn texts(&self, name: &str) -> Result<Vec<String>, NoAnswer> {
        self.ask(name, RecordType::TXT, |data| match data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        })
    }

    fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NoAnswer> {
        let read = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        let kinds = [RecordType::A, RecordType::AAAA].map(|kind| self.ask(name, kind, read));
        match kinds {
            // Some name servers fail at a kind that a name does not have; its addresses of the other kind are as good.
            [Ok(addresses), Err(_)] | [Err(_), Ok(addresses)] if !addresses.is_empty() => Ok(addresses),
            [first, second] => Ok([first?, second?].concat()),
        }
    }

    fn exchanges(&self, name: &str) -> Result<Vec<String>, NoAnswer> {
        let mut servers = self.ask(name, RecordType::MX, |data| match data {
            RData::MX(server) => Some((server.preference, plain(&server.exchange))),
            _ => None,
        })?;
        servers.sort();
        Ok(servers.into_iter().map(|(_, name)| name).collect())
    }

    fn names(&self, address: IpAddr) -> Result<Vec<String>, NoAnswer> {
        let name = Name::from(address).to_ascii();
        self.ask(&name, RecordType::PTR, |data| match data {
            RData::PTR(name) => Some(plain(&name.0)),
            _ => None,
        })
    }
}

/// Returns a name as people write it: in lower case, without the dot at its end.
fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_lowercase()
}
