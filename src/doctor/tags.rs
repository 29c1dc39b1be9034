//! Lists of tags, as DKIM and DMARC write their records: `v=DKIM1; k=rsa; p=…` (RFC 6376 section 3.2).

/// The tags of a record, in their order; names in lower case, values as they stand.
#[derive(Debug)]
pub(super) struct Tags(Vec<(String, String)>);

impl Tags {
    /// Reads a record.
    ///
    /// # Errors
    /// Returns the piece that is no tag, or a tag that stands twice.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut tags: Vec<(String, String)> = Vec::new();
        for piece in text.split(';').map(str::trim).filter(|piece| !piece.is_empty()) {
            let (name, value) = piece.split_once('=').ok_or_else(|| format!("`{piece}` is no tag"))?;
            let name = name.trim().to_lowercase();
            if tags.iter().any(|(known, _)| *known == name) {
                return Err(format!("`{name}=` stands twice"));
            }
            tags.push((name, value.trim().to_owned()));
        }
        Ok(Self(tags))
    }

    /// Reads a record as far as it can be read: a piece that is no tag is dropped, and of a tag that stands twice the first
    /// counts (RFC 7489 section 6.3). Returns also the first piece that was dropped.
    pub(super) fn read_leniently(text: &str) -> (Self, Option<String>) {
        let mut kept = Self(Vec::new());
        let mut dropped = None;
        for piece in text.split(';').map(str::trim).filter(|piece| !piece.is_empty()) {
            match Self::read(piece) {
                Ok(Self(tags)) if tags.iter().all(|(name, _)| kept.get(name).is_none()) => kept.0.extend(tags),
                _ => dropped = dropped.or_else(|| Some(piece.to_owned())),
            }
        }
        (kept, dropped)
    }

    /// Returns the value of a tag.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Says whether the first tag is this one.
    pub(super) fn begins_with(&self, name: &str, value: &str) -> bool {
        self.0.first().is_some_and(|(known, given)| known == name && given == value)
    }
}
