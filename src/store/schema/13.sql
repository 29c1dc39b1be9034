-- What all customers together taught (docs/value.md): one row at most, of which the columns from `fitted_at` on are empty before
-- the first time. `purchases_are`: which events were purchases then. `begun_at`: when it was last begun, so that nobody else begins.
CREATE TABLE value_model (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    begun_at      INTEGER NOT NULL,
    fitted_at     INTEGER,
    purchases_are TEXT,
    as_of         TEXT,
    customers     INTEGER,
    returned      INTEGER,
    purchases     INTEGER,
    -- Of the BG/NBD model in days, or why there is none; then those of the gamma-gamma model.
    r             REAL,
    alpha         REAL,
    a             REAL,
    b             REAL,
    not_buying    TEXT,
    p             REAL,
    q             REAL,
    v             REAL,
    not_spending  TEXT,
    correlation   REAL,
    -- The upper ends of the four lower fifths: JSON arrays.
    recency       TEXT,
    frequency     TEXT,
    monetary      TEXT
);
