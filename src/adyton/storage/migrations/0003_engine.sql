-- Every initiator and adapter of v0.6.2: schedules, bridges, external initiators, service agreements, waits that end.

-- schedule: a cron line; run_at: when a runat initiator starts its run, ran: whether it has; fired_at: the newest time of the
-- schedule that has been decided about. missed, overlap: what becomes of fires that came while the node was down, or while
-- the run before is not finished. topics: what an ethlog initiator wants of a log. name, body: which external initiator may
-- start the job, and what it is told. agreement: the service agreement whose requests start it.
ALTER TABLE initiators ADD COLUMN schedule TEXT;
ALTER TABLE initiators ADD COLUMN run_at BIGINT;
ALTER TABLE initiators ADD COLUMN ran BIGINT NOT NULL DEFAULT 0;
ALTER TABLE initiators ADD COLUMN fired_at BIGINT;
ALTER TABLE initiators ADD COLUMN missed TEXT;
ALTER TABLE initiators ADD COLUMN overlap TEXT;
ALTER TABLE initiators ADD COLUMN topics TEXT;
ALTER TABLE initiators ADD COLUMN name TEXT;
ALTER TABLE initiators ADD COLUMN body TEXT;
ALTER TABLE initiators ADD COLUMN agreement TEXT;
CREATE INDEX initiators_by_name ON initiators (name) WHERE name IS NOT NULL;

-- The juels that a request of this job must pay instead of the node's minimum.
ALTER TABLE jobs ADD COLUMN min_payment TEXT;

-- due_at: when a sleeping run goes on, and when any other waiting run is given up.
ALTER TABLE runs ADD COLUMN due_at BIGINT;
CREATE INDEX runs_due ON runs (due_at, id) WHERE due_at IS NOT NULL;
-- Whether the run before is still under way; asked of schedules only, whose runs have no height.
CREATE INDEX runs_unfinished_by_initiator ON runs (initiator_id)
    WHERE creation_height IS NULL AND status NOT IN ('errored', 'completed', 'cancelled');
-- History is deleted oldest first.
CREATE INDEX runs_finished ON runs (updated_at, id) WHERE status IN ('errored', 'completed', 'cancelled');

-- External adapters. The token that they send us is kept only as a hash; the one that we send them must be known.
CREATE TABLE bridges (
    name TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    confirmations BIGINT NOT NULL DEFAULT 0,
    minimum_payment TEXT,
    incoming_token_hash TEXT NOT NULL,
    salt TEXT NOT NULL,
    outgoing_token TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX task_specs_by_type ON task_specs (type);

-- Programs that start runs. One without a name is as v0.6.2 knew them: it starts jobs with a web initiator.
CREATE TABLE external_initiators (
    access_key TEXT NOT NULL PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    salt TEXT NOT NULL,
    name TEXT,
    url TEXT,
    outgoing_token TEXT,
    outgoing_secret TEXT,
    created_at BIGINT NOT NULL,
    CHECK (url IS NULL OR (name IS NOT NULL AND outgoing_token IS NOT NULL AND outgoing_secret IS NOT NULL))
);
CREATE UNIQUE INDEX external_initiators_by_name ON external_initiators (name) WHERE name IS NOT NULL;

-- What an external initiator is still to be told of a job. A row goes when it was told, or when it is itself gone.
CREATE TABLE notifications (
    id {{serial}},
    initiator TEXT NOT NULL,
    job_id TEXT NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('created', 'deleted')),
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT NOT NULL,
    error TEXT
);
CREATE INDEX notifications_due ON notifications (next_at, id);

-- Service agreements, in the terms that were signed. expiration is in seconds, end_at in microseconds.
CREATE TABLE service_agreements (
    id TEXT NOT NULL PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES jobs (id),
    created_at BIGINT NOT NULL,
    payment TEXT NOT NULL,
    expiration BIGINT NOT NULL,
    end_at BIGINT,
    oracles TEXT NOT NULL,
    aggregator TEXT,
    initiate_selector TEXT,
    fulfill_selector TEXT,
    request_body TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    signature TEXT NOT NULL
);
