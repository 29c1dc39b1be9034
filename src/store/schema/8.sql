-- What readers chose on the page of preferences: subjects of campaigns of which they want nothing (a JSON array), and until
-- when they want no mail at all.
ALTER TABLE contacts ADD COLUMN refused TEXT NOT NULL DEFAULT '[]';
ALTER TABLE contacts ADD COLUMN paused_until INTEGER;

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
