-- Accounts, their credentials, and sign-ups in progress.

CREATE TABLE app.account (
    account_id uuid PRIMARY KEY,
    region     text NOT NULL CHECK (region IN ('us', 'ca', 'eu')),
    created_at timestamptz NOT NULL
);
ALTER TABLE app.account ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.account FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.account TO sealkeep_api, sealkeep_auth
    USING (account_id = (SELECT app.current_account()))
    WITH CHECK (account_id = (SELECT app.current_account()));
GRANT SELECT ON app.account TO sealkeep_api;
GRANT SELECT, INSERT ON app.account TO sealkeep_auth;

-- Looked up by email address before sign-in. The only table with addresses; sealkeep_api cannot read it.
CREATE TABLE app.credential (
    account_id    uuid PRIMARY KEY REFERENCES app.account,
    email         text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) <= 254),
    opaque_record bytea NOT NULL CHECK (octet_length(opaque_record) = 192),
    updated_at    timestamptz NOT NULL
);
ALTER TABLE app.credential ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.credential FORCE ROW LEVEL SECURITY;
CREATE POLICY pre_auth ON app.credential TO sealkeep_auth USING (true)
    WITH CHECK (account_id = (SELECT app.current_account()));
GRANT SELECT, INSERT ON app.credential TO sealkeep_auth;

-- secret: AES-256-GCM under a key derived from the service's master key, bound to the account.
-- last_step: each time step is accepted once.
CREATE TABLE app.totp (
    account_id       uuid PRIMARY KEY REFERENCES app.account,
    secret           bytea NOT NULL,
    last_step        bigint NOT NULL,
    recovery_salt    bytea NOT NULL CHECK (octet_length(recovery_salt) = 16)
);
ALTER TABLE app.totp ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.totp FORCE ROW LEVEL SECURITY;
CREATE POLICY pre_auth ON app.totp TO sealkeep_auth
    USING (account_id = (SELECT app.current_account()))
    WITH CHECK (account_id = (SELECT app.current_account()));
-- No DELETE: nothing turns the second factor off.
GRANT SELECT, INSERT ON app.totp TO sealkeep_auth;
GRANT UPDATE (last_step) ON app.totp TO sealkeep_auth;

-- Wrong codes. counter: authenticator or recovery code, plus a device of the directory or `unknown`, which all other
-- devices share, so that knowing only the password cannot use up the owner's attempts.
CREATE TABLE app.second_factor_failure (
    account_id   uuid NOT NULL REFERENCES app.account,
    counter      text NOT NULL CHECK (length(counter) <= 64),
    failures     integer NOT NULL,
    since        timestamptz NOT NULL,
    locks        integer NOT NULL,
    locked_until timestamptz NOT NULL,
    PRIMARY KEY (account_id, counter)
);
ALTER TABLE app.second_factor_failure ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.second_factor_failure FORCE ROW LEVEL SECURITY;
CREATE POLICY pre_auth ON app.second_factor_failure TO sealkeep_auth
    USING (account_id = (SELECT app.current_account()))
    WITH CHECK (account_id = (SELECT app.current_account()));
GRANT SELECT, INSERT, UPDATE, DELETE ON app.second_factor_failure TO sealkeep_auth;

-- hash: Argon2id with the account's salt and the service's pepper.
CREATE TABLE app.recovery_code (
    account_id uuid NOT NULL REFERENCES app.account,
    hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
    used_at    timestamptz,
    PRIMARY KEY (account_id, hash)
);
ALTER TABLE app.recovery_code ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.recovery_code FORCE ROW LEVEL SECURITY;
CREATE POLICY pre_auth ON app.recovery_code TO sealkeep_auth
    USING (account_id = (SELECT app.current_account()))
    WITH CHECK (account_id = (SELECT app.current_account()));
GRANT SELECT, INSERT ON app.recovery_code TO sealkeep_auth;
GRANT UPDATE (used_at) ON app.recovery_code TO sealkeep_auth;

-- There is no account yet.
CREATE TABLE app.pending_sign_up (
    sign_up_id    uuid PRIMARY KEY,
    account_id    uuid NOT NULL,
    email         text NOT NULL,
    region        text NOT NULL CHECK (region IN ('us', 'ca', 'eu')),
    device_id     uuid NOT NULL,
    device_name   text NOT NULL,
    signing_key   bytea NOT NULL CHECK (octet_length(signing_key) = 32),
    sealing_key   bytea NOT NULL CHECK (octet_length(sealing_key) = 32),
    opaque_record bytea,
    totp_secret   bytea,
    failures      integer NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL
);
CREATE INDEX ON app.pending_sign_up (expires_at);
ALTER TABLE app.pending_sign_up ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.pending_sign_up FORCE ROW LEVEL SECURITY;
CREATE POLICY pre_auth ON app.pending_sign_up TO sealkeep_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.pending_sign_up TO sealkeep_auth;

-- Counters shared by all replicas. key: a keyed hash; never an address or a name.
CREATE UNLOGGED TABLE app.rate_counter (
    kind       text NOT NULL,
    key        bytea NOT NULL CHECK (octet_length(key) = 32),
    expires_at timestamptz NOT NULL,
    count      integer NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX ON app.rate_counter (expires_at);
ALTER TABLE app.rate_counter ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.rate_counter FORCE ROW LEVEL SECURITY;
CREATE POLICY pre_auth ON app.rate_counter TO sealkeep_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.rate_counter TO sealkeep_auth;
