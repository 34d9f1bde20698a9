-- Sources, and the runs that back them up.

-- Opaque: the client derives source_id from a key that the service never sees.
CREATE TABLE app.source (
    vault_id   uuid NOT NULL REFERENCES app.vault,
    source_id  uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (vault_id, source_id)
);
ALTER TABLE app.source ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.source FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.source TO sealkeep_api
    USING (vault_id = (SELECT app.current_vault()))
    WITH CHECK (vault_id = (SELECT app.current_vault()));
GRANT SELECT, INSERT ON app.source TO sealkeep_api;

-- run_id: chosen by the client, so that retries are idempotent. An expired lease cannot be renewed.
-- ordinal: orders runs that started in the same second.
-- failure: one word from the client; never text from the backed-up database.
CREATE TABLE app.run (
    vault_id         uuid NOT NULL,
    run_id        uuid NOT NULL,
    source_id        uuid NOT NULL,
    device_id        uuid NOT NULL,
    state            text NOT NULL CHECK (state IN ('running', 'committed', 'failed')),
    started_at       timestamptz NOT NULL,
    ordinal          bigint GENERATED ALWAYS AS IDENTITY,
    lease_expires_at timestamptz NOT NULL,
    ended_at         timestamptz,
    bytes_read       bigint CHECK (bytes_read >= 0),
    failure          text CHECK (failure ~ '^[a-z_]{1,40}$'),
    snapshot_id      bytea CHECK (octet_length(snapshot_id) = 32),
    PRIMARY KEY (vault_id, run_id),
    FOREIGN KEY (vault_id, source_id) REFERENCES app.source,
    FOREIGN KEY (vault_id, device_id) REFERENCES app.vault_device,
    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK ((state = 'committed') = (snapshot_id IS NOT NULL))
);
CREATE INDEX ON app.run (vault_id, started_at DESC, ordinal DESC);
CREATE INDEX ON app.run (vault_id, lease_expires_at) WHERE state = 'running';
ALTER TABLE app.run ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.run FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.run TO sealkeep_api
    USING (vault_id = (SELECT app.current_vault()))
    WITH CHECK (vault_id = (SELECT app.current_vault()));
-- Old runs that left nothing are deleted; committed ones stay.
CREATE TRIGGER committed_stays BEFORE DELETE ON app.run
    FOR EACH ROW WHEN (OLD.state = 'committed') EXECUTE FUNCTION app.refuse_change();
GRANT SELECT, INSERT, UPDATE (state, lease_expires_at, ended_at, bytes_read, failure, snapshot_id), DELETE
    ON app.run TO sealkeep_api;
