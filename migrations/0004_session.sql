-- Signed-in devices, their refresh tokens, and sign-ins in progress.

CREATE TABLE app.session (
    account_id    uuid NOT NULL,
    session_id    uuid NOT NULL,
    device_id     uuid NOT NULL,
    amr           text NOT NULL CHECK (amr IN ('pwd+otp', 'pwd+recovery')),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz,
    revoke_reason text,
    PRIMARY KEY (account_id, session_id),
    FOREIGN KEY (account_id, device_id) REFERENCES app.device
);
CREATE INDEX ON app.session (account_id, device_id);
ALTER TABLE app.session ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.session FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.session TO sealkeep_api, sealkeep_auth
    USING (account_id = (SELECT app.current_account()))
    WITH CHECK (account_id = (SELECT app.current_account()));
GRANT SELECT, UPDATE (revoked_at, revoke_reason) ON app.session TO sealkeep_api;
-- A new session deletes the account's expired sessions and all but its newest ones.
GRANT SELECT, INSERT, UPDATE (revoked_at, revoke_reason), DELETE ON app.session TO sealkeep_auth;

-- token_hash: SHA-256. attempt_hash: of the attempt that used the token, so that a lost response can be repeated.
CREATE TABLE app.refresh_token (
    account_id   uuid NOT NULL,
    session_id   uuid NOT NULL,
    token_hash   bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    issued_at    timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    consumed_at  timestamptz,
    attempt_hash bytea,
    PRIMARY KEY (account_id, session_id, token_hash),
    FOREIGN KEY (account_id, session_id) REFERENCES app.session ON DELETE CASCADE
);
ALTER TABLE app.refresh_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.refresh_token FORCE ROW LEVEL SECURITY;
-- Looked up by its hash, before the account is known.
CREATE POLICY pre_auth ON app.refresh_token TO sealkeep_auth USING (true)
    WITH CHECK (account_id = (SELECT app.current_account()));
GRANT SELECT, INSERT, UPDATE (consumed_at, attempt_hash), DELETE ON app.refresh_token TO sealkeep_auth;

-- known: whether the account exists; a sign-in to an unknown address looks the same and always fails.
-- opaque_state: sealed under a key derived from the service's master key; deleted on first use.
CREATE TABLE app.pending_sign_in (
    sign_in_id   uuid PRIMARY KEY,
    account_id   uuid NOT NULL,
    known        boolean NOT NULL,
    region       text NOT NULL CHECK (region IN ('us', 'ca', 'eu')),
    device_id    uuid NOT NULL,
    device_name  text NOT NULL,
    signing_key  bytea NOT NULL CHECK (octet_length(signing_key) = 32),
    sealing_key  bytea NOT NULL CHECK (octet_length(sealing_key) = 32),
    opaque_state bytea,
    password_ok  boolean NOT NULL DEFAULT false,
    -- Counters to decrement if the password is right.
    counted_kinds text[] NOT NULL,
    counted_keys  bytea[] NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX ON app.pending_sign_in (expires_at);
ALTER TABLE app.pending_sign_in ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.pending_sign_in FORCE ROW LEVEL SECURITY;
CREATE POLICY pre_auth ON app.pending_sign_in TO sealkeep_auth USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.pending_sign_in TO sealkeep_auth;

-- Wrong passwords, with one insert for known and unknown addresses alike. A job moves those of real accounts into their
-- vaults' trails and deletes the others. UNLOGGED: a crash loses them.
CREATE UNLOGGED TABLE app.failed_sign_in (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  uuid NOT NULL,
    device_id   uuid NOT NULL,
    signing_key bytea NOT NULL CHECK (octet_length(signing_key) = 32),
    failed_at   timestamptz NOT NULL
);
ALTER TABLE app.failed_sign_in ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.failed_sign_in FORCE ROW LEVEL SECURITY;
CREATE POLICY pre_auth ON app.failed_sign_in TO sealkeep_auth USING (true) WITH CHECK (true);
-- FOR UPDATE SKIP LOCKED needs UPDATE on a column.
GRANT SELECT, INSERT, DELETE, UPDATE (failed_at) ON app.failed_sign_in TO sealkeep_auth;
