-- Whoever proves password and second factor again can replace password, second factor and recovery codes.

GRANT UPDATE (opaque_record, updated_at) ON app.credential TO sealkeep_auth;
-- Still no DELETE: a second factor is replaced, never removed.
GRANT UPDATE (secret, recovery_salt) ON app.totp TO sealkeep_auth;

-- The next second factor, sealed like the current one, until its first code proves it.
ALTER TABLE app.pending_sign_in ADD COLUMN new_totp bytea;

-- A new password adds a version of its wrap of the vault's master key in the same transaction. sealkeep_auth cannot
-- read wraps.
CREATE POLICY password_seen ON app.wrapped_key FOR SELECT TO sealkeep_auth
    USING (vault_id = (SELECT app.current_vault()) AND kind = 'password');
CREATE POLICY password_change ON app.wrapped_key FOR INSERT TO sealkeep_auth
    WITH CHECK (vault_id = (SELECT app.current_vault()) AND kind = 'password');
GRANT SELECT (vault_id, kind, version), INSERT ON app.wrapped_key TO sealkeep_auth;
