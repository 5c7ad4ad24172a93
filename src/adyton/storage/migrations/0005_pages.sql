-- Lists of runs by status, and by job and status, whose every page costs the same.

CREATE INDEX runs_by_status ON runs (status, id);
