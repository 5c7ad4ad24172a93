-- Jobs kept as files. name: what its author calls it. applied_as: the file's key, by which it is found again; of live jobs
-- one has it. spec: the request as it was accepted, so that a change can be shown.

ALTER TABLE jobs ADD COLUMN name TEXT;
ALTER TABLE jobs ADD COLUMN applied_as TEXT;
ALTER TABLE jobs ADD COLUMN spec TEXT;
CREATE UNIQUE INDEX jobs_applied ON jobs (applied_as) WHERE applied_as IS NOT NULL AND archived_at IS NULL;
