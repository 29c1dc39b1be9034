//! A zone of DNS in memory, for tests.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::dns::{Dns, NoAnswer};

/// What stands under each name, as `TXT …`, `A …`, `MX …`; `fail` is a name server that fails.
#[derive(Debug, Default)]
pub(crate) struct Zone(BTreeMap<String, Vec<String>>);

impl Zone {
    pub(crate) fn new(records: &[(&str, &str)]) -> Self {
        let mut zone = Self::default();
        for (name, record) in records {
            zone.0.entry((*name).to_owned()).or_default().push((*record).to_owned());
        }
        zone
    }

    fn of(&self, name: &str, kind: &str) -> Result<Vec<String>, NoAnswer> {
        let records = self.0.get(name).cloned().unwrap_or_default();
        if records.iter().any(|record| record == "fail") {
            return Err(NoAnswer::Failed { name: name.to_owned(), why: "server failure".to_owned() });
        }
        Ok(records
            .iter()
            .filter_map(|record| record.strip_prefix(kind)?.strip_prefix(' '))
            .map(str::to_owned)
            .collect())
    }
}

impl Dns for Zone {
    fn texts(&self, name: &str) -> Result<Vec<String>, NoAnswer> {
        self.of(name, "TXT")
    }

    fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NoAnswer> {
        Ok(self.of(name, "A")?.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn exchanges(&self, name: &str) -> Result<Vec<String>, NoAnswer> {
        self.of(name, "MX")
    }

    fn names(&self, address: IpAddr) -> Result<Vec<String>, NoAnswer> {
        self.of(&address.to_string(), "PTR")
    }
}
