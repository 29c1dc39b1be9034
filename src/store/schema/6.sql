-- When a mail was first tried: the days after which it is given up count from there.
ALTER TABLE sends ADD COLUMN tried_at INTEGER;
UPDATE sends SET tried_at = made_at WHERE attempts > 0 AND state IN (0, 1, 3);
