-- Which start of the machine it ran on (the kernel's boot id), where each commit did not wait for the disk.
ALTER TABLE runs ADD COLUMN boot TEXT;
-- What was wrong, if it stopped before its work was done.
ALTER TABLE runs ADD COLUMN stopped TEXT;
-- For which form of its tag and segment triggers `members` was made. Null: before there was this column.
ALTER TABLE campaigns ADD COLUMN triggers TEXT;
-- 1 until a run has looked at what happened before the campaign's file was there, for `existing: include`.
ALTER TABLE campaigns ADD COLUMN history INTEGER NOT NULL DEFAULT 0;
