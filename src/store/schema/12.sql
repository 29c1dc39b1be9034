-- Mails of tests by the hour in which they were sent (hours since 1970), and what came of them: what a winner is chosen by, and by
-- what shares follow success, of mails alone that had the time to work. The triggers below hold it equal to `retrials`.
CREATE TABLE trials (
    campaign_id INTEGER NOT NULL,
    step    TEXT NOT NULL,
    hour    INTEGER NOT NULL,
    variant TEXT NOT NULL,
    sent    INTEGER NOT NULL DEFAULT 0,
    -- The goals that are credited to these mails, and how many of them somebody clicked in.
    goals   INTEGER NOT NULL DEFAULT 0,
    clicks  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (campaign_id, step, hour, variant)
) WITHOUT ROWID;

CREATE VIEW retrials AS
SELECT n.campaign_id, s.step, s.at / 3600000 AS hour, s.variant, count(*) AS sent,
       sum(n.state = 'goal' AND n.goal_step IS s.step) AS goals,
       sum(EXISTS (SELECT 1 FROM reactions r WHERE r.send_id = s.id AND r.what = 'clicked')) AS clicks
FROM sends s JOIN enrolments n ON n.id = s.enrolment_id
WHERE s.state = 2 AND s.variant IS NOT NULL GROUP BY 1, 2, 3, 4;

INSERT INTO trials SELECT * FROM retrials;

CREATE TRIGGER sends_made_tried AFTER INSERT ON sends WHEN NEW.variant IS NOT NULL AND NEW.state = 2 BEGIN
    INSERT INTO trials
    SELECT campaign_id, NEW.step, NEW.at / 3600000, NEW.variant, 1, state = 'goal' AND goal_step IS NEW.step, 0
    FROM enrolments WHERE id = NEW.enrolment_id
    ON CONFLICT DO UPDATE SET sent = sent + 1, goals = goals + excluded.goals;
END;

CREATE TRIGGER sends_changed_tried AFTER UPDATE OF step, state, variant, at ON sends
WHEN (OLD.variant IS NOT NULL AND OLD.state = 2) OR (NEW.variant IS NOT NULL AND NEW.state = 2) BEGIN
    UPDATE trials SET sent = sent - 1,
        goals = goals - (SELECT state = 'goal' AND goal_step IS OLD.step FROM enrolments WHERE id = OLD.enrolment_id),
        clicks = clicks - EXISTS (SELECT 1 FROM reactions WHERE send_id = OLD.id AND what = 'clicked')
    WHERE OLD.state = 2 AND campaign_id = (SELECT campaign_id FROM enrolments WHERE id = OLD.enrolment_id)
      AND step = OLD.step AND hour = OLD.at / 3600000 AND variant = OLD.variant;
    INSERT INTO trials
    SELECT campaign_id, NEW.step, NEW.at / 3600000, NEW.variant, 1, state = 'goal' AND goal_step IS NEW.step,
           EXISTS (SELECT 1 FROM reactions WHERE send_id = NEW.id AND what = 'clicked')
    FROM enrolments WHERE id = NEW.enrolment_id AND NEW.state = 2 AND NEW.variant IS NOT NULL
    ON CONFLICT DO UPDATE SET sent = sent + 1, goals = goals + excluded.goals, clicks = clicks + excluded.clicks;
END;

CREATE TRIGGER sends_gone_tried AFTER DELETE ON sends WHEN OLD.variant IS NOT NULL AND OLD.state = 2 BEGIN
    UPDATE trials SET sent = sent - 1,
        goals = goals - (SELECT state = 'goal' AND goal_step IS OLD.step FROM enrolments WHERE id = OLD.enrolment_id)
    WHERE campaign_id = (SELECT campaign_id FROM enrolments WHERE id = OLD.enrolment_id)
      AND step = OLD.step AND hour = OLD.at / 3600000 AND variant = OLD.variant;
END;

CREATE TRIGGER enrolments_ended_tried AFTER UPDATE OF state, goal_step ON enrolments
WHEN OLD.state = 'goal' OR NEW.state = 'goal' BEGIN
    UPDATE trials SET goals = goals - 1
    WHERE OLD.state = 'goal' AND campaign_id = OLD.campaign_id AND (step, hour, variant) =
        (SELECT step, at / 3600000, variant FROM sends WHERE enrolment_id = OLD.id AND step = OLD.goal_step AND state = 2);
    UPDATE trials SET goals = goals + 1
    WHERE NEW.state = 'goal' AND campaign_id = NEW.campaign_id AND (step, hour, variant) =
        (SELECT step, at / 3600000, variant FROM sends WHERE enrolment_id = NEW.id AND step = NEW.goal_step AND state = 2);
END;

CREATE TRIGGER reactions_made_tried AFTER INSERT ON reactions WHEN NEW.what = 'clicked' BEGIN
    UPDATE trials SET clicks = clicks + 1
    WHERE (campaign_id, step, hour, variant) =
        (SELECT n.campaign_id, s.step, s.at / 3600000, s.variant FROM sends s JOIN enrolments n ON n.id = s.enrolment_id
         WHERE s.id = NEW.send_id AND s.state = 2);
END;

CREATE TRIGGER reactions_gone_tried AFTER DELETE ON reactions WHEN OLD.what = 'clicked' BEGIN
    UPDATE trials SET clicks = clicks - 1
    WHERE (campaign_id, step, hour, variant) =
        (SELECT n.campaign_id, s.step, s.at / 3600000, s.variant FROM sends s JOIN enrolments n ON n.id = s.enrolment_id
         WHERE s.id = OLD.send_id AND s.state = 2);
END;

-- The contents that a step tests, and since which hour: what was sent of others under the same names does not count.
CREATE TABLE tests (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    step     TEXT NOT NULL,
    contents TEXT NOT NULL,
    since    INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, step)
) WITHOUT ROWID;

-- The looks that were taken at tests with a `winner`, each once: by which rule, when, at what, and who won. Without `winner`: none
-- was clear of the others.
CREATE TABLE looks (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    step     TEXT NOT NULL,
    rule     TEXT NOT NULL,
    number   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    confidence REAL NOT NULL,
    -- JSON: each content with how many had it and how many of them did what counts.
    counts   TEXT NOT NULL,
    winner   TEXT,
    PRIMARY KEY (campaign_id, step, rule, number)
) WITHOUT ROWID;

-- The hundredths that were held out when it began: of who is held out, and with a minus of who is not. Null: there was no hold-out.
ALTER TABLE enrolments ADD COLUMN holdout INTEGER;
-- When one who had left before reached the goal after all: only a comparison with those who were held out counts it.
ALTER TABLE enrolments ADD COLUMN won_at INTEGER;
CREATE INDEX enrolments_holdout ON enrolments (campaign_id, holdout, entered_at, state, won_at) WHERE holdout IS NOT NULL;

DROP VIEW v_enrolments;
CREATE VIEW v_enrolments AS
SELECT k.name AS campaign, c.email, n.round, n.state, n.position,
       strftime('%Y-%m-%dT%H:%M:%SZ', n.entered_at / 1000, 'unixepoch') AS entered_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', n.ended_at / 1000, 'unixepoch') AS ended_at,
       n.reason, coalesce(n.holdout > 0, 0) AS held_out
FROM enrolments n JOIN contacts c ON c.id = n.contact_id JOIN campaigns k ON k.id = n.campaign_id;
