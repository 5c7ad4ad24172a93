-- Lists whose every page costs the same.

-- Where rows of a list were deleted, moved or changed without a number of their own that tells of it: the first and the last key, and
-- how many are gone. Counts of lists that are kept in memory are told apart by these from what is true. Old ones are deleted.
CREATE TABLE list_changes (
    id {{serial}},
    list TEXT NOT NULL,
    first_key TEXT NOT NULL,
    last_key TEXT NOT NULL,
    gone BIGINT NOT NULL
);
CREATE INDEX list_changes_by_list ON list_changes (list, id);

-- Lists show no runs of archived jobs.
CREATE INDEX jobs_archived ON jobs (id) WHERE archived_at IS NOT NULL;
-- The runs that a transaction on the chain asked for.
CREATE INDEX runs_by_request_tx ON runs (request_tx) WHERE request_tx IS NOT NULL;
-- The few among the many that are safe.
CREATE INDEX transactions_failed ON transactions (id) WHERE state = 'fatal_error';
