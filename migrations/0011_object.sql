-- Objects in the bucket: granted when an upload URL is issued, stored once the store confirmed size and checksum.

-- Numbers are never reused: snapshots refer to packs by them. Lock the row to issue numbers or positions.
CREATE TABLE app.vault_counter (
    vault_id      uuid PRIMARY KEY REFERENCES app.vault,
    last_object   bigint NOT NULL CHECK (last_object BETWEEN 0 AND 4294967295),
    last_snapshot bigint NOT NULL CHECK (last_snapshot >= 0),
    -- Bytes that count towards the quota: granted, and confirmed by the store. Grants are counted too.
    granted_bytes   bigint NOT NULL DEFAULT 0 CHECK (granted_bytes >= 0),
    granted_objects bigint NOT NULL DEFAULT 0 CHECK (granted_objects >= 0),
    stored_bytes    bigint NOT NULL DEFAULT 0 CHECK (stored_bytes >= 0)
);
ALTER TABLE app.vault_counter ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.vault_counter FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.vault_counter TO sealkeep_api
    USING (vault_id = (SELECT app.current_vault()))
    WITH CHECK (vault_id = (SELECT app.current_vault()));
GRANT SELECT, INSERT, UPDATE (last_object, last_snapshot, granted_bytes, granted_objects, stored_bytes)
    ON app.vault_counter TO sealkeep_api;

-- object_id: SHA-256 of the bytes; with vault and kind it is the key in the bucket.
-- run_id: the run that it counts for, which is the one that confirmed it.
CREATE TABLE app.object (
    vault_id   uuid NOT NULL REFERENCES app.vault,
    object_id  bytea NOT NULL CHECK (octet_length(object_id) = 32),
    number     bigint NOT NULL CHECK (number BETWEEN 1 AND 4294967295),
    kind       text NOT NULL CHECK (kind IN ('pack', 'index', 'snapshot', 'key')),
    size       bigint NOT NULL CHECK (size BETWEEN 1 AND 67108864),
    state      text NOT NULL CHECK (state IN ('granted', 'stored')),
    run_id  uuid NOT NULL,
    granted_at timestamptz NOT NULL,
    stored_at  timestamptz,
    PRIMARY KEY (vault_id, object_id),
    UNIQUE (vault_id, number),
    FOREIGN KEY (vault_id, run_id) REFERENCES app.run,
    CHECK ((state = 'stored') = (stored_at IS NOT NULL))
);
CREATE INDEX ON app.object (vault_id, kind, number) WHERE state = 'stored';
CREATE INDEX ON app.object (vault_id, run_id);
ALTER TABLE app.object ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.object FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.object TO sealkeep_api
    USING (vault_id = (SELECT app.current_vault()))
    WITH CHECK (vault_id = (SELECT app.current_vault()));
-- Expired grants are deleted; stored objects stay.
CREATE TRIGGER stored_stays BEFORE DELETE ON app.object
    FOR EACH ROW WHEN (OLD.state <> 'granted') EXECUTE FUNCTION app.refuse_change();
GRANT SELECT, INSERT, UPDATE (state, run_id, granted_at, stored_at), DELETE ON app.object TO sealkeep_api;
CREATE INDEX ON app.object (vault_id, granted_at) WHERE state = 'granted';
