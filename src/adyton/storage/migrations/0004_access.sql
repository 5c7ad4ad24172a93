-- Several users with roles, API tokens, and what operators did.

ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'admin' CHECK (role IN ('admin', 'edit', 'run', 'view'));

-- Where a session was opened from, for the list that its user sees.
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_by_user ON sessions (email);

-- The secret is 256 random bits, so that its SHA-256 is enough. A token may do what its role says, and never more than its user.
CREATE TABLE api_tokens (
    access_key TEXT NOT NULL PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    email TEXT NOT NULL REFERENCES users (email) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('admin', 'edit', 'run', 'view')),
    name TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    last_used BIGINT,
    expires_at BIGINT
);
CREATE INDEX api_tokens_by_user ON api_tokens (email);

-- What was done, by whom, from where, to what. detail is JSON without secrets. An entry is begun with or before what it tells of,
-- and ended within a second after it: one that stays begun was cut off by a crash, and the other rows say how far it came.
CREATE TABLE audit_log (
    id {{serial}},
    at BIGINT NOT NULL,
    caller_kind TEXT NOT NULL,
    caller TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('begun', 'done', 'refused', 'failed')),
    detail TEXT NOT NULL
);
CREATE INDEX audit_log_by_time ON audit_log (at);
CREATE INDEX audit_log_by_caller ON audit_log (caller, id);
CREATE INDEX audit_log_by_subject ON audit_log (subject, id);
