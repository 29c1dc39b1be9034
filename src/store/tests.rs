//! The store through its own surface, on real files.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Map, json};

use super::*;
use crate::model::address::Address;
use crate::model::contact::Consent;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn lan() -> Address {
    Address::parse("Lan@example.com").unwrap()
}

fn update(address: &Address) -> ContactUpdate<'_> {
    static NONE: std::sync::LazyLock<Map<String, serde_json::Value>> = std::sync::LazyLock::new(Map::new);
    ContactUpdate { address, consent: None, tags: &[], timezone: None, language: None, attributes: &NONE }
}

#[test]
fn a_file_is_private_and_opens_twice_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drip.db");
    let token = {
        let mut store = Store::open(&path).unwrap();
        store.begin().unwrap().token().unwrap()
    };
    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.begin().unwrap().token().unwrap(), token);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

#[test]
fn a_newer_a_foreign_and_a_damaged_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let newer = folder.path().join("newer.db");
    drop(Store::open(&newer).unwrap());
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Store::open(&newer), Err(StoreError::Newer { found: 99, .. })));
    assert!(matches!(Store::open_to_read(&newer), Err(StoreError::Newer { found: 99, .. })));

    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    assert!(matches!(Store::open(&foreign), Err(StoreError::Foreign { .. })));

    let text = folder.path().join("text.db");
    std::fs::write(&text, "this is no database, but it is long enough to be looked at as one".repeat(20)).unwrap();
    assert!(matches!(Store::open(&text), Err(StoreError::Foreign { .. })));
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("this is no database"), "left as it was");
}

#[test]
fn an_import_adds_and_never_lifts_an_opt_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("drip.db")).unwrap();
    let now = at("2026-03-01T00:00:00Z");
    let address = lan();
    let work = store.begin().unwrap();
    let attributes = json!({"plan": "free", "city": "Huế"}).as_object().unwrap().clone();
    let first = ContactUpdate { attributes: &attributes, tags: &["tea".to_owned()], ..update(&address) };
    assert_eq!(work.put_contact(&first, now).unwrap(), ContactChange::Added);
    assert_eq!(work.put_contact(&first, now).unwrap(), ContactChange::Unchanged);

    let attributes = json!({"plan": "pro"}).as_object().unwrap().clone();
    let other_spelling = Address::parse("LAN@EXAMPLE.com").unwrap();
    let second = ContactUpdate {
        attributes: &attributes,
        tags: &["vip".to_owned()],
        timezone: Some("Asia/Ho_Chi_Minh"),
        consent: Some(Consent::Unsubscribed),
        ..update(&other_spelling)
    };
    assert_eq!(work.put_contact(&second, now).unwrap(), ContactChange::Updated);
    for consent in [Consent::Subscribed, Consent::Pending] {
        work.put_contact(&ContactUpdate { consent: Some(consent), ..update(&address) }, now).unwrap();
    }
    let contact = work.contact(&address).unwrap().unwrap();
    assert_eq!(contact.consent, Consent::Unsubscribed);
    assert_eq!(contact.tags.iter().map(String::as_str).collect::<Vec<_>>(), ["tea", "vip"]);
    assert_eq!(serde_json::Value::Object(contact.attributes), json!({"plan": "pro", "city": "Huế"}));
    assert_eq!(contact.timezone.unwrap().name(), "Asia/Ho_Chi_Minh");
    assert_eq!(work.contact_count().unwrap(), 1);

    work.set_consent(contact.id, Consent::Bounced, "550", now).unwrap();
    work.put_contact(&ContactUpdate { consent: Some(Consent::Unsubscribed), ..update(&address) }, now).unwrap();
    assert_eq!(work.contact(&address).unwrap().unwrap().consent, Consent::Bounced);
}

#[test]
fn suppression_holds_for_an_address_and_for_a_domain() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("drip.db")).unwrap();
    let now = at("2026-03-01T00:00:00Z");
    let work = store.begin().unwrap();
    work.suppress(&lan(), "asked by phone", now).unwrap();
    work.put_contact(&update(&lan()), now).unwrap();
    assert!(work.contact(&lan()).unwrap().unwrap().suppressed);
    let minh = Address::parse("minh@blocked.example").unwrap();
    work.put_contact(&update(&minh), now).unwrap();
    assert!(!work.contact(&minh).unwrap().unwrap().suppressed);
    work.sql("INSERT INTO suppressions VALUES ('domain', 'blocked.example', 'by hand', 0)")
        .unwrap()
        .execute([])
        .unwrap();
    assert!(work.contact(&minh).unwrap().unwrap().suppressed);
}

#[test]
fn an_idle_run_and_a_report_find_what_they_need_in_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("drip.db")).unwrap();
    let work = store.begin().unwrap();
    for query in [
        "SELECT id FROM enrolments WHERE campaign_id = 1 AND due_at <= 2 ORDER BY due_at LIMIT 3",
        "SELECT id, name, at, properties, contact_id FROM events WHERE seen = 0 AND at <= 1 ORDER BY at, id LIMIT 2",
        "SELECT c.id FROM contacts c WHERE c.changed = 1 LIMIT 1",
        "UPDATE sends SET state = 3 WHERE state = 0",
        "SELECT e.contact_id FROM events e WHERE e.name = 'x' AND e.at > 1 AND e.at <= 2",
        "SELECT count(*) FROM open_sends WHERE state IN (5, 7)",
        // A report likewise.
        "SELECT position, count(*), min(due_at) FROM enrolments WHERE campaign_id = 1 AND state = 'active' GROUP BY position",
        "SELECT max(0, ended_at - entered_at) FROM enrolments WHERE campaign_id = 1 AND state = 'goal'
         ORDER BY ended_at - entered_at LIMIT 1 OFFSET 5",
        "SELECT e.id FROM purchase_terms t CROSS JOIN events e ON e.name = 'x' AND e.at > t.since AND e.at <= max(t.until, 1) + 2",
    ] {
        let plan: String = work
            .sql(&format!("EXPLAIN QUERY PLAN {query}"))
            .unwrap()
            .query_map([], |row| row.get::<_, String>(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(plan.contains("USING") && plan.contains("INDEX") && !plan.contains("TEMP B-TREE"), "{query}: {plan}");
    }
    // When people entered and reached the goal stands in the indexes alone.
    for query in [super::course::ENTRIES, super::course::GOALS] {
        let plan: String =
            work.sql(&format!("EXPLAIN QUERY PLAN {query}")).unwrap().query_row([1, 2, 3], |row| row.get(3)).unwrap();
        assert!(plan.contains("COVERING INDEX"), "{query}: {plan}");
    }
    // Of the ledger it reads what is open, and only then whose it is.
    let open =
        "SELECT count(*) FROM open_sends s CROSS JOIN enrolments n ON n.id = s.enrolment_id WHERE n.campaign_id = 1";
    let first: String =
        work.sql(&format!("EXPLAIN QUERY PLAN {open}")).unwrap().query_row([], |row| row.get(3)).unwrap();
    assert!(first.contains("sends_open"), "{first}");
}

#[test]
fn the_views_for_people_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("drip.db")).unwrap();
    let work = store.begin().unwrap();
    work.put_contact(&update(&lan()), at("2026-03-01T07:00:00Z")).unwrap();
    for view in ["v_events", "v_enrolments", "v_sends", "v_funnel", "v_revenue"] {
        let rows: i64 =
            work.sql(&format!("SELECT count(*) FROM {view}")).unwrap().query_row([], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{view}");
    }
    let row: (String, String, String) = work
        .sql("SELECT email, consent, created_at FROM v_contacts")
        .unwrap()
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    assert_eq!(row, ("Lan@example.com".into(), "subscribed".into(), "2026-03-01T07:00:00Z".into()));
}

#[test]
fn one_run_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drip.db");
    let first = RunLock::take(&path).unwrap();
    assert!(first.is_some());
    assert!(RunLock::take(&path).unwrap().is_none());
    drop(first);
    assert!(RunLock::take(&path).unwrap().is_some());
}
