//! Putting a copy back, with what may not be lost by that: who wants no mail, and that mails may have left since.
//!
//! The copy is made ready in a file beside the database, and then taken over in one transaction: killed at any moment, the
//! database is as it was or as it should be.

use std::path::Path;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OptionalExtension, params};

use super::origin::PASSED_OVER;
use super::{BUSY_TIMEOUT, Result, Store, StoreError, backup, forget, lock, millis};
use crate::model::Instant;

/// What a copy that was put back took over from the file before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// People who want no more mail, and whom the copy took for willing or did not know.
    pub opted_out: usize,
    /// Addresses and domains of the suppression list that the copy lacked.
    pub suppressed: usize,
    /// People who were forgotten, and whom the copy still knew.
    pub forgotten: usize,
}

impl Store {
    /// Says what is wrong with a copy before anything is touched for it.
    pub fn check_copy(copy: &Path) -> Result<()> {
        backup::check(copy)
    }

    /// Takes over everything from a copy, in one transaction. Where the file that is there can be read, who wants no mail by it is
    /// taken over, up to the moment from which nobody else can write. Until a run adopts the database none sends from it. The
    /// caller holds the run lock, and has checked the copy.
    pub fn put_back(database: &Path, copy: &Path, is_whole: bool, now: Instant) -> Result<TakenOver> {
        let part = database.with_extension("restoring");
        backup::discard(&part);
        let taken = prepare(&part, copy).and_then(|()| exchange(database, &part, is_whole, now));
        backup::discard(&part);
        let taken = taken?;
        Self::open(database)?;
        Ok(taken)
    }
}

/// Makes a file of the copy that is of the present schema.
fn prepare(part: &Path, copy: &Path) -> Result<()> {
    lock::create_private(part)?;
    backup::copy(&Connection::open(copy)?, part)?;
    // As it was it lies in the copy.
    if let Some(kept) = Store::open(part)?.kept() {
        let _ = std::fs::remove_file(kept);
    }
    Ok(())
}

/// Puts the part in the place of the database.
fn exchange(database: &Path, part: &Path, is_whole: bool, now: Instant) -> Result<TakenOver> {
    lock::create_private(database)?;
    let from = Connection::open(part)?;
    from.execute_batch("PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA synchronous=FULL")?;
    let mut to = Connection::open(database)?;
    to.busy_timeout(BUSY_TIMEOUT)?;
    let copying = Backup::new(&from, &mut to)?;
    // From here on others wait: whoever unsubscribed before is taken over, and whoever does now is written after it.
    backup::step(&copying, 0)?;
    if is_whole {
        let present = database.to_str().ok_or_else(|| StoreError::Row(database.display().to_string()))?;
        from.execute("ATTACH ?1 AS present", [present])?;
    }
    let transaction = from.unchecked_transaction()?;
    let last: i64 = transaction.query_row(LAST_SEND, [], |row| row.get(0))?;
    let (taken, last) = if is_whole {
        let used: i64 = transaction.query_row(&LAST_SEND.replace("main.", "present."), [], |row| row.get(0))?;
        (take_over(&transaction, now)?, last.max(used))
    } else {
        (TakenOver::default(), last + PASSED_OVER)
    };
    transaction.execute("INSERT OR REPLACE INTO main.meta VALUES ('last_send', ?1)", [last])?;
    transaction.execute(
        "INSERT OR REPLACE INTO main.meta VALUES ('restored_since', coalesce(
             (SELECT coalesce(ended_at, started_at) FROM main.runs ORDER BY id DESC LIMIT 1),
             (SELECT created_at FROM main.contacts ORDER BY id LIMIT 1), ?1))",
        [millis(now)],
    )?;
    transaction.commit()?;
    backup::step(&copying, -1)?;
    Ok(taken)
}

const LAST_SEND: &str = "SELECT max(coalesce((SELECT max(id) FROM main.sends), 0),
                                    coalesce((SELECT value FROM main.meta WHERE key = 'last_send'), 0))";

/// Takes over who wants no mail. Only ever away from mail: whoever opted in again since says so once more.
fn take_over(to: &Connection, now: Instant) -> Result<TakenOver> {
    let at = millis(now);
    let forgotten = take_over_forgotten(to)?;
    // Another project's numbers, keys and confirmations say nothing here.
    if token(to, "main")? == token(to, "present")? {
        take_over_links(to)?;
        take_over_confirmations(to, now)?;
    }
    // What a person stopped stays stopped.
    to.execute(
        "UPDATE main.campaigns SET (paused, paused_by) =
             (SELECT p.paused, p.paused_by FROM present.campaigns p WHERE p.name = campaigns.name)
         WHERE paused IS NULL
         AND EXISTS (SELECT 1 FROM present.campaigns p WHERE p.name = campaigns.name AND p.paused IS NOT NULL AND p.paused_by = 'hand')",
        [],
    )?;
    let suppressed = to.execute(
        "INSERT OR IGNORE INTO main.suppressions
         SELECT * FROM present.suppressions WHERE kind IN ('address', 'domain', 'opted_out')",
        [],
    )?;
    to.execute(
        "INSERT INTO main.consent_changes
         SELECT c.id, ?1, p.consent, 'known before a copy was put back'
         FROM main.contacts c JOIN present.contacts p USING (email_key)
         WHERE c.consent <> p.consent AND p.consent NOT IN ('subscribed', 'pending')",
        [at],
    )?;
    let known = to.execute(
        "UPDATE main.contacts SET changed = 1, consent = (SELECT consent FROM present.contacts p WHERE p.email_key = contacts.email_key)
         WHERE EXISTS (SELECT 1 FROM present.contacts p WHERE p.email_key = contacts.email_key
                       AND p.consent <> contacts.consent AND p.consent NOT IN ('subscribed', 'pending'))",
        [],
    )?;
    take_over_choices(to, now)?;
    // Whom the copy does not know an import may bring back as subscribed.
    let mut unknown = 0;
    for (kind, who) in
        [("address", "('unsubscribed', 'complained', 'bounced')"), ("opted_out", "('unsubscribed', 'complained')")]
    {
        let rows = to.execute(
            &format!(
                "INSERT OR IGNORE INTO main.suppressions
                 SELECT ?1, email_key, consent, ?2 FROM present.contacts
                 WHERE consent IN {who} AND email_key NOT IN (SELECT email_key FROM main.contacts)"
            ),
            params![kind, at],
        )?;
        unknown = unknown.max(rows);
    }
    Ok(TakenOver { opted_out: known + unknown, suppressed, forgotten })
}

/// Takes over which mail people refused, and their pauses.
fn take_over_choices(to: &Connection, now: Instant) -> Result<()> {
    let is_there = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('contacts', 'present') WHERE name = 'refused')";
    if !to.query_row(is_there, [], |row| row.get::<_, bool>(0))? {
        return Ok(());
    }
    to.execute(
        "INSERT INTO main.consent_changes
         SELECT c.id, ?1, c.consent, 'choices known before a copy was put back'
         FROM main.contacts c JOIN present.contacts p USING (email_key)
         WHERE p.refused NOT IN ('[]', c.refused) OR coalesce(p.paused_until, 0) > max(?1, coalesce(c.paused_until, 0))",
        [millis(now)],
    )?;
    to.execute(
        "UPDATE main.contacts SET changed = 1, (refused, paused_until) =
             (SELECT (SELECT json_group_array(value) FROM (SELECT value FROM json_each(p.refused) UNION SELECT value FROM json_each(contacts.refused))),
                     nullif(max(coalesce(p.paused_until, 0), coalesce(contacts.paused_until, 0)), 0)
              FROM present.contacts p WHERE p.email_key = contacts.email_key)
         WHERE EXISTS (SELECT 1 FROM present.contacts p WHERE p.email_key = contacts.email_key
                       AND (p.refused <> contacts.refused OR p.paused_until IS NOT contacts.paused_until))",
        [],
    )?;
    to.execute("INSERT OR IGNORE INTO main.lost_choices SELECT * FROM present.lost_choices", [])?;
    to.execute(
        "INSERT OR REPLACE INTO main.lost_choices SELECT email_key, refused, paused_until FROM present.contacts
         WHERE (refused <> '[]' OR paused_until IS NOT NULL) AND email_key NOT IN (SELECT email_key FROM main.contacts)",
        [],
    )?;
    Ok(())
}

/// Takes over who has confirmed since: what they got after it left all the same, and the question need not come again.
fn take_over_confirmations(to: &Connection, now: Instant) -> Result<()> {
    to.execute(
        "INSERT INTO main.consent_changes SELECT c.id, ?1, 'subscribed', 'confirmed before a copy was put back'
         FROM main.contacts c JOIN present.contacts p USING (email_key)
         WHERE c.consent = 'pending' AND p.consent = 'subscribed'",
        [millis(now)],
    )?;
    to.execute(
        "UPDATE main.contacts SET changed = 1, consent = 'subscribed' WHERE consent = 'pending'
         AND EXISTS (SELECT 1 FROM present.contacts p WHERE p.email_key = contacts.email_key AND p.consent = 'subscribed')",
        [],
    )?;
    Ok(())
}

/// Returns what makes Message-IDs of a file its own.
fn token(to: &Connection, schema: &str) -> Result<String> {
    let text = format!("SELECT value FROM {schema}.meta WHERE key = 'token'");
    Ok(to.query_row(&text, [], |row| row.get(0))?)
}

/// Takes over what links in mails rest on that the copy does not know: keys, and whose mail a number was.
fn take_over_links(to: &Connection) -> Result<()> {
    let is_there: bool =
        to.query_row("SELECT EXISTS (SELECT 1 FROM present.sqlite_schema WHERE name = 'link_keys')", [], |row| {
            row.get(0)
        })?;
    to.execute(
        "INSERT OR IGNORE INTO main.lost_sends SELECT s.id, c.email_key
         FROM present.sends s JOIN present.enrolments n ON n.id = s.enrolment_id JOIN present.contacts c ON c.id = n.contact_id
         WHERE s.message_id IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM main.sends m WHERE m.id = s.id AND m.message_id = s.message_id)",
        [],
    )?;
    if is_there {
        to.execute("INSERT OR REPLACE INTO main.link_keys SELECT * FROM present.link_keys", [])?;
        to.execute("INSERT OR IGNORE INTO main.lost_sends SELECT * FROM present.lost_sends", [])?;
    }
    Ok(())
}

/// Forgets again whom the copy still knows. Who they are only the secret tells, which is another one in another project.
fn take_over_forgotten(to: &Connection) -> Result<usize> {
    let secret = |schema: &str| {
        let text = format!("SELECT value FROM {schema}.meta WHERE key = 'secret'");
        to.query_row(&text, [], |row| row.get::<_, String>(0)).optional()
    };
    let Some(secret) = secret("present")?.filter(|there| secret("main").is_ok_and(|here| here.as_ref() == Some(there)))
    else {
        return Ok(0);
    };
    let new = to.execute(
        "INSERT OR IGNORE INTO main.suppressions SELECT * FROM present.suppressions WHERE kind = 'forgotten'",
        [],
    )?;
    if new == 0 {
        return Ok(0);
    }
    let mut is_marked =
        to.prepare("SELECT EXISTS (SELECT 1 FROM main.suppressions WHERE kind = 'forgotten' AND value = ?1)")?;
    let mut forgotten = 0;
    for (select, delete) in KEYS {
        let keys: rusqlite::Result<Vec<String>> = to.prepare(select)?.query_map([], |row| row.get(0))?.collect();
        for key in keys? {
            if is_marked.query_row([forget::mark(&secret, &key)?], |row| row.get(0))? {
                forgotten += to.execute(delete, [&key])?;
            }
        }
    }
    Ok(forgotten)
}

/// Where addresses stand, and how one goes.
const KEYS: [(&str, &str); 3] = [
    ("SELECT email_key FROM main.lost_choices", "DELETE FROM main.lost_choices WHERE email_key = ?1"),
    ("SELECT email_key FROM main.contacts", "DELETE FROM main.contacts WHERE email_key = ?1"),
    (
        "SELECT DISTINCT value FROM main.suppressions WHERE kind IN ('address', 'lifted', 'opted_out')",
        "DELETE FROM main.suppressions WHERE kind IN ('address', 'lifted', 'opted_out') AND value = ?1",
    ),
];
