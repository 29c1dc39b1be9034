-- What a report counts, kept as it happens: a ledger of millions of rows is not read for it. The triggers below hold it equal
-- to a recount, whoever writes. Open rows (states 0, 1, 3, 5 and 7) are few and counted when asked for.
--   send: rows of the ledger by step and state; `detail` is the reason of a skip, or the variant of what was sent
--   end:  enrolments that ended; `step` is that of the goal, `detail` why one left early
--   left: enrolments that ended at a step which has no row for them
--   won:  goals by the step and the variant (`detail`) that they are credited to
CREATE TABLE tallies (
    campaign_id INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    step   TEXT NOT NULL,
    state  NOT NULL,
    detail TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, kind, step, state, detail)
) WITHOUT ROWID;

-- Where an enrolment ended without a row of the ledger for the step; null: it had one, or was through.
ALTER TABLE enrolments ADD COLUMN left_at TEXT;
UPDATE enrolments SET left_at = position WHERE state <> 'active' AND position IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM sends s WHERE s.enrolment_id = enrolments.id AND s.step = enrolments.position);

-- A recount: what the triggers keep up, as a test asks for it again.
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
WHERE n.state = 'goal' AND s.state = 2 AND s.variant IS NOT NULL GROUP BY 1, 2, 3, 5;

INSERT INTO tallies SELECT * FROM recount;

CREATE TRIGGER sends_made AFTER INSERT ON sends WHEN NEW.state IN (2, 4, 6, 8) BEGIN
    INSERT INTO tallies
    SELECT campaign_id, 'send', NEW.step, NEW.state,
           CASE NEW.state WHEN 6 THEN coalesce(NEW.reason, '') WHEN 2 THEN coalesce(NEW.variant, '') ELSE '' END, 1
    FROM enrolments WHERE id = NEW.enrolment_id
    ON CONFLICT DO UPDATE SET number = number + 1;
    INSERT INTO tallies SELECT campaign_id, 'won', NEW.step, 2, NEW.variant, 1 FROM enrolments
    WHERE id = NEW.enrolment_id AND state = 'goal' AND goal_step = NEW.step AND NEW.state = 2 AND NEW.variant IS NOT NULL
    ON CONFLICT DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER sends_gone AFTER DELETE ON sends WHEN OLD.state IN (2, 4, 6, 8) BEGIN
    UPDATE tallies SET number = number - 1
    WHERE campaign_id = (SELECT campaign_id FROM enrolments WHERE id = OLD.enrolment_id)
      AND kind = 'send' AND step = OLD.step AND state = OLD.state
      AND detail = CASE OLD.state WHEN 6 THEN coalesce(OLD.reason, '') WHEN 2 THEN coalesce(OLD.variant, '') ELSE '' END;
    UPDATE tallies SET number = number - 1
    WHERE OLD.state = 2 AND OLD.variant IS NOT NULL
      AND campaign_id = (SELECT campaign_id FROM enrolments WHERE id = OLD.enrolment_id AND state = 'goal' AND goal_step = OLD.step)
      AND kind = 'won' AND step = OLD.step AND state = 2 AND detail = OLD.variant;
END;

CREATE TRIGGER sends_closed AFTER UPDATE OF step, state, reason, variant ON sends
WHEN OLD.state NOT IN (2, 4, 6, 8) AND NEW.state IN (2, 4, 6, 8) BEGIN
    INSERT INTO tallies
    SELECT campaign_id, 'send', NEW.step, NEW.state,
           CASE NEW.state WHEN 6 THEN coalesce(NEW.reason, '') WHEN 2 THEN coalesce(NEW.variant, '') ELSE '' END, 1
    FROM enrolments WHERE id = NEW.enrolment_id
    ON CONFLICT DO UPDATE SET number = number + 1;
    INSERT INTO tallies SELECT campaign_id, 'won', NEW.step, 2, NEW.variant, 1 FROM enrolments
    WHERE id = NEW.enrolment_id AND state = 'goal' AND goal_step = NEW.step AND NEW.state = 2 AND NEW.variant IS NOT NULL
    ON CONFLICT DO UPDATE SET number = number + 1;
END;

-- A row that was closed is seldom changed: a step is renamed, or a person decides.
CREATE TRIGGER sends_changed AFTER UPDATE OF step, state, reason, variant ON sends WHEN OLD.state IN (2, 4, 6, 8) BEGIN
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

CREATE TRIGGER enrolments_ended AFTER UPDATE OF state, reason, goal_step, left_at ON enrolments
WHEN OLD.state <> 'active' OR NEW.state <> 'active' BEGIN
    UPDATE tallies SET number = number - 1
    WHERE OLD.state <> 'active' AND campaign_id = OLD.campaign_id
      AND kind = 'end' AND step = coalesce(OLD.goal_step, '') AND state = OLD.state
      AND detail = CASE OLD.state WHEN 'exited' THEN coalesce(OLD.reason, '') ELSE '' END;
    UPDATE tallies SET number = number - 1
    WHERE campaign_id = OLD.campaign_id AND kind = 'left' AND step = OLD.left_at AND state = OLD.state AND detail = '';
    UPDATE tallies SET number = number - 1
    WHERE OLD.state = 'goal' AND campaign_id = OLD.campaign_id AND kind = 'won' AND step = OLD.goal_step AND state = 2
      AND detail = (SELECT variant FROM sends WHERE enrolment_id = OLD.id AND step = OLD.goal_step AND state = 2);
    INSERT INTO tallies
    SELECT NEW.campaign_id, 'end', coalesce(NEW.goal_step, ''), NEW.state,
           CASE NEW.state WHEN 'exited' THEN coalesce(NEW.reason, '') ELSE '' END, 1
    WHERE NEW.state <> 'active'
    ON CONFLICT DO UPDATE SET number = number + 1;
    INSERT INTO tallies SELECT NEW.campaign_id, 'left', NEW.left_at, NEW.state, '', 1 WHERE NEW.left_at IS NOT NULL
    ON CONFLICT DO UPDATE SET number = number + 1;
    INSERT INTO tallies SELECT NEW.campaign_id, 'won', step, 2, variant, 1 FROM sends
    WHERE NEW.state = 'goal' AND enrolment_id = NEW.id AND step = NEW.goal_step AND state = 2 AND variant IS NOT NULL
    ON CONFLICT DO UPDATE SET number = number + 1;
END;

-- Its rows go first, while they can still be told whose they are.
CREATE TRIGGER enrolments_gone BEFORE DELETE ON enrolments BEGIN
    DELETE FROM sends WHERE enrolment_id = OLD.id;
    UPDATE tallies SET number = number - 1
    WHERE OLD.state <> 'active' AND campaign_id = OLD.campaign_id
      AND kind = 'end' AND step = coalesce(OLD.goal_step, '') AND state = OLD.state
      AND detail = CASE OLD.state WHEN 'exited' THEN coalesce(OLD.reason, '') ELSE '' END;
    UPDATE tallies SET number = number - 1
    WHERE campaign_id = OLD.campaign_id AND kind = 'left' AND step = OLD.left_at AND state = OLD.state AND detail = '';
END;

-- Who is inside, waiting for what, until when; how long those took who reached the goal; who entered in a period.
CREATE INDEX enrolments_active ON enrolments (campaign_id, position, due_at) WHERE state = 'active';
CREATE INDEX enrolments_goal ON enrolments (campaign_id, ended_at - entered_at) WHERE state = 'goal';
CREATE INDEX enrolments_entered ON enrolments (campaign_id, entered_at);
