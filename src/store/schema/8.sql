-- What readers chose on the page of preferences: subjects of campaigns of which they want nothing (a JSON array), and until
-- when they want no mail at all.
ALTER TABLE contacts ADD COLUMN refused TEXT NOT NULL DEFAULT '[]';
ALTER TABLE contacts ADD COLUMN paused_until INTEGER;

-- The same of people whom a copy that was put back does not know, until they are contacts again.
CREATE TABLE lost_choices (email_key TEXT PRIMARY KEY, refused TEXT NOT NULL, paused_until INTEGER) WITHOUT ROWID;

-- `subject`: what a reader refuses who wants nothing of it, a topic of drip.yaml or `campaign/` and its name.
-- `audience`: whose consent its mails need, 'subscribed', or 'pending' where it asks for confirmation.
ALTER TABLE campaigns ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE campaigns ADD COLUMN audience TEXT NOT NULL DEFAULT 'subscribed';
UPDATE campaigns SET subject = 'campaign/' || name;

DROP VIEW v_contacts;
CREATE VIEW v_contacts AS
SELECT email, consent, timezone, language, tags, attributes,
       strftime('%Y-%m-%dT%H:%M:%SZ', created_at / 1000, 'unixepoch') AS created_at, refused,
       strftime('%Y-%m-%dT%H:%M:%SZ', paused_until / 1000, 'unixepoch') AS paused_until
FROM contacts;

-- What came of a mail, each thing once, however often it happened: a report counts these. The events tell when, and how often.
CREATE TABLE reactions (
    send_id INTEGER NOT NULL,
    what    TEXT NOT NULL,
    PRIMARY KEY (send_id, what)
) WITHOUT ROWID;

INSERT OR IGNORE INTO reactions
SELECT s.id, iif(e.name = 'bounced' AND json_extract(e.properties, '$.hard') = 0, 'bounced_for_now', e.name)
FROM events e JOIN sends s ON s.id = json_extract(e.properties, '$.send')
    JOIN enrolments n ON n.id = s.enrolment_id AND n.contact_id = e.contact_id
WHERE e.name IN ('opened', 'opened_by_proxy', 'opened_by_machine', 'clicked', 'clicked_by_machine', 'replied', 'auto_replied',
                 'bounced', 'complained');

-- `reaction` among the tallies: mails by step and by what came of them (`state`); `detail` is the variant.
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
FROM reactions r JOIN sends s ON s.id = r.send_id JOIN enrolments n ON n.id = s.enrolment_id GROUP BY 1, 2, 3, 4, 5;

INSERT INTO tallies SELECT * FROM recount WHERE kind = 'reaction';

CREATE TRIGGER reactions_made AFTER INSERT ON reactions BEGIN
    INSERT INTO tallies SELECT n.campaign_id, 'reaction', s.step, NEW.what, coalesce(s.variant, ''), 1
    FROM sends s JOIN enrolments n ON n.id = s.enrolment_id WHERE s.id = NEW.send_id
    ON CONFLICT DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER reactions_gone AFTER DELETE ON reactions BEGIN
    UPDATE tallies SET number = number - 1
    WHERE kind = 'reaction' AND state = OLD.what AND (campaign_id, step, detail) =
        (SELECT n.campaign_id, s.step, coalesce(s.variant, '') FROM sends s JOIN enrolments n ON n.id = s.enrolment_id WHERE s.id = OLD.send_id);
END;

-- Its reactions go first, while it can still be told what they were to.
CREATE TRIGGER sends_forgotten BEFORE DELETE ON sends BEGIN
    DELETE FROM reactions WHERE send_id = OLD.id;
END;

CREATE TRIGGER sends_called_otherwise AFTER UPDATE OF step, variant ON sends
WHEN (OLD.step <> NEW.step OR OLD.variant IS NOT NEW.variant) AND EXISTS (SELECT 1 FROM reactions WHERE send_id = OLD.id) BEGIN
    UPDATE tallies SET number = number - 1
    WHERE kind = 'reaction' AND campaign_id = (SELECT campaign_id FROM enrolments WHERE id = OLD.enrolment_id)
      AND step = OLD.step AND detail = coalesce(OLD.variant, '') AND state IN (SELECT what FROM reactions WHERE send_id = OLD.id);
    INSERT INTO tallies
    SELECT (SELECT campaign_id FROM enrolments WHERE id = NEW.enrolment_id), 'reaction', NEW.step, what, coalesce(NEW.variant, ''), 1
    FROM reactions WHERE send_id = NEW.id
    ON CONFLICT DO UPDATE SET number = number + 1;
END;
