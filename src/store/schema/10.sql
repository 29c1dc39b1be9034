-- Where each contact stands: the stage, the segments (ids, a JSON array), and what each rule of the score had brought at
-- `looked_at` (a JSON array). All of it a cache of what the conditions say, kept only while drip.yaml has any of them.
--   subscribed: whether the contact agreed to mail
--   looked_at: as of when it is right; null: everything is to be found out anew
--   next_at: when to look again; 0: something changed; null: not before something does
--   is_new: whether the contact came after the conditions, so that it enters its stage and does not just stand there
CREATE TABLE standings (
    contact_id INTEGER PRIMARY KEY REFERENCES contacts (id) ON DELETE CASCADE,
    stage      TEXT,
    since      INTEGER,
    segments   TEXT NOT NULL DEFAULT '[]',
    levels     TEXT NOT NULL DEFAULT '[]',
    subscribed INTEGER NOT NULL DEFAULT 0,
    looked_at  INTEGER,
    next_at    INTEGER,
    is_new     INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX standings_next ON standings (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX standings_counted ON standings (stage, segments, subscribed);

CREATE TABLE segments (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- Who came into which stage when, and from where; null is none.
CREATE TABLE stage_changes (
    contact_id INTEGER NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    at         INTEGER NOT NULL,
    stage      TEXT,
    was        TEXT,
    -- When it was left again; null: not yet.
    until      INTEGER,
    PRIMARY KEY (contact_id, at)
) WITHOUT ROWID;
CREATE INDEX stage_changes_at ON stage_changes (at, was, stage);
CREATE INDEX standings_since ON standings (stage, since);

-- Stays in stages that are over, by their length in whole hours: what triggers keep up, as a report asks for it.
CREATE TABLE stage_stays (
    stage  TEXT NOT NULL,
    hours  INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (stage, hours)
) WITHOUT ROWID;
CREATE TRIGGER stage_changes_made AFTER INSERT ON stage_changes WHEN NEW.stage IS NOT NULL AND NEW.until IS NOT NULL BEGIN
    INSERT INTO stage_stays VALUES (NEW.stage, max(0, NEW.until - NEW.at) / 3600000, 1)
    ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER stage_changes_otherwise AFTER UPDATE OF stage, until ON stage_changes BEGIN
    UPDATE stage_stays SET number = number - 1 WHERE stage = OLD.stage AND hours = max(0, OLD.until - OLD.at) / 3600000;
    INSERT INTO stage_stays SELECT NEW.stage, max(0, NEW.until - NEW.at) / 3600000, 1
    WHERE NEW.stage IS NOT NULL AND NEW.until IS NOT NULL
    ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER stage_changes_gone AFTER DELETE ON stage_changes WHEN OLD.stage IS NOT NULL AND OLD.until IS NOT NULL BEGIN
    UPDATE stage_stays SET number = number - 1 WHERE stage = OLD.stage AND hours = (OLD.until - OLD.at) / 3600000;
END;

-- Whoever writes, the contact is looked at again.
CREATE TRIGGER contacts_new AFTER INSERT ON contacts WHEN EXISTS (SELECT 1 FROM meta WHERE key = 'standings') BEGIN
    INSERT INTO standings (contact_id, next_at, is_new) VALUES (NEW.id, 0, 1);
END;
CREATE TRIGGER contacts_otherwise AFTER UPDATE OF changed ON contacts WHEN NEW.changed = 1 BEGIN
    UPDATE standings SET next_at = 0 WHERE contact_id = NEW.id AND next_at IS NOT 0;
END;
CREATE TRIGGER events_made AFTER INSERT ON events BEGIN
    UPDATE standings SET next_at = 0 WHERE contact_id = NEW.contact_id AND next_at IS NOT 0;
END;
CREATE TRIGGER events_otherwise AFTER UPDATE OF contact_id, name, at, properties ON events BEGIN
    UPDATE standings SET next_at = 0 WHERE contact_id = NEW.contact_id AND next_at IS NOT 0;
END;

CREATE VIEW v_stages AS
SELECT c.email, s.stage, strftime('%Y-%m-%dT%H:%M:%SZ', s.since / 1000, 'unixepoch') AS since
FROM standings s JOIN contacts c ON c.id = s.contact_id WHERE s.stage IS NOT NULL;

CREATE VIEW v_stage_changes AS
SELECT c.email, strftime('%Y-%m-%dT%H:%M:%SZ', h.at / 1000, 'unixepoch') AS at, h.was AS left, h.stage AS entered,
       strftime('%Y-%m-%dT%H:%M:%SZ', h.until / 1000, 'unixepoch') AS until
FROM stage_changes h JOIN contacts c ON c.id = h.contact_id;

CREATE VIEW v_segments AS
SELECT g.name AS segment, c.email
FROM standings s JOIN json_each(s.segments) member JOIN segments g ON g.id = member.value JOIN contacts c ON c.id = s.contact_id;
