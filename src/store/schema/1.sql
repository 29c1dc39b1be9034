-- Instants are milliseconds since 1970 in UTC; the views show them as ISO text.

-- `token`: random, part of every Message-ID, so that two projects never make the same one.
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('token', lower(hex(randomblob(8))));

CREATE TABLE contacts (
    id         INTEGER PRIMARY KEY,
    email      TEXT NOT NULL,
    email_key  TEXT NOT NULL UNIQUE,
    consent    TEXT NOT NULL CHECK (consent IN ('pending', 'subscribed', 'unsubscribed', 'bounced', 'complained')),
    timezone   TEXT,
    language   TEXT,
    tags       TEXT NOT NULL DEFAULT '[]',
    attributes TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    -- 1 from a change until a run has looked at it: who may enter, who must be looked at anew.
    changed    INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX contacts_changed ON contacts (id) WHERE changed = 1;

CREATE TABLE consent_changes (
    contact_id INTEGER NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    at         INTEGER NOT NULL,
    consent    TEXT NOT NULL,
    reason     TEXT NOT NULL
);
CREATE INDEX consent_changes_contact ON consent_changes (contact_id);

-- `kind`: 'address' or 'domain'.
CREATE TABLE suppressions (
    kind   TEXT NOT NULL,
    value  TEXT NOT NULL,
    reason TEXT NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) WITHOUT ROWID;

CREATE TABLE events (
    id         INTEGER PRIMARY KEY,
    contact_id INTEGER NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    properties TEXT,
    -- 1 once a run whose `now` is not before `at` has looked at it.
    seen       INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX events_identity ON events (contact_id, name, at);
CREATE INDEX events_unseen ON events (at) WHERE seen = 0;
CREATE INDEX events_name ON events (name, at);

CREATE TABLE campaigns (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    fingerprint   TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    -- Events up to this row were there before the campaign file was.
    first_event   INTEGER NOT NULL,
    -- When silences were last looked at; null before the first run.
    silences_at  INTEGER,
    -- When time-dependent segments were last tested on everyone.
    swept_at      INTEGER,
    -- Why nothing of it is sent; null while it runs.
    paused        TEXT
);

-- Who matched the tag and segment triggers of a campaign when last looked at.
CREATE TABLE members (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    contact_id  INTEGER NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    PRIMARY KEY (campaign_id, contact_id)
) WITHOUT ROWID;

CREATE TABLE enrolments (
    id          INTEGER PRIMARY KEY,
    contact_id  INTEGER NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id),
    round       INTEGER NOT NULL,
    state       TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'finished', 'goal', 'exited')),
    position    TEXT,
    entered_at  INTEGER NOT NULL,
    event_id    INTEGER REFERENCES events (id) ON DELETE SET NULL,
    ended_at    INTEGER,
    reason      TEXT,
    -- The step whose mail was the last to leave before the goal.
    goal_step   TEXT,
    -- When to look at it next; a cache of what decide says. Null: not before something changes.
    due_at      INTEGER
);
CREATE UNIQUE INDEX enrolments_identity ON enrolments (contact_id, campaign_id, round);
CREATE INDEX enrolments_due ON enrolments (campaign_id, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    totals     TEXT
);

-- The ledger. `state` is an index into: claimed, sending, sent, deferred, rejected, held, skipped, unknown, done.
CREATE TABLE sends (
    id           INTEGER PRIMARY KEY,
    enrolment_id INTEGER NOT NULL REFERENCES enrolments (id) ON DELETE CASCADE,
    step         TEXT NOT NULL,
    variant      TEXT,
    state        INTEGER NOT NULL,
    reason       TEXT,
    due_at       INTEGER NOT NULL,
    -- When the row was made: the Date of its mail, on each attempt.
    made_at      INTEGER NOT NULL,
    -- When it reached its state.
    at           INTEGER NOT NULL,
    retry_at     INTEGER,
    attempts     INTEGER NOT NULL DEFAULT 0,
    run_id       INTEGER,
    message_id   TEXT
);
CREATE UNIQUE INDEX sends_identity ON sends (enrolment_id, step);
CREATE INDEX sends_open ON sends (state) WHERE state IN (0, 1, 3, 5, 7);

CREATE TABLE send_states (state INTEGER PRIMARY KEY, word TEXT NOT NULL);
INSERT INTO send_states VALUES (0, 'claimed'), (1, 'sending'), (2, 'sent'), (3, 'deferred'), (4, 'rejected'),
    (5, 'held'), (6, 'skipped'), (7, 'unknown'), (8, 'done');

CREATE VIEW v_contacts AS
SELECT email, consent, timezone, language, tags, attributes,
       strftime('%Y-%m-%dT%H:%M:%SZ', created_at / 1000, 'unixepoch') AS created_at
FROM contacts;

CREATE VIEW v_events AS
SELECT c.email, e.name AS event, strftime('%Y-%m-%dT%H:%M:%SZ', e.at / 1000, 'unixepoch') AS at,
       coalesce(e.properties, '{}') AS properties
FROM events e JOIN contacts c ON c.id = e.contact_id;

CREATE VIEW v_enrolments AS
SELECT k.name AS campaign, c.email, n.round, n.state, n.position,
       strftime('%Y-%m-%dT%H:%M:%SZ', n.entered_at / 1000, 'unixepoch') AS entered_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', n.ended_at / 1000, 'unixepoch') AS ended_at,
       n.reason
FROM enrolments n JOIN contacts c ON c.id = n.contact_id JOIN campaigns k ON k.id = n.campaign_id;

CREATE VIEW v_sends AS
SELECT k.name AS campaign, s.step, s.variant, c.email, n.round, w.word AS state, s.reason,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.due_at / 1000, 'unixepoch') AS due_at,
       CASE WHEN s.state = 2 THEN strftime('%Y-%m-%dT%H:%M:%SZ', s.at / 1000, 'unixepoch') END AS sent_at,
       s.message_id
FROM sends s JOIN enrolments n ON n.id = s.enrolment_id JOIN contacts c ON c.id = n.contact_id
    JOIN campaigns k ON k.id = n.campaign_id JOIN send_states w ON w.state = s.state;

-- An enrolment entered a step when it has a row for it, or waits, or ended while waiting, there.
CREATE VIEW v_funnel AS
WITH reached AS (
    SELECT n.campaign_id, s.step, s.state, 0 AS goal FROM sends s JOIN enrolments n ON n.id = s.enrolment_id
    UNION ALL
    SELECT n.campaign_id, n.position, -1, 0 FROM enrolments n
    WHERE n.position IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM sends s WHERE s.enrolment_id = n.id AND s.step = n.position)
    UNION ALL
    SELECT n.campaign_id, n.goal_step, -2, 1 FROM enrolments n WHERE n.goal_step IS NOT NULL
)
SELECT k.name AS campaign, r.step,
       sum(r.state >= -1) AS entered, sum(r.state = 2) AS sent, sum(r.state = 6) AS skipped, sum(r.state = 5) AS held,
       sum(r.state = 3) AS deferred, sum(r.state = 4) AS rejected, sum(r.state = 7) AS unknown, sum(r.goal) AS goal
FROM reached r JOIN campaigns k ON k.id = r.campaign_id
GROUP BY k.name, r.step;
