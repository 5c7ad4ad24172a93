-- Requests and their fates, re-reads of old blocks, what an operator wishes of a transaction, alarms.

-- Every request that a contract of ours was asked, where it is on the chain, and how it ended there. decision and reason are
-- those of its newest log; run_id is its newest run. closed_* is what the chain says: answered or cancelled, in which
-- transaction and block; it is written with the receipt or the log that says so, and taken back with it.
CREATE TABLE requests (
    contract TEXT NOT NULL,
    request_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    block_number BIGINT NOT NULL,
    block_hash TEXT NOT NULL,
    transaction_hash TEXT NOT NULL,
    log_index BIGINT NOT NULL,
    requester TEXT NOT NULL,
    payment TEXT NOT NULL,
    expiration BIGINT,
    decision TEXT NOT NULL CHECK (decision IN ('run started', 'refused')),
    reason TEXT,
    run_id TEXT,
    seen_at BIGINT NOT NULL,
    closed_as TEXT CHECK (closed_as IN ('answered', 'cancelled')),
    closed_tx TEXT,
    closed_block BIGINT,
    closed_block_hash TEXT,
    PRIMARY KEY (contract, request_id),
    CHECK ((decision = 'refused') = (reason IS NOT NULL)),
    CHECK ((closed_as IS NULL) = (closed_tx IS NULL) AND (closed_as IS NULL) = (closed_block IS NULL))
);
CREATE INDEX requests_by_block ON requests (block_number, log_index);
CREATE INDEX requests_by_transaction ON requests (transaction_hash);
CREATE INDEX requests_open ON requests (block_number, log_index) WHERE closed_as IS NULL;
-- What a reorganisation may take back.
CREATE INDEX requests_closed ON requests (closed_block) WHERE closed_as IS NOT NULL;

-- Blocks that are read once more: an operator asked for it, a job begins in the past. next_block is where it stands; it is
-- done when that passes through_block.
CREATE TABLE rereads (
    id {{serial}},
    reason TEXT NOT NULL,
    from_block BIGINT NOT NULL,
    next_block BIGINT NOT NULL,
    through_block BIGINT NOT NULL,
    every_job BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX rereads_open ON rereads (id) WHERE finished_at IS NULL;

-- What an operator must know and act on; it stays until the cure has been applied.
CREATE TABLE alarms (
    name TEXT NOT NULL PRIMARY KEY,
    since BIGINT NOT NULL,
    detail TEXT NOT NULL
);

-- Nonces of our keys that something else used: adopted, so that the account of a key's nonces has no holes.
CREATE TABLE foreign_nonces (
    from_address TEXT NOT NULL REFERENCES keys (address),
    first_nonce BIGINT NOT NULL,
    last_nonce BIGINT NOT NULL,
    noticed_at BIGINT NOT NULL,
    PRIMARY KEY (from_address, first_nonce),
    CHECK (last_nonce >= first_nonce)
);

-- The first block whose requests a log initiator takes; NULL: those of every block that is read.
ALTER TABLE initiators ADD COLUMN from_block BIGINT;

-- A request whose run ended without an answer may be run again: the new run takes its place. left_chain: the head at which a
-- waiting run was cancelled because its request had left the chain; it goes on if the request comes back.
ALTER TABLE runs ADD COLUMN superseded_by TEXT;
ALTER TABLE runs ADD COLUMN left_chain BIGINT;
DROP INDEX runs_one_per_request;
CREATE UNIQUE INDEX runs_one_per_request ON runs (contract, request_id)
    WHERE request_id IS NOT NULL AND superseded_by IS NULL;
CREATE INDEX runs_superseded ON runs (contract, request_id) WHERE superseded_by IS NOT NULL;

-- purpose: what a transaction that no task asked for is: 'withdrawal' or 'transfer'. idempotency_key: the caller's, so that
-- asking twice sends once. wish: what an operator asked the node to do with it, at wish_price wei a gas; cleared when done.
ALTER TABLE transactions ADD COLUMN receipt_status BIGINT;
ALTER TABLE transactions ADD COLUMN purpose TEXT CHECK (purpose IN ('withdrawal', 'transfer'));
ALTER TABLE transactions ADD COLUMN idempotency_key TEXT;
ALTER TABLE transactions ADD COLUMN wish TEXT CHECK (wish IN ('bump', 'cancel', 'resend'));
ALTER TABLE transactions ADD COLUMN wish_price TEXT;
UPDATE transactions SET receipt_status = CASE WHEN receipt LIKE '%"status":0%' THEN 0 ELSE 1 END WHERE receipt IS NOT NULL;
CREATE UNIQUE INDEX transactions_one_per_key ON transactions (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX transactions_wished ON transactions (id) WHERE wish IS NOT NULL;
-- The reaper deletes what is finished, oldest first.
CREATE INDEX transactions_finished ON transactions (created_at, id) WHERE state IN ('safe', 'fatal_error');

-- A no-op takes a nonce instead of the transaction: nothing to nobody, when an operator cancels what is stuck.
ALTER TABLE tx_attempts ADD COLUMN noop BIGINT NOT NULL DEFAULT 0;

-- The requests of the runs that there are. What was refused without a run is found again when its block is read again.
INSERT INTO requests (contract, request_id, job_id, block_number, block_hash, transaction_hash, log_index, requester, payment,
    decision, run_id, seen_at)
SELECT r.contract, r.request_id, r.job_id, r.creation_height, r.request_block, r.request_tx, r.request_log, r.requester,
    COALESCE(r.payment, '0'), 'run started', r.id, r.created_at
FROM runs r
WHERE r.request_id IS NOT NULL AND r.contract IS NOT NULL AND r.creation_height IS NOT NULL AND r.request_block IS NOT NULL
    AND r.request_tx IS NOT NULL AND r.request_log IS NOT NULL AND r.requester IS NOT NULL;
UPDATE requests SET
    closed_as = 'answered',
    closed_tx = (SELECT MAX(a.hash) FROM transactions t JOIN tx_attempts a ON a.transaction_id = t.id
                 WHERE t.run_id = requests.run_id AND t.state = 'safe' AND t.receipt LIKE '%' || a.hash || '%'),
    closed_block = (SELECT MAX(t.receipt_block) FROM transactions t WHERE t.run_id = requests.run_id AND t.state = 'safe'),
    closed_block_hash = (SELECT MAX(t.receipt_block_hash) FROM transactions t
                         WHERE t.run_id = requests.run_id AND t.state = 'safe')
WHERE EXISTS (SELECT 1 FROM transactions t JOIN tx_attempts a ON a.transaction_id = t.id
              WHERE t.run_id = requests.run_id AND t.state = 'safe' AND t.receipt_status = 1
                AND t.receipt LIKE '%' || a.hash || '%');
