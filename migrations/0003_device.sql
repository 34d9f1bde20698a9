-- Installed apps and commands with their own keys, and the nonces they have used.

CREATE TABLE app.device (
    account_id  uuid NOT NULL REFERENCES app.account,
    device_id   uuid NOT NULL,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    signing_key bytea NOT NULL CHECK (octet_length(signing_key) = 32),
    sealing_key bytea NOT NULL CHECK (octet_length(sealing_key) = 32),
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    PRIMARY KEY (account_id, device_id)
);
ALTER TABLE app.device ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.device FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.device TO sealkeep_api, sealkeep_auth
    USING (account_id = (SELECT app.current_account()))
    WITH CHECK (account_id = (SELECT app.current_account()));
-- Keys never change: a device with new keys is a new device.
GRANT SELECT, UPDATE (revoked_at) ON app.device TO sealkeep_api;
GRANT SELECT, INSERT ON app.device TO sealkeep_auth;

-- A request signature is valid once, across all replicas. The key is the signing key's hash, so that nobody can use up
-- the nonces of another key. UNLOGGED: a crash loses them, but requests older than 60 s are refused anyway.
CREATE UNLOGGED TABLE app.nonce (
    key_hash   bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    nonce      bytea NOT NULL CHECK (octet_length(nonce) = 16),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (key_hash, nonce)
);
CREATE INDEX ON app.nonce (expires_at);
ALTER TABLE app.nonce ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.nonce FORCE ROW LEVEL SECURITY;
-- Not tenant data: written before the caller's tenant is checked.
CREATE POLICY shared ON app.nonce TO sealkeep_api USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON app.nonce TO sealkeep_api;
