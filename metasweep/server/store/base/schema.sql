-- The state of the server. Times are ISO 8601 UTC with seconds, as W&B gives them; JSON is text that
-- SQLite's JSON functions accept. Opened by database.py; every change here is a migration there.
-- AUTOINCREMENT: clients keep ids and signed URLs, so that the id of a deleted row is never another's.

CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    entity TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    created_at TEXT NOT NULL,
    UNIQUE (entity, name)
);

-- Sessions of people who signed in.
CREATE TABLE sessions (
    token TEXT PRIMARY KEY,                  -- hash of the cookie's value
    key TEXT NOT NULL,                       -- hash of the key that was signed in with
    until INTEGER NOT NULL                   -- seconds since 1970
) WITHOUT ROWID;

CREATE TABLE sweeps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    display_name TEXT,
    description TEXT,
    method TEXT NOT NULL,
    state TEXT NOT NULL,                     -- PENDING RUNNING PAUSED FINISHED CANCELED
    exhausted INTEGER NOT NULL DEFAULT 0,    -- FINISHED because no point was left, not by a person
    controller TEXT,
    scheduler TEXT,
    points INTEGER,                          -- size of the grid; null: unlimited
    next_point INTEGER NOT NULL DEFAULT 0,   -- the first point never claimed
    claimed INTEGER NOT NULL DEFAULT 0,      -- points that hold a run now: what run_cap limits
    seed INTEGER NOT NULL,                   -- of the random points
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    heartbeat_at TEXT,
    controller_run TEXT,                     -- name of the run that keeps the log of a local scheduler
    config_key TEXT NOT NULL DEFAULT '',     -- of its configuration in configs
    UNIQUE (project_id, name)
);

-- Configurations of sweeps. One with another content has another key.
CREATE TABLE configs (
    key TEXT PRIMARY KEY,
    sweep_id INTEGER NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE,
    text TEXT NOT NULL,                      -- the YAML that the client sent
    document TEXT                            -- what it says, JSON; null: stored by an older version
);
CREATE INDEX configs_of_sweep ON configs (sweep_id);

-- Points to offer again: their run failed, crashed, was killed or was deleted.
CREATE TABLE freed_points (
    id INTEGER PRIMARY KEY,
    sweep_id INTEGER NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE,
    point INTEGER NOT NULL,
    parameters TEXT NOT NULL,                -- JSON, as claimed the first time
    UNIQUE (sweep_id, point)
);

-- Points that prior runs have covered already.
CREATE TABLE covered_points (
    sweep_id INTEGER NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE,
    point INTEGER NOT NULL,
    PRIMARY KEY (sweep_id, point)
) WITHOUT ROWID;

-- Runs that existed before a sweep, and were added to it when it was created.
CREATE TABLE prior_runs (
    sweep_id INTEGER NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE,
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (sweep_id, run_id)
) WITHOUT ROWID;

CREATE TABLE agents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sweep_id INTEGER NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    state TEXT NOT NULL,
    total_runs INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    heartbeat_at TEXT NOT NULL,
    standing_by INTEGER NOT NULL DEFAULT 0   -- idle, in case the point of an open run is released
);
CREATE INDEX agents_of_sweep ON agents (sweep_id);
CREATE INDEX agents_standing_by ON agents (sweep_id, id) WHERE standing_by;
CREATE INDEX agents_alive ON agents (heartbeat_at) WHERE state = 'RUNNING';

CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,                      -- the run id of the client
    display_name TEXT NOT NULL,
    state TEXT NOT NULL,                     -- pending running finished failed crashed killed preempting preempted
    config TEXT NOT NULL DEFAULT '{}',       -- {"lr": {"value": 0.1}, …}
    summary TEXT NOT NULL DEFAULT '{}',      -- {"val/acc": 0.98, …}
    tags TEXT NOT NULL DEFAULT '[]',
    group_name TEXT,
    job_type TEXT,
    notes TEXT,
    description TEXT,
    host TEXT,
    program TEXT,
    repo TEXT,
    commit_hash TEXT,
    username TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    heartbeat_at TEXT NOT NULL,
    sweep TEXT,                              -- name of its sweep
    sweep_id INTEGER REFERENCES sweeps (id) ON DELETE SET NULL,
    agent_id INTEGER REFERENCES agents (id) ON DELETE SET NULL,
    point INTEGER,                           -- which point of the sweep; null: none held
    attempt INTEGER NOT NULL DEFAULT 1,      -- number of this run at its point, from 1
    parameters TEXT,                         -- of the point, JSON
    stop_requested INTEGER NOT NULL DEFAULT 0,
    exit_code INTEGER,
    history_lines INTEGER NOT NULL DEFAULT 0,
    events_lines INTEGER NOT NULL DEFAULT 0,
    log_lines INTEGER NOT NULL DEFAULT 0,
    last_step INTEGER NOT NULL DEFAULT -1,
    history_keys TEXT NOT NULL DEFAULT '{}', -- {"val/acc": "number", …}
    acknowledged INTEGER NOT NULL DEFAULT 1, -- 0: handed out, but its agent may not have received it
    UNIQUE (project_id, name)
);
CREATE INDEX runs_by_creation ON runs (project_id, created_at, id);
CREATE INDEX runs_of_named_sweep ON runs (project_id, sweep, created_at, id);
CREATE INDEX runs_of_sweep ON runs (sweep_id, state);
CREATE INDEX runs_of_point ON runs (sweep_id, point);
CREATE INDEX runs_of_agent ON runs (agent_id, state);
CREATE INDEX runs_alive ON runs (heartbeat_at) WHERE state IN ('running', 'preempting');
CREATE INDEX runs_not_begun ON runs (heartbeat_at) WHERE state = 'pending';

-- Streams, one line a row, exactly as sent. A line sent twice is the same row.
CREATE TABLE history (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    line INTEGER NOT NULL,
    step INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run_id, line)
) WITHOUT ROWID;
CREATE INDEX history_by_step ON history (run_id, step);

CREATE TABLE events (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    line INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run_id, line)
) WITHOUT ROWID;

CREATE TABLE logs (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    line INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run_id, line)
) WITHOUT ROWID;

-- Files: the bytes lie under files/, named by the blob. A row without a blob was announced, not uploaded;
-- or it is an entry of an artifact that refers to bytes elsewhere.
CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id INTEGER REFERENCES runs (id) ON DELETE CASCADE,
    artifact_id INTEGER REFERENCES artifacts (id) ON DELETE CASCADE,
    manifest INTEGER NOT NULL DEFAULT 0,     -- a list of an artifact's files: 1 whole, 2 what is new, 3 a part
    name TEXT NOT NULL,
    blob TEXT,
    size INTEGER NOT NULL DEFAULT 0,
    md5 TEXT,                                -- base64, as the client compares it
    mimetype TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    ref TEXT                                 -- the URI of an entry whose bytes are elsewhere
);
CREATE UNIQUE INDEX files_of_run ON files (run_id, name) WHERE run_id IS NOT NULL;
CREATE UNIQUE INDEX files_of_artifact ON files (artifact_id, manifest, name) WHERE artifact_id IS NOT NULL;
CREATE INDEX files_by_blob ON files (blob) WHERE blob IS NOT NULL;
CREATE INDEX artifact_files_by_md5 ON files (md5) WHERE artifact_id IS NOT NULL;

-- Artifacts under one name: the versions that runs logged there (SEQUENCE), or links to such (PORTFOLIO).
CREATE TABLE collections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'SEQUENCE',
    tags TEXT NOT NULL DEFAULT '[]',
    next_version INTEGER NOT NULL DEFAULT 0, -- a deleted version's number is never given again
    UNIQUE (project_id, name)
);

CREATE TABLE artifacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    run_id INTEGER REFERENCES runs (id) ON DELETE SET NULL,  -- the first that logged it
    client_id TEXT,
    version_index INTEGER,                   -- given when committed
    state TEXT NOT NULL,                     -- PENDING COMMITTED DELETED
    digest TEXT NOT NULL,
    description TEXT,
    metadata TEXT,
    tags TEXT NOT NULL DEFAULT '[]',
    wanted_aliases TEXT NOT NULL DEFAULT '[]',  -- taken when it is committed
    history_step INTEGER,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    distributed_id TEXT,                     -- what the runs share that write parts of one version
    base_id INTEGER,                         -- the version that an incremental one adds to
    ttl INTEGER                              -- seconds until it is deleted; 0: never; null: as its collection, never
);
CREATE INDEX artifacts_of_collection ON artifacts (collection_id, version_index);
CREATE INDEX artifacts_of_run ON artifacts (run_id);
CREATE INDEX artifacts_by_client_id ON artifacts (client_id);

-- The versions that portfolios show.
CREATE TABLE links (
    collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    artifact_id INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    version_index INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (collection_id, artifact_id)
) WITHOUT ROWID;
CREATE INDEX links_of_artifact ON links (artifact_id);

-- Which versions a collection shows, with their numbers there.
CREATE VIEW members AS
    SELECT collection_id, id AS artifact_id, version_index, created_at FROM artifacts
        WHERE state = 'COMMITTED'
    UNION ALL SELECT collection_id, artifact_id, version_index, created_at FROM links;

CREATE TABLE aliases (
    collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    alias TEXT NOT NULL,
    artifact_id INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    PRIMARY KEY (collection_id, alias)
) WITHOUT ROWID;
CREATE INDEX aliases_of_artifact ON aliases (artifact_id);

CREATE TABLE used_artifacts (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    artifact_id INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    PRIMARY KEY (run_id, artifact_id)
) WITHOUT ROWID;

-- Every run that logged a version; another run with the same content makes no new one.
CREATE TABLE logged_artifacts (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    artifact_id INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    PRIMARY KEY (run_id, artifact_id)
) WITHOUT ROWID;
