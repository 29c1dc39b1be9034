-- What runs for every mail compares one by one: of a list of more than two, SQLite makes a table each time, which took a third
-- of the time that a run spends here. A state is open as long as it can change by itself.
DROP INDEX sends_open;
CREATE INDEX sends_open ON sends (state) WHERE state = 0 OR state = 1 OR state = 3 OR state = 5 OR state = 7;
-- Its condition is the index's own, word for word, so that the index serves it; joined to other tables by CROSS JOIN, so that
-- SQLite begins with these few.
CREATE VIEW open_sends AS SELECT * FROM sends WHERE state = 0 OR state = 1 OR state = 3 OR state = 5 OR state = 7;

DROP TRIGGER sends_made;
CREATE TRIGGER sends_made AFTER INSERT ON sends
WHEN NEW.state = 2 OR NEW.state = 4 OR NEW.state = 6 OR NEW.state = 8 BEGIN
    INSERT INTO tallies
    VALUES ((SELECT campaign_id FROM enrolments WHERE id = NEW.enrolment_id), 'send', NEW.step, NEW.state,
            CASE NEW.state WHEN 6 THEN coalesce(NEW.reason, '') WHEN 2 THEN coalesce(NEW.variant, '') ELSE '' END, 1)
    ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER sends_made_won AFTER INSERT ON sends WHEN NEW.state = 2 AND NEW.variant IS NOT NULL BEGIN
    INSERT INTO tallies SELECT campaign_id, 'won', NEW.step, 2, NEW.variant, 1 FROM enrolments
    WHERE id = NEW.enrolment_id AND state = 'goal' AND goal_step = NEW.step
    ON CONFLICT DO UPDATE SET number = number + 1;
END;

DROP TRIGGER sends_closed;
CREATE TRIGGER sends_closed AFTER UPDATE OF step, state, reason, variant ON sends
WHEN (NEW.state = 2 OR NEW.state = 4 OR NEW.state = 6 OR NEW.state = 8)
    AND NOT (OLD.state = 2 OR OLD.state = 4 OR OLD.state = 6 OR OLD.state = 8) BEGIN
    INSERT INTO tallies
    VALUES ((SELECT campaign_id FROM enrolments WHERE id = NEW.enrolment_id), 'send', NEW.step, NEW.state,
            CASE NEW.state WHEN 6 THEN coalesce(NEW.reason, '') WHEN 2 THEN coalesce(NEW.variant, '') ELSE '' END, 1)
    ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER sends_closed_won AFTER UPDATE OF step, state, reason, variant ON sends
WHEN NEW.state = 2 AND NEW.variant IS NOT NULL AND NOT (OLD.state = 2 OR OLD.state = 4 OR OLD.state = 6 OR OLD.state = 8) BEGIN
    INSERT INTO tallies SELECT campaign_id, 'won', NEW.step, 2, NEW.variant, 1 FROM enrolments
    WHERE id = NEW.enrolment_id AND state = 'goal' AND goal_step = NEW.step
    ON CONFLICT DO UPDATE SET number = number + 1;
END;

-- A row that was closed is seldom changed: a step is renamed, or a person decides.
DROP TRIGGER sends_changed;
CREATE TRIGGER sends_changed AFTER UPDATE OF step, state, reason, variant ON sends
WHEN OLD.state = 2 OR OLD.state = 4 OR OLD.state = 6 OR OLD.state = 8 BEGIN
    UPDATE tallies SET number = number - 1
    WHERE campaign_id = (SELECT campaign_id FROM enrolments WHERE id = OLD.enrolment_id)
      AND kind = 'send' AND step = OLD.step AND state = OLD.state
      AND detail = CASE OLD.state WHEN 6 THEN coalesce(OLD.reason, '') WHEN 2 THEN coalesce(OLD.variant, '') ELSE '' END;
    UPDATE tallies SET number = number - 1
    WHERE OLD.state = 2 AND OLD.variant IS NOT NULL
      AND campaign_id = (SELECT campaign_id FROM enrolments WHERE id = OLD.enrolment_id AND state = 'goal' AND goal_step = OLD.step)
      AND kind = 'won' AND step = OLD.step AND state = 2 AND detail = OLD.variant;
    INSERT INTO tallies
    SELECT campaign_id, 'send', NEW.step, NEW.state,
           CASE NEW.state WHEN 6 THEN coalesce(NEW.reason, '') WHEN 2 THEN coalesce(NEW.variant, '') ELSE '' END, 1
    FROM enrolments WHERE id = NEW.enrolment_id AND NEW.state IN (2, 4, 6, 8)
    ON CONFLICT DO UPDATE SET number = number + 1;
    INSERT INTO tallies SELECT campaign_id, 'won', NEW.step, 2, NEW.variant, 1 FROM enrolments
    WHERE id = NEW.enrolment_id AND state = 'goal' AND goal_step = NEW.step AND NEW.state = 2 AND NEW.variant IS NOT NULL
    ON CONFLICT DO UPDATE SET number = number + 1;
END;

-- The same in what a contact may be, which SQLite looks at for every row of an import. Such a change of the text alone is what
-- https://sqlite.org/lang_altertable.html (section 7) has this for: no row looks different afterwards.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK (consent IN (''pending'', ''subscribed'', ''unsubscribed'', ''bounced'', ''complained''))',
    'CHECK (consent = ''subscribed'' OR consent = ''pending'' OR consent = ''unsubscribed'' OR consent = ''bounced'' OR consent = ''complained'')')
WHERE type = 'table' AND name = 'contacts';
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK (state IN (''active'', ''finished'', ''goal'', ''exited''))',
    'CHECK (state = ''active'' OR state = ''finished'' OR state = ''goal'' OR state = ''exited'')')
WHERE type = 'table' AND name = 'enrolments';
PRAGMA writable_schema = RESET;
