-- How many contacts stand where: `stage` (empty: in none), `segments` and `subscribed` as in `standings`. Triggers hold it equal to
-- `restandings`. It takes the place of an index of which whoever moves touched two pages, each somewhere else in the file.
CREATE TABLE standing_counts (
    stage      TEXT NOT NULL,
    segments   TEXT NOT NULL,
    subscribed INTEGER NOT NULL,
    people     INTEGER NOT NULL,
    PRIMARY KEY (stage, segments, subscribed)
) WITHOUT ROWID;

CREATE VIEW restandings AS
SELECT coalesce(stage, '') AS stage, segments, subscribed, count(*) AS people FROM standings GROUP BY 1, 2, 3;

INSERT INTO standing_counts SELECT * FROM restandings;
DROP INDEX standings_counted;

CREATE TRIGGER standings_made_counted AFTER INSERT ON standings BEGIN
    INSERT INTO standing_counts VALUES (coalesce(NEW.stage, ''), NEW.segments, NEW.subscribed, 1)
    ON CONFLICT DO UPDATE SET people = people + 1;
END;
CREATE TRIGGER standings_moved_counted AFTER UPDATE OF stage, segments, subscribed ON standings
WHEN OLD.stage IS NOT NEW.stage OR OLD.segments <> NEW.segments OR OLD.subscribed <> NEW.subscribed BEGIN
    UPDATE standing_counts SET people = people - 1
    WHERE stage = coalesce(OLD.stage, '') AND segments = OLD.segments AND subscribed = OLD.subscribed;
    INSERT INTO standing_counts VALUES (coalesce(NEW.stage, ''), NEW.segments, NEW.subscribed, 1)
    ON CONFLICT DO UPDATE SET people = people + 1;
END;
CREATE TRIGGER standings_gone_counted AFTER DELETE ON standings BEGIN
    UPDATE standing_counts SET people = people - 1
    WHERE stage = coalesce(OLD.stage, '') AND segments = OLD.segments AND subscribed = OLD.subscribed;
END;
