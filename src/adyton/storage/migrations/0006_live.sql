-- What changed, for those who watch, and what an explorer is still to be told.

-- Every write of a run that can be seen gives it the next number: the writes come one after the other, so the numbers are in the
-- order in which changes can be read, whatever the clock says. Who watches reads on behind the number that it has.
ALTER TABLE runs ADD COLUMN change BIGINT NOT NULL DEFAULT 0;
CREATE INDEX runs_by_change ON runs (change);
ALTER TABLE transactions ADD COLUMN change BIGINT NOT NULL DEFAULT 0;
CREATE INDEX transactions_by_change ON transactions (change);

-- A row goes when the explorer has acknowledged it. body is the run as it was at that moment; empty: as it is when it is sent.
CREATE TABLE sync_events (
    id {{serial}},
    run_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    refusals BIGINT NOT NULL DEFAULT 0,
    parked_at BIGINT,
    error TEXT
);
CREATE INDEX sync_events_waiting ON sync_events (id) WHERE parked_at IS NULL;
-- A run that is still to be described is not deleted.
CREATE INDEX sync_events_without_body ON sync_events (run_id) WHERE body = '';
