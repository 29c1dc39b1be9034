-- Clicks and opens of a crowd, put by as they came until there is time to record each as an event. Without `url`: an open.
CREATE TABLE arrivals (
    id      INTEGER PRIMARY KEY,
    send_id INTEGER NOT NULL,
    url     TEXT,
    by      TEXT NOT NULL,
    at      INTEGER NOT NULL
);
