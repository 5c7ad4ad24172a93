-- Jobs kept as files. name: what its author calls it. applied_as: the file's key, by which it is found again; of live jobs
-- one has it. spec: the request as it was accepted, so that a change can be shown.
-- version: a job that is changed in place keeps its id and its initiators; its tasks are those of its version, and a run's are
-- those of the version that it was made with.

ALTER TABLE jobs ADD COLUMN name TEXT;
ALTER TABLE jobs ADD COLUMN applied_as TEXT;
ALTER TABLE jobs ADD COLUMN spec TEXT;
ALTER TABLE jobs ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
CREATE UNIQUE INDEX jobs_applied ON jobs (applied_as) WHERE applied_as IS NOT NULL AND archived_at IS NULL;

ALTER TABLE task_specs ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
DROP INDEX task_specs_by_job;
CREATE INDEX task_specs_by_job ON task_specs (job_id, version, position);

ALTER TABLE runs ADD COLUMN job_version BIGINT NOT NULL DEFAULT 1;
