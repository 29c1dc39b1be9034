-- Purchases, each with the mail that it is credited to: the last one of a campaign that left for the contact before it, within the
-- time that `purchases` of drip.yaml names. `amount` is in ten-thousandths. A purchase that no mail led to has no row.
CREATE TABLE credits (
    event_id INTEGER PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
    send_id  INTEGER NOT NULL REFERENCES sends (id) ON DELETE CASCADE,
    amount   INTEGER NOT NULL
);
CREATE INDEX credits_send ON credits (send_id);

-- By which words of drip.yaml they were credited; without a row by none yet. Of mails that left from `since` to `until` a purchase
-- may not know that was there before them: a run is under way, or was cut off.
CREATE TABLE purchase_terms (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    event  TEXT NOT NULL,
    amount TEXT NOT NULL,
    within INTEGER NOT NULL,
    since  INTEGER NOT NULL,
    until  INTEGER NOT NULL
);

-- Among the tallies, by the step and the variant (`detail`) of the mail:
--   bought: purchases that are credited to it
--   money:  what they brought
DROP VIEW recount;
CREATE VIEW recount AS
SELECT n.campaign_id, 'send' AS kind, s.step, s.state,
       CASE s.state WHEN 6 THEN coalesce(s.reason, '') WHEN 2 THEN coalesce(s.variant, '') ELSE '' END AS detail, count(*) AS number
FROM sends s JOIN enrolments n ON n.id = s.enrolment_id WHERE s.state IN (2, 4, 6, 8) GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT campaign_id, 'end', coalesce(goal_step, ''), state, CASE state WHEN 'exited' THEN coalesce(reason, '') ELSE '' END, count(*)
FROM enrolments WHERE state <> 'active' GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT campaign_id, 'left', left_at, state, '', count(*) FROM enrolments WHERE left_at IS NOT NULL GROUP BY 1, 2, 3, 4
UNION ALL
SELECT n.campaign_id, 'won', s.step, 2, s.variant, count(*) FROM enrolments n JOIN sends s ON s.enrolment_id = n.id AND s.step = n.goal_step
WHERE n.state = 'goal' AND s.state = 2 AND s.variant IS NOT NULL GROUP BY 1, 2, 3, 5
UNION ALL
SELECT n.campaign_id, 'reaction', s.step, r.what, coalesce(s.variant, ''), count(*)
FROM reactions r JOIN sends s ON s.id = r.send_id JOIN enrolments n ON n.id = s.enrolment_id GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT n.campaign_id, 'bought', s.step, '', coalesce(s.variant, ''), count(*)
FROM credits c JOIN sends s ON s.id = c.send_id JOIN enrolments n ON n.id = s.enrolment_id GROUP BY 1, 2, 3, 5
UNION ALL
SELECT n.campaign_id, 'money', s.step, '', coalesce(s.variant, ''), sum(c.amount)
FROM credits c JOIN sends s ON s.id = c.send_id JOIN enrolments n ON n.id = s.enrolment_id GROUP BY 1, 2, 3, 5;

-- A sum that no number holds stays the largest one: a report goes on.
CREATE TRIGGER credits_made AFTER INSERT ON credits BEGIN
    INSERT INTO tallies SELECT n.campaign_id, 'bought', s.step, '', coalesce(s.variant, ''), 1
    FROM sends s JOIN enrolments n ON n.id = s.enrolment_id WHERE s.id = NEW.send_id
    ON CONFLICT DO UPDATE SET number = number + 1;
    INSERT INTO tallies SELECT n.campaign_id, 'money', s.step, '', coalesce(s.variant, ''), NEW.amount
    FROM sends s JOIN enrolments n ON n.id = s.enrolment_id WHERE s.id = NEW.send_id
    ON CONFLICT DO UPDATE SET number = CAST(number + excluded.number AS INTEGER);
END;

CREATE TRIGGER credits_gone AFTER DELETE ON credits BEGIN
    UPDATE tallies SET number = CAST(number - CASE kind WHEN 'bought' THEN 1 ELSE OLD.amount END AS INTEGER)
    WHERE (kind = 'bought' OR kind = 'money') AND state = '' AND (campaign_id, step, detail) =
        (SELECT n.campaign_id, s.step, coalesce(s.variant, '') FROM sends s JOIN enrolments n ON n.id = s.enrolment_id WHERE s.id = OLD.send_id);
END;

-- They go first, while it can still be told whose they were.
CREATE TRIGGER sends_uncredited BEFORE DELETE ON sends BEGIN
    DELETE FROM credits WHERE send_id = OLD.id;
END;

CREATE TRIGGER sends_credited_otherwise AFTER UPDATE OF step, variant ON sends
WHEN (OLD.step <> NEW.step OR OLD.variant IS NOT NEW.variant) AND EXISTS (SELECT 1 FROM credits WHERE send_id = OLD.id) BEGIN
    UPDATE tallies SET number = CAST(number -
        (SELECT CASE tallies.kind WHEN 'bought' THEN count(*) ELSE sum(amount) END FROM credits WHERE send_id = OLD.id) AS INTEGER)
    WHERE (kind = 'bought' OR kind = 'money') AND state = '' AND step = OLD.step AND detail = coalesce(OLD.variant, '')
      AND campaign_id = (SELECT campaign_id FROM enrolments WHERE id = OLD.enrolment_id);
    INSERT INTO tallies
    SELECT (SELECT campaign_id FROM enrolments WHERE id = NEW.enrolment_id), 'bought', NEW.step, '', coalesce(NEW.variant, ''), count(*)
    FROM credits WHERE send_id = NEW.id
    ON CONFLICT DO UPDATE SET number = number + excluded.number;
    INSERT INTO tallies
    SELECT (SELECT campaign_id FROM enrolments WHERE id = NEW.enrolment_id), 'money', NEW.step, '', coalesce(NEW.variant, ''), sum(amount)
    FROM credits WHERE send_id = NEW.id
    ON CONFLICT DO UPDATE SET number = CAST(number + excluded.number AS INTEGER);
END;

-- What happened is called otherwise, as a click that a machine made: it is no purchase any more.
CREATE TRIGGER events_called_otherwise AFTER UPDATE OF name ON events WHEN OLD.name <> NEW.name BEGIN
    DELETE FROM credits WHERE event_id = OLD.id;
END;

CREATE VIEW v_revenue AS
SELECT k.name AS campaign, s.step, s.variant, c.email, strftime('%Y-%m-%dT%H:%M:%SZ', s.at / 1000, 'unixepoch') AS sent_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', e.at / 1000, 'unixepoch') AS bought_at, r.amount / 10000.0 AS amount
FROM credits r JOIN events e ON e.id = r.event_id JOIN sends s ON s.id = r.send_id JOIN enrolments n ON n.id = s.enrolment_id
    JOIN contacts c ON c.id = n.contact_id JOIN campaigns k ON k.id = n.campaign_id;

-- When people reached the goal and by which mail, without a look at their rows.
DROP INDEX enrolments_goal;
CREATE INDEX enrolments_goal ON enrolments (campaign_id, ended_at - entered_at, entered_at, ended_at, goal_step) WHERE state = 'goal';
