//! Which mail a purchase is credited to: the last one of a campaign that left for the contact before it, within a time.
//!
//! An event is credited as it is recorded, and what a person or a bounce later says of a mail credits its contact's purchases anew.
//! A run costs no mail a moment for it: at its end it looks at the purchases that were there before its mails were, which are
//! those that came meanwhile. Until then, or where a run was cut off, [`Work::uncredited`] tells a report the difference.

use std::rc::Rc;

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, params};
use serde_json::{Map, Value};

use super::{CampaignRow, Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::id::{ContactId, EventId, SendId};
use crate::model::money::Money;
use crate::model::period::Period;
use crate::model::terms::Purchases;

/// By which words purchases are credited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crediting {
    pub(super) event: String,
    amount: String,
    /// In milliseconds.
    within: i64,
}

/// The key in `meta` of how far crediting anew has come; not there once it is done.
const CREDITED: &str = "credited_up_to";

/// A purchase.
struct Purchase {
    id: EventId,
    contact: ContactId,
    at: i64,
    amount: Money,
}

/// The mail that a purchase is credited to, and what it brought.
type Credit = (SendId, Money);

/// What purchases brought by one step and variant (empty: none) of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueRow {
    pub step: String,
    pub variant: String,
    /// Negative where purchases are taken away from what was counted.
    pub purchases: i64,
    pub amount: Money,
}

/// What the credits that are kept do not say yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncredited {
    pub campaign: CampaignRow,
    /// When the passage of the mail began.
    pub entered_at: Instant,
    pub revenue: RevenueRow,
}

impl Work<'_> {
    /// Says whether all purchases are credited by these terms.
    pub fn is_credited_by(&self, purchases: &Purchases) -> Result<bool> {
        Ok(self.is_crediting_by(purchases)? && self.credited_up_to()?.is_none())
    }

    fn is_crediting_by(&self, purchases: &Purchases) -> Result<bool> {
        Ok(self.crediting()?.is_some_and(|by| *by == Crediting::from(purchases)))
    }

    /// Credits what is recorded from now on by these terms, and begins to credit everything else anew; goes on where somebody
    /// had begun.
    pub fn begin_crediting(&self, purchases: &Purchases, now: Instant) -> Result<()> {
        if self.is_crediting_by(purchases)? {
            return Ok(());
        }
        let by = Rc::new(Crediting::from(purchases));
        self.sql("INSERT OR REPLACE INTO purchase_terms VALUES (1, ?1, ?2, ?3, ?4, ?4)")?.execute(params![
            by.event,
            by.amount,
            by.within,
            millis(now)
        ])?;
        self.credits.replace(Some(by));
        self.sql("INSERT OR REPLACE INTO meta VALUES (?1, '0')")?.execute([CREDITED])?;
        Ok(())
    }

    /// Credits the purchases among the next so many events, whatever they were credited to before; says whether there are more.
    pub fn credit_some(&self, events: i64) -> Result<bool> {
        let (Some(by), Some(after)) = (self.crediting()?, self.credited_up_to()?) else { return Ok(false) };
        let upto = after.saturating_add(events);
        self.sql("DELETE FROM credits WHERE event_id > ?1 AND event_id <= ?2")?.execute([after, upto])?;
        let text = "SELECT id, contact_id, at, properties FROM events WHERE id > ?1 AND id <= ?2 AND +name = ?3";
        let mut statement = self.sql(text)?;
        let mut rows = statement.query(params![after, upto, by.event])?;
        while let Some(row) = rows.next()? {
            let purchase = by.read(row)?;
            if let Some(credit) = self.credit_of(&by, &purchase)? {
                self.set_credit(purchase.id, credit)?;
            }
        }
        let last: i64 = self.sql("SELECT coalesce(max(id), 0) FROM events")?.query_row([], |row| row.get(0))?;
        if upto < last {
            self.sql("UPDATE meta SET value = ?2 WHERE key = ?1")?.execute(params![CREDITED, upto.to_string()])?;
        } else {
            self.sql("DELETE FROM meta WHERE key = ?1")?.execute([CREDITED])?;
        }
        Ok(upto < last)
    }

    /// Returns the last event that is credited by the present terms; `None`: all are.
    fn credited_up_to(&self) -> Result<Option<i64>> {
        let text = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?1";
        Ok(self.sql(text)?.query_row([CREDITED], |row| row.get(0)).optional()?)
    }

    /// Credits an event that was recorded just now, if it is a purchase.
    pub(super) fn credit_event(
        &self,
        id: EventId,
        contact: ContactId,
        name: &str,
        at: Instant,
        properties: &Map<String, Value>,
    ) -> Result<()> {
        let Some(by) = self.crediting()?.filter(|by| by.event == name) else { return Ok(()) };
        let amount = by.amount_in(properties);
        if let Some(credit) = self.credit_of(&by, &Purchase { id, contact, at: millis(at), amount })? {
            self.set_credit(id, credit)?;
        }
        Ok(())
    }

    /// Credits the purchases of the contact of a mail of which something else is known now.
    pub(super) fn credit_contact_of(&self, send: SendId) -> Result<()> {
        let Some(by) = self.crediting()? else { return Ok(()) };
        let text = "SELECT id, contact_id, at, properties FROM events WHERE name = ?2 AND contact_id =
                        (SELECT n.contact_id FROM sends s JOIN enrolments n ON n.id = s.enrolment_id WHERE s.id = ?1)";
        let mut statement = self.sql(text)?;
        let rows = statement.query_map(params![send.0, by.event], |row| by.read(row))?;
        for purchase in rows.collect::<rusqlite::Result<Vec<_>>>()? {
            self.credit_anew(&by, &purchase)?;
        }
        Ok(())
    }

    /// Notes that mails leave from a moment on.
    pub fn expect_mails_from(&self, moment: Instant) -> Result<()> {
        self.sql("UPDATE purchase_terms SET since = min(since, ?1), until = max(until, ?1)")?
            .execute([millis(moment)])?;
        Ok(())
    }

    /// Credits the purchases that may be due to mails which have left since they were recorded.
    pub(super) fn credit_since(&self, now: Instant) -> Result<()> {
        let Some(by) = self.crediting()? else { return Ok(()) };
        for purchase in self.doubtful(&by, now)? {
            self.credit_anew(&by, &purchase)?;
        }
        self.sql("UPDATE purchase_terms SET since = ?1, until = ?1")?.execute([millis(now)])?;
        Ok(())
    }

    /// Returns by how much what is kept differs from what is due, of purchases that mails have left before since.
    pub fn uncredited(&self, now: Instant) -> Result<Vec<Uncredited>> {
        let Some(by) = self.crediting()? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for purchase in self.doubtful(&by, now)? {
            let (kept, due) = (self.credit_kept(purchase.id)?, self.credit_of(&by, &purchase)?);
            if kept != due {
                for (credit, sign) in [(kept, -1), (due, 1)] {
                    found.extend(credit.map(|credit| self.change(credit, sign)).transpose()?);
                }
            }
        }
        Ok(found)
    }

    /// Sums up what purchases brought by the mails to those who entered a campaign in a period.
    pub(super) fn revenue(&self, campaign: CampaignRow, period: Period) -> Result<Vec<RevenueRow>> {
        let (since, until) = super::funnel::bounds(period);
        let mut statement = self.sql(
            "SELECT s.step, coalesce(s.variant, ''), c.amount
             FROM enrolments n JOIN sends s ON s.enrolment_id = n.id JOIN credits c ON c.send_id = s.id
             WHERE n.campaign_id = ?1 AND n.entered_at >= ?2 AND n.entered_at < ?3 ORDER BY 1, 2",
        )?;
        let rows = statement.query_map(params![campaign.0, since, until], |row| {
            Ok(RevenueRow { step: row.get(0)?, variant: row.get(1)?, purchases: 1, amount: Money(row.get(2)?) })
        })?;
        let mut sums: Vec<RevenueRow> = Vec::new();
        for row in rows {
            let row = row?;
            match sums.last_mut().filter(|sum| sum.step == row.step && sum.variant == row.variant) {
                Some(sum) => {
                    sum.purchases += 1;
                    sum.amount += row.amount;
                }
                None => sums.push(row),
            }
        }
        Ok(sums)
    }

    fn change(&self, (send, amount): Credit, sign: i64) -> Result<Uncredited> {
        let mut statement = self.sql(
            "SELECT n.campaign_id, n.entered_at, s.step, coalesce(s.variant, '')
             FROM sends s JOIN enrolments n ON n.id = s.enrolment_id WHERE s.id = ?1",
        )?;
        Ok(statement.query_row([send.0], |row| {
            Ok(Uncredited {
                campaign: CampaignRow(row.get(0)?),
                entered_at: instant(row.get(1)?),
                revenue: RevenueRow {
                    step: row.get(2)?,
                    variant: row.get(3)?,
                    purchases: sign,
                    amount: if sign < 0 { -amount } else { amount },
                },
            })
        })?)
    }

    /// Returns the purchases before which mails may have left since they were credited.
    fn doubtful(&self, by: &Crediting, now: Instant) -> Result<Vec<Purchase>> {
        let mut statement = self.sql(
            "SELECT e.id, e.contact_id, e.at, e.properties FROM purchase_terms t CROSS JOIN events e
             ON e.name = ?1 AND e.at > t.since AND e.at <= max(t.until, ?2) + ?3",
        )?;
        let rows = statement.query_map(params![by.event, millis(now), by.within], |row| by.read(row))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn credit_anew(&self, by: &Crediting, purchase: &Purchase) -> Result<()> {
        let (kept, due) = (self.credit_kept(purchase.id)?, self.credit_of(by, purchase)?);
        if kept != due {
            self.sql("DELETE FROM credits WHERE event_id = ?1")?.execute([purchase.id.0])?;
            due.map_or(Ok(()), |credit| self.set_credit(purchase.id, credit))?;
        }
        Ok(())
    }

    fn credit_of(&self, by: &Crediting, purchase: &Purchase) -> Result<Option<Credit>> {
        let send: Option<i64> = self
            .sql(
                "SELECT s.id FROM enrolments n JOIN sends s ON s.enrolment_id = n.id
                 WHERE n.contact_id = ?1 AND s.kind IS NULL AND (s.state = 2 OR s.state = 7) AND s.at < ?2 AND s.at >= ?3
                 ORDER BY s.at DESC, s.id DESC LIMIT 1",
            )?
            .query_row(params![purchase.contact.0, purchase.at, purchase.at - by.within], |row| row.get(0))
            .optional()?;
        Ok(send.map(|send| (SendId(send), purchase.amount)))
    }

    fn credit_kept(&self, id: EventId) -> Result<Option<Credit>> {
        Ok(self
            .sql("SELECT send_id, amount FROM credits WHERE event_id = ?1")?
            .query_row([id.0], |row| Ok((SendId(row.get(0)?), Money(row.get(1)?))))
            .optional()?)
    }

    fn set_credit(&self, id: EventId, (send, amount): Credit) -> Result<()> {
        self.sql("INSERT INTO credits VALUES (?1, ?2, ?3)")?.execute(params![id.0, send.0, amount.0])?;
        Ok(())
    }

    /// Returns by which words purchases are credited, read once.
    pub(super) fn crediting(&self) -> Result<Option<Rc<Crediting>>> {
        if let Some(known) = &*self.credits.borrow() {
            return Ok(Some(Rc::clone(known)));
        }
        let read = self
            .sql("SELECT event, amount, within FROM purchase_terms")?
            .query_row([], |row| Ok(Crediting { event: row.get(0)?, amount: row.get(1)?, within: row.get(2)? }))
            .optional()?
            .map(Rc::new);
        self.credits.replace(read.clone());
        Ok(read)
    }
}

impl Crediting {
    /// Reads id, contact, time and properties.
    fn read(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Purchase> {
        Ok(Purchase {
            id: EventId(row.get(0)?),
            contact: ContactId(row.get(1)?),
            at: row.get(2)?,
            amount: self.amount_of(row.get_ref(3)?),
        })
    }

    /// Returns how much a purchase brought that has these properties.
    pub(super) fn amount_of(&self, properties: ValueRef<'_>) -> Money {
        let properties: Option<Map<String, Value>> =
            properties.as_str_or_null().ok().flatten().and_then(|text| serde_json::from_str(text).ok());
        properties.map(|properties| self.amount_in(&properties)).unwrap_or_default()
    }

    /// Returns how much a purchase brought; nothing where it does not say.
    fn amount_in(&self, properties: &Map<String, Value>) -> Money {
        properties.get(&self.amount).and_then(Money::read).unwrap_or_default()
    }
}

impl From<&Purchases> for Crediting {
    fn from(purchases: &Purchases) -> Self {
        Self {
            event: purchases.event.clone(),
            amount: purchases.amount.clone(),
            within: purchases.within.elapsed().num_milliseconds(),
        }
    }
}
