-- Several users with roles, API tokens, and what operators did.

ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'admin' CHECK (role IN ('admin', 'edit', 'run', 'view'));

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

-- What was done, by whom, from where, to what. detail is JSON without secrets.
CREATE TABLE audit_log (
    id {{serial}},
    at BIGINT NOT NULL,
    caller_kind TEXT NOT NULL,
    caller TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused')),
    detail TEXT NOT NULL
);
CREATE INDEX audit_log_by_time ON audit_log (at, id);
