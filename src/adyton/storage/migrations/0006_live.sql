-- What changed, for those who watch, and what an explorer is still to be told.

-- Every change of a run in the order of its time: who watches reads on behind what it has seen.
CREATE INDEX runs_by_change ON runs (updated_at, id);

-- A row goes when the explorer has acknowledged it. body is the run as it was at that moment.
CREATE TABLE sync_events (
    id {{serial}},
    run_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    refusals BIGINT NOT NULL DEFAULT 0,
    parked_at BIGINT,
    error TEXT
);
