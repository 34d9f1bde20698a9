-- Committed backups: signed heads, chained per device, in commit order.

-- packs: roaring bitmap (portable format) of app.object.number.
-- Only SELECT and INSERT are granted: a committed head never changes.
CREATE TABLE app.snapshot (
    vault_id    uuid NOT NULL,
    position    bigint NOT NULL CHECK (position >= 1),
    snapshot_id bytea NOT NULL,
    run_id   uuid NOT NULL,
    source_id   uuid NOT NULL,
    device_id   uuid NOT NULL,
    sequence    bigint NOT NULL CHECK (sequence >= 0),
    previous    bytea NOT NULL CHECK (octet_length(previous) = 32),
    head_hash   bytea NOT NULL CHECK (octet_length(head_hash) = 32),
    envelope    bytea NOT NULL CHECK (octet_length(envelope) BETWEEN 1 AND 4096),
    signature   bytea NOT NULL CHECK (octet_length(signature) = 64),
    packs       bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (vault_id, position),
    UNIQUE (vault_id, snapshot_id),
    UNIQUE (vault_id, device_id, sequence),
    UNIQUE (vault_id, run_id),
    FOREIGN KEY (vault_id, snapshot_id) REFERENCES app.object,
    FOREIGN KEY (vault_id, run_id) REFERENCES app.run,
    FOREIGN KEY (vault_id, source_id) REFERENCES app.source,
    FOREIGN KEY (vault_id, device_id) REFERENCES app.vault_device
);
ALTER TABLE app.snapshot ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.snapshot FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.snapshot TO sealkeep_api
    USING (vault_id = (SELECT app.current_vault()))
    WITH CHECK (vault_id = (SELECT app.current_vault()));
GRANT SELECT, INSERT ON app.snapshot TO sealkeep_api;
