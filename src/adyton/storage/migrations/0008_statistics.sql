-- What a node has done, counted for good, also of what is deleted later.

-- One row for each step of time (3600 or 86400 seconds, or 0: all time) that began at start (microseconds; 0: all time), and for
-- each job in it; the job '' is all of them. duration: microseconds that completed runs took, all together. took_N: how many of
-- them took at most the N-th bound of storage.statistics and longer than the one before. last_at: when the newest run began.
-- link_earned and gas_spent: juels and wei.
CREATE TABLE statistics (
    step BIGINT NOT NULL,
    job_id TEXT NOT NULL,
    start BIGINT NOT NULL,
    runs BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    errored BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    took_0 BIGINT NOT NULL,
    took_1 BIGINT NOT NULL,
    took_2 BIGINT NOT NULL,
    took_3 BIGINT NOT NULL,
    took_4 BIGINT NOT NULL,
    took_5 BIGINT NOT NULL,
    took_6 BIGINT NOT NULL,
    took_7 BIGINT NOT NULL,
    took_8 BIGINT NOT NULL,
    took_9 BIGINT NOT NULL,
    took_10 BIGINT NOT NULL,
    took_11 BIGINT NOT NULL,
    took_12 BIGINT NOT NULL,
    took_13 BIGINT NOT NULL,
    took_14 BIGINT NOT NULL,
    took_15 BIGINT NOT NULL,
    took_16 BIGINT NOT NULL,
    took_17 BIGINT NOT NULL,
    took_18 BIGINT NOT NULL,
    took_19 BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    link_earned TEXT NOT NULL DEFAULT '0',
    gas_spent TEXT NOT NULL DEFAULT '0',
    PRIMARY KEY (step, job_id, start)
);
-- Old hours are deleted; the days stay.
CREATE INDEX statistics_by_time ON statistics (step, start);

-- How far ended runs are counted. change: that of the last one. Runs from before there were changes (theirs is 0) are walked by
-- their ids instead: old_id is the last that is counted, old_end the last there is. forgotten grows whenever runs are taken out again.
CREATE TABLE statistics_place (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    change BIGINT NOT NULL,
    old_id TEXT NOT NULL,
    old_end TEXT NOT NULL,
    forgotten BIGINT NOT NULL
);
INSERT INTO statistics_place (one, change, old_id, old_end, forgotten)
VALUES (1, 0, '', COALESCE((SELECT MAX(id) FROM runs WHERE change = 0), ''), 0);

-- With the job and the age of each, so that a job's unfinished runs are counted from the index alone.
DROP INDEX runs_unfinished;
CREATE INDEX runs_unfinished ON runs (status, wake_height, id, job_id, created_at)
    WHERE status NOT IN ('errored', 'completed', 'cancelled');

-- The juels that are counted as earned with a request. The index holds those of which something else is true now.
ALTER TABLE requests ADD COLUMN earned TEXT;
CREATE INDEX requests_uncounted ON requests (contract, request_id)
    WHERE COALESCE(earned, '') <> CASE WHEN closed_as = 'answered' THEN payment ELSE '' END;
-- What came of the requests of a day.
CREATE INDEX requests_by_sight ON requests (seen_at, closed_as);
CREATE INDEX requests_open_by_sight ON requests (seen_at) WHERE closed_as IS NULL;

-- The wei that are counted as spent with a transaction, for which job ('': none), and the block of the receipt that said so. The
-- index holds those whose receipt is another one now.
ALTER TABLE transactions ADD COLUMN spent TEXT;
ALTER TABLE transactions ADD COLUMN spent_for TEXT;
ALTER TABLE transactions ADD COLUMN spent_in TEXT;
CREATE INDEX transactions_uncounted ON transactions (id) WHERE COALESCE(spent_in, '') <> COALESCE(receipt_block_hash, '');
