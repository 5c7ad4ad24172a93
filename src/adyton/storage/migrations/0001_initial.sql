-- The first schema. {{serial}} becomes each database's self-numbering primary key.
-- Times are microseconds since the epoch; amounts are decimal digits; hashes and addresses are 0x hex, lower case.

-- What is true of this database as a whole: the chain it belongs to, for one.
CREATE TABLE node_facts (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    start_at BIGINT,
    end_at BIGINT,
    archived_at BIGINT
);
CREATE INDEX jobs_by_age ON jobs (created_at, id);

CREATE TABLE initiators (
    id {{serial}},
    job_id TEXT NOT NULL REFERENCES jobs (id),
    position BIGINT NOT NULL,
    type TEXT NOT NULL,
    address TEXT NOT NULL,
    requesters TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX initiators_by_job ON initiators (job_id, position);

CREATE TABLE task_specs (
    id {{serial}},
    job_id TEXT NOT NULL REFERENCES jobs (id),
    position BIGINT NOT NULL,
    type TEXT NOT NULL,
    confirmations BIGINT,
    params TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX task_specs_by_job ON task_specs (job_id, position);

-- version fences every update: a writer that lost the race puts NULL there, and its whole operation fails.
CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES jobs (id),
    initiator_id BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('', 'in_progress', 'pending_confirmations', 'pending_connection',
        'pending_bridge', 'pending_sleep', 'errored', 'completed', 'cancelled')),
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    finished_at BIGINT,
    input TEXT NOT NULL,
    input_error TEXT,
    payment TEXT,
    error TEXT,
    minimum_confirmations TEXT,
    creation_height BIGINT,
    observed_height BIGINT,
    wake_height BIGINT,
    contract TEXT,
    request_id TEXT,
    request_tx TEXT,
    request_block TEXT,
    request_log BIGINT,
    requester TEXT,
    CHECK ((finished_at IS NOT NULL) = (status IN ('errored', 'completed', 'cancelled')))
);
CREATE INDEX runs_by_job ON runs (job_id, id);
-- Recovery and waking read only what is unfinished, however long the history is.
CREATE INDEX runs_unfinished ON runs (status, wake_height, id)
    WHERE status NOT IN ('errored', 'completed', 'cancelled');
-- The same request of the same contract never starts a second run.
CREATE UNIQUE INDEX runs_one_per_request ON runs (contract, request_id) WHERE request_id IS NOT NULL;

-- A task run has a row once it has an outcome.
CREATE TABLE task_runs (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    status TEXT NOT NULL,
    data TEXT NOT NULL,
    error TEXT,
    confirmations BIGINT,
    wake_at BIGINT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (run_id, position)
);

-- Every log that matched a job, and what was decided about it.
CREATE TABLE log_decisions (
    block_hash TEXT NOT NULL,
    log_index BIGINT NOT NULL,
    job_id TEXT NOT NULL,
    block_number BIGINT NOT NULL,
    transaction_hash TEXT NOT NULL,
    contract TEXT NOT NULL,
    request_id TEXT,
    decision TEXT NOT NULL CHECK (decision IN ('run started', 'already seen', 'refused')),
    reason TEXT,
    run_id TEXT,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (block_hash, log_index, job_id)
);
CREATE INDEX log_decisions_by_block ON log_decisions (block_number);

-- The canonical chain as far back as it may still change, and the block through which logs have been taken in.
CREATE TABLE heads (
    number BIGINT PRIMARY KEY,
    hash TEXT NOT NULL,
    parent_hash TEXT NOT NULL,
    timestamp BIGINT NOT NULL
);

CREATE TABLE log_cursor (
    name TEXT NOT NULL PRIMARY KEY,
    block_number BIGINT NOT NULL,
    block_hash TEXT
);

-- The keys that have sent or may send, and the nonce that each uses next. It moves in the commit that records a send.
CREATE TABLE keys (
    address TEXT NOT NULL PRIMARY KEY,
    next_nonce BIGINT NOT NULL CHECK (next_nonce >= 0),
    created_at BIGINT NOT NULL
);

-- What tasks asked to send. waiting says in words what an operator should know; waiting_since is the head from which blocks
-- are counted until the next bump; broadcast_at is the time before the newest send; safe_height is the head at which the
-- block of the receipt is deep enough.
CREATE TABLE transactions (
    id {{serial}},
    run_id TEXT,
    task_position BIGINT,
    from_address TEXT NOT NULL REFERENCES keys (address),
    to_address TEXT NOT NULL,
    data TEXT NOT NULL,
    value TEXT NOT NULL,
    gas_limit BIGINT NOT NULL,
    gas_price TEXT,
    min_confirmations BIGINT NOT NULL,
    state TEXT NOT NULL,
    nonce BIGINT,
    created_at BIGINT NOT NULL,
    broadcast_at BIGINT,
    error TEXT,
    waiting TEXT,
    waiting_since BIGINT,
    safe_height BIGINT,
    receipt_block BIGINT,
    receipt_block_hash TEXT,
    receipt TEXT,
    revert_reason TEXT,
    CHECK ((run_id IS NULL) = (task_position IS NULL)),
    CHECK ((receipt IS NULL) = (receipt_block IS NULL) AND (receipt IS NULL) = (receipt_block_hash IS NULL)
        AND (receipt IS NULL) = (safe_height IS NULL)),
    CHECK (
        (state = 'unstarted' AND nonce IS NULL AND broadcast_at IS NULL AND receipt IS NULL AND error IS NULL)
        OR (state = 'in_progress' AND nonce IS NOT NULL AND broadcast_at IS NULL AND receipt IS NULL AND error IS NULL)
        OR (state = 'unconfirmed' AND nonce IS NOT NULL AND broadcast_at IS NOT NULL AND receipt IS NULL AND error IS NULL)
        OR (state IN ('confirmed', 'safe') AND nonce IS NOT NULL AND broadcast_at IS NOT NULL AND receipt IS NOT NULL
            AND error IS NULL)
        OR (state = 'fatal_error' AND nonce IS NULL AND error IS NOT NULL)
    )
);
-- One transaction for each task run: a task that is executed again after a crash finds the one it asked for.
CREATE UNIQUE INDEX transactions_one_per_task ON transactions (run_id, task_position) WHERE run_id IS NOT NULL;
CREATE UNIQUE INDEX transactions_one_per_nonce ON transactions (from_address, nonce) WHERE nonce IS NOT NULL;
CREATE UNIQUE INDEX transactions_one_in_progress ON transactions (from_address) WHERE state = 'in_progress';
-- Each question of the broadcaster and the confirmer has an index of the open rows it is about, so that what is finished,
-- and what a head does not concern, costs nothing.
CREATE INDEX transactions_unstarted ON transactions (from_address, id) WHERE state = 'unstarted';
CREATE INDEX transactions_unconfirmed ON transactions (from_address, nonce) WHERE state = 'unconfirmed';
CREATE INDEX transactions_waiting ON transactions (from_address, waiting_since) WHERE state = 'unconfirmed';
CREATE INDEX transactions_sent ON transactions (from_address, broadcast_at) WHERE state = 'unconfirmed';
CREATE INDEX transactions_confirmed ON transactions (safe_height) WHERE state = 'confirmed';

-- Signed bytes. They are stored before they are sent and never change. broadcast_before is the first head seen after a node
-- took them. At most one attempt of a transaction is stored without an answer.
CREATE TABLE tx_attempts (
    id {{serial}},
    transaction_id BIGINT NOT NULL REFERENCES transactions (id) ON DELETE CASCADE,
    hash TEXT NOT NULL UNIQUE,
    gas_price TEXT,
    tip_cap TEXT,
    fee_cap TEXT,
    raw TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('in_progress', 'broadcast')),
    created_at BIGINT NOT NULL,
    broadcast_before BIGINT CHECK (broadcast_before IS NULL OR state = 'broadcast'),
    CHECK ((gas_price IS NULL) = (tip_cap IS NOT NULL AND fee_cap IS NOT NULL) AND (tip_cap IS NULL) = (fee_cap IS NULL))
);
CREATE INDEX tx_attempts_by_transaction ON tx_attempts (transaction_id, id);
CREATE UNIQUE INDEX tx_attempts_one_in_progress ON tx_attempts (transaction_id) WHERE state = 'in_progress';
CREATE INDEX tx_attempts_unseen ON tx_attempts (transaction_id) WHERE state = 'broadcast' AND broadcast_before IS NULL;

CREATE TABLE users (
    email TEXT NOT NULL PRIMARY KEY,
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Only the hash of a session's token is kept.
CREATE TABLE sessions (
    token_hash TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL REFERENCES users (email) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    last_used BIGINT NOT NULL
);
CREATE INDEX sessions_by_use ON sessions (last_used);
