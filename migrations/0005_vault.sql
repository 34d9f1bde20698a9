-- Vaults, the unit of tenancy, encryption and region; their members and devices.

CREATE TABLE app.vault (
    vault_id     uuid PRIMARY KEY,
    region       text NOT NULL CHECK (region IN ('us', 'ca', 'eu')),
    created_at   timestamptz NOT NULL,
    ready_at     timestamptz,
    signing_root bytea CHECK (octet_length(signing_root) = 32),
    -- Bytes; null means the service's default. Set by the operator.
    quota_bytes  bigint CHECK (quota_bytes >= 0),
    CHECK ((ready_at IS NULL) = (signing_root IS NULL))
);

CREATE TABLE app.membership (
    vault_id   uuid NOT NULL REFERENCES app.vault,
    account_id uuid NOT NULL REFERENCES app.account,
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'operator', 'auditor')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (vault_id, account_id)
);
CREATE INDEX ON app.membership (account_id);
ALTER TABLE app.membership ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.membership FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.membership TO sealkeep_api, sealkeep_auth
    USING (account_id = (SELECT app.current_account()))
    WITH CHECK (account_id = (SELECT app.current_account()));
GRANT SELECT ON app.membership TO sealkeep_api;
GRANT SELECT, INSERT ON app.membership TO sealkeep_auth;

-- The vault named by the transaction, if its account is a member; otherwise no rows. The policies below therefore do
-- not rely on checks in the service.
CREATE FUNCTION app.current_vault() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog
    AS $$ SELECT m.vault_id FROM app.membership m
          WHERE m.vault_id = NULLIF(current_setting('app.vault_id', true), '')::uuid
            AND m.account_id = app.current_account() $$;

ALTER TABLE app.vault ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.vault FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.vault TO sealkeep_api
    USING (vault_id = (SELECT app.current_vault()))
    WITH CHECK (vault_id = (SELECT app.current_vault()));
-- A session lists every vault of the account; a sign-up creates the first one.
CREATE POLICY of_account ON app.vault FOR SELECT TO sealkeep_auth
    USING (vault_id IN (SELECT m.vault_id FROM app.membership m WHERE m.account_id = (SELECT app.current_account())));
CREATE POLICY sign_up ON app.vault FOR INSERT TO sealkeep_auth
    WITH CHECK (ready_at IS NULL AND (SELECT app.current_account()) IS NOT NULL);
GRANT SELECT, UPDATE (ready_at, signing_root) ON app.vault TO sealkeep_api;
GRANT SELECT, INSERT ON app.vault TO sealkeep_auth;

-- A member's device in the vault. Its keys are stored here again: the directory must vouch for exactly the registered
-- keys, and members see each other's devices, but not each other's accounts.
CREATE TABLE app.vault_device (
    vault_id     uuid NOT NULL REFERENCES app.vault,
    device_id    uuid NOT NULL,
    account_id   uuid NOT NULL,
    name         text NOT NULL,
    signing_key  bytea NOT NULL CHECK (octet_length(signing_key) = 32),
    sealing_key  bytea NOT NULL CHECK (octet_length(sealing_key) = 32),
    state        text NOT NULL CHECK (state IN ('pending', 'active', 'revoked')),
    role         text CHECK (role IN ('full', 'backup-only')),
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz,
    PRIMARY KEY (vault_id, device_id),
    FOREIGN KEY (account_id, device_id) REFERENCES app.device,
    CHECK (state <> 'active' OR role IS NOT NULL)
);
ALTER TABLE app.vault_device ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.vault_device FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.vault_device TO sealkeep_api
    USING (vault_id = (SELECT app.current_vault()))
    WITH CHECK (vault_id = (SELECT app.current_vault()));
-- A sign-in registers its device as pending in the account's vaults.
CREATE POLICY sign_in ON app.vault_device TO sealkeep_auth
    USING (account_id = (SELECT app.current_account()))
    WITH CHECK (account_id = (SELECT app.current_account()) AND state = 'pending');
GRANT SELECT, UPDATE (state, role, last_seen_at) ON app.vault_device TO sealkeep_api;
GRANT SELECT, INSERT ON app.vault_device TO sealkeep_auth;
