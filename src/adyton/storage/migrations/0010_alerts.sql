-- Alerts: what is told to people. The rules are in the program; alert_rules keeps what operators changed of them (NULL: as the
-- program has it). clear_hold: seconds for which all must be well before an alert is cleared.

CREATE TABLE alert_rules (
    name TEXT NOT NULL PRIMARY KEY,
    enabled BIGINT,
    threshold TEXT,
    hold BIGINT,
    clear_hold BIGINT
);

-- An alert is pending (raised_at NULL), raised, or cleared. since: when it was seen to be wrong first; well_since: when it was
-- seen to be well again, and has been since. Of one rule and subject one is not cleared.

CREATE TABLE alerts (
    id TEXT NOT NULL PRIMARY KEY,
    rule TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('warning', 'critical')),
    detail TEXT NOT NULL,
    code TEXT NOT NULL,
    since BIGINT NOT NULL,
    raised_at BIGINT,
    well_since BIGINT,
    cleared_at BIGINT,
    cleared_because TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX alerts_standing ON alerts (rule, subject) WHERE cleared_at IS NULL;
CREATE INDEX alerts_raised ON alerts (raised_at, id) WHERE raised_at IS NOT NULL;
CREATE INDEX alerts_cleared ON alerts (cleared_at) WHERE cleared_at IS NOT NULL;

-- Where they are told. severity: the least that is told there. settings: JSON, with secrets.

CREATE TABLE alert_destinations (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL CHECK (type IN ('webhook', 'slack', 'email')),
    enabled BIGINT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('warning', 'critical')),
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- What is to be told, and was. A row is written with the alert's state, for each destination. message: by which a receiver knows
-- what it has had.

CREATE TABLE alert_deliveries (
    id {{serial}},
    destination_id TEXT NOT NULL REFERENCES alert_destinations (id) ON DELETE CASCADE,
    alert_id TEXT REFERENCES alerts (id) ON DELETE CASCADE,
    event TEXT NOT NULL CHECK (event IN ('raised', 'cleared', 'test')),
    message TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    attempts BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    finished_at BIGINT,
    error TEXT,
    UNIQUE (destination_id, message)
);
CREATE INDEX alert_deliveries_waiting ON alert_deliveries (destination_id, id) WHERE state = 'waiting';
CREATE INDEX alert_deliveries_by_alert ON alert_deliveries (alert_id);
CREATE INDEX alert_deliveries_finished ON alert_deliveries (finished_at) WHERE finished_at IS NOT NULL;
