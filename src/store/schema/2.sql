-- What leaves without being a mail to the contact: 'notify' or 'webhook'; null is a mail.
ALTER TABLE sends ADD COLUMN kind TEXT;

-- When the passing of time alone may next let a contact into a campaign: a date, or the edge of a
-- condition such as `days_since("purchased") > 30`. `fired`: the day that did so last, counted from 0001-01-01.
CREATE TABLE watches (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    contact_id  INTEGER NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    at          INTEGER,
    fired       INTEGER,
    PRIMARY KEY (campaign_id, contact_id)
) WITHOUT ROWID;
CREATE INDEX watches_at ON watches (campaign_id, at) WHERE at IS NOT NULL;

-- For which form of the campaign's triggers the watches were made; null: for none yet.
ALTER TABLE campaigns ADD COLUMN watched TEXT;
ALTER TABLE campaigns DROP COLUMN swept_at;
-- The ids of its steps, one a line: against a renamed one. Null: what the file has is right.
ALTER TABLE campaigns ADD COLUMN steps TEXT;
-- 'hand', 'relay' or 'edit': a change of the file lifts the last two.
ALTER TABLE campaigns ADD COLUMN paused_by TEXT;

-- Mails that left, by the minute since 1970: what limits an hour and a day.
CREATE TABLE outflow (minute INTEGER PRIMARY KEY, mails INTEGER NOT NULL);

-- Signs what comes back from outside, and hides who was forgotten.
INSERT INTO meta VALUES ('secret', lower(hex(randomblob(32))));

DROP VIEW v_sends;
CREATE VIEW v_sends AS
SELECT k.name AS campaign, s.step, s.variant, c.email, n.round, w.word AS state, s.reason,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.due_at / 1000, 'unixepoch') AS due_at,
       CASE WHEN s.state = 2 THEN strftime('%Y-%m-%dT%H:%M:%SZ', s.at / 1000, 'unixepoch') END AS sent_at,
       s.message_id, coalesce(s.kind, 'mail') AS kind
FROM sends s JOIN enrolments n ON n.id = s.enrolment_id JOIN contacts c ON c.id = n.contact_id
    JOIN campaigns k ON k.id = n.campaign_id JOIN send_states w ON w.state = s.state;
