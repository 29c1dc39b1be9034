-- What signs the links in mails: the newest signs, and each is believed for as long as it stands here.
CREATE TABLE link_keys (id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 255), key TEXT NOT NULL, made_at INTEGER NOT NULL);
INSERT INTO link_keys VALUES (0, lower(hex(randomblob(32))), CAST(strftime('%s', 'now') AS INTEGER) * 1000);

-- Requests that were answered, by the key their sender gave them: whoever asks again hears the same answer.
CREATE TABLE answers (key TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX answers_at ON answers (at);

-- Messages that came in and were dealt with, by the hash of their bytes: a report that comes twice counts once.
CREATE TABLE heard (hash TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX heard_at ON heard (at);

-- Whose mails were numbers that a copy which was put back does not know: their links still go to somebody.
CREATE TABLE lost_sends (id INTEGER PRIMARY KEY, email_key TEXT NOT NULL);
