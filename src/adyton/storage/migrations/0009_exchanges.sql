-- What tasks said to the world outside, and how long they took.

-- started_at, finished_at: of the task itself; updated_at is that of the write which several tasks share. Null: not known, or not yet.
ALTER TABLE task_runs ADD COLUMN started_at BIGINT;
ALTER TABLE task_runs ADD COLUMN finished_at BIGINT;

-- One HTTP exchange of a task: each attempt has a row. url is without what could be a secret in it; body is the beginning of the
-- answer, and size counts the bytes of all of it. duration is in microseconds. failure: in a word why there was no good answer;
-- error: in a sentence.
CREATE TABLE exchanges (
    id {{serial}},
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    status BIGINT,
    size BIGINT,
    media_type TEXT,
    body TEXT,
    failure TEXT,
    error TEXT
);
CREATE INDEX exchanges_by_run ON exchanges (run_id, id);
