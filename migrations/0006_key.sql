-- Wrapped keys and the device directory: opaque to the service, signed by the vault.

-- Versions are added, never replaced: no request can destroy a key that opens a vault.
CREATE TABLE app.wrapped_key (
    vault_id   uuid NOT NULL REFERENCES app.vault,
    kind       text NOT NULL CHECK (kind IN ('password', 'recovery', 'keyring')),
    version    integer NOT NULL CHECK (version >= 1),
    bytes      bytea NOT NULL CHECK (octet_length(bytes) BETWEEN 1 AND 65536),
    stored_at  timestamptz NOT NULL,
    PRIMARY KEY (vault_id, kind, version)
);
ALTER TABLE app.wrapped_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.wrapped_key FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.wrapped_key TO sealkeep_api
    USING (vault_id = (SELECT app.current_vault()))
    WITH CHECK (vault_id = (SELECT app.current_vault()));
GRANT SELECT, INSERT ON app.wrapped_key TO sealkeep_api;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON app.wrapped_key
    FOR EACH ROW EXECUTE FUNCTION app.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON app.wrapped_key
    FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();

-- Append-only, enforced by grants and trigger.
CREATE TABLE app.directory_entry (
    vault_id  uuid NOT NULL REFERENCES app.vault,
    number    bigint NOT NULL CHECK (number >= 0),
    entry     bytea NOT NULL CHECK (octet_length(entry) BETWEEN 1 AND 4096),
    signature bytea NOT NULL CHECK (octet_length(signature) = 64),
    PRIMARY KEY (vault_id, number)
);
ALTER TABLE app.directory_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.directory_entry FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.directory_entry TO sealkeep_api
    USING (vault_id = (SELECT app.current_vault()))
    WITH CHECK (vault_id = (SELECT app.current_vault()));
GRANT SELECT, INSERT ON app.directory_entry TO sealkeep_api;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON app.directory_entry
    FOR EACH ROW EXECUTE FUNCTION app.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON app.directory_entry
    FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
