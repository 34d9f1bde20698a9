-- Who did what in a vault. Append-only; each row's hash covers the previous one, so changes show. Only the newest
-- 10,000 rows per vault are kept (api_types::vault::AUDIT_KEPT), so that nobody's reads fill the table; not even the
-- service can delete one of those.

-- event: the exact CBOR that was hashed. hash: SHA-256(hash of position - 1 (32 zero bytes for 1) ‖ event).
CREATE TABLE app.audit_event (
    vault_id uuid NOT NULL REFERENCES app.vault,
    position bigint NOT NULL CHECK (position >= 1),
    event    bytea NOT NULL CHECK (octet_length(event) BETWEEN 1 AND 8192),
    hash     bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (vault_id, position)
);
ALTER TABLE app.audit_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.audit_event FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.audit_event TO sealkeep_api, sealkeep_auth
    USING (vault_id = (SELECT app.current_vault()))
    WITH CHECK (vault_id = (SELECT app.current_vault()));
GRANT SELECT, INSERT, DELETE ON app.audit_event TO sealkeep_api, sealkeep_auth;
CREATE FUNCTION app.refuse_change_of_newest() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog
    AS $$ BEGIN
        IF OLD.position <= (SELECT max(position) FROM app.audit_event WHERE vault_id = OLD.vault_id) - 10000 THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION '% of % is refused: append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END $$;
CREATE TRIGGER append_only BEFORE UPDATE ON app.audit_event
    FOR EACH ROW EXECUTE FUNCTION app.refuse_change();
CREATE TRIGGER newest_stay BEFORE DELETE ON app.audit_event
    FOR EACH ROW EXECUTE FUNCTION app.refuse_change_of_newest();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON app.audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
