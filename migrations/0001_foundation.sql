-- The schema, and the scope of a transaction.
--
-- sealkeep_owner owns everything and logs in for migrations only. sealkeep_api is the service's login: it owns nothing,
-- and row-level security is forced on it. sealkeep_api becomes sealkeep_auth (SET LOCAL ROLE) for the few transactions
-- before sign-in.

CREATE SCHEMA IF NOT EXISTS app;
REVOKE ALL ON SCHEMA app FROM PUBLIC;
GRANT USAGE ON SCHEMA app TO sealkeep_api, sealkeep_auth;

-- The boot check compares it with the migrations compiled into the program.
GRANT SELECT ON app._sqlx_migrations TO sealkeep_api;

-- After a transaction that used SET LOCAL the setting is '', not NULL; without NULLIF the cast would fail.
CREATE FUNCTION app.current_account() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog
    AS $$ SELECT NULLIF(current_setting('app.account_id', true), '')::uuid $$;

CREATE FUNCTION app.current_device() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog
    AS $$ SELECT NULLIF(current_setting('app.device_id', true), '')::uuid $$;

-- Rejects changes to append-only tables, even by the owner.
CREATE FUNCTION app.refuse_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog
    AS $$ BEGIN RAISE EXCEPTION '% of % is refused: append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$;
