-- The schema, and who a transaction speaks for.
--
-- sealkeep_owner owns everything and logs in for migrations only. sealkeep_api is the service: it owns nothing and
-- row-level security is forced on it. sealkeep_auth is what sealkeep_api becomes (SET LOCAL ROLE) in the few
-- transactions that run before anybody is signed in.

CREATE SCHEMA IF NOT EXISTS app;
REVOKE ALL ON SCHEMA app FROM PUBLIC;
GRANT USAGE ON SCHEMA app TO sealkeep_api, sealkeep_auth;

-- The boot check compares it with the migrations that the program carries.
GRANT SELECT ON app._sqlx_migrations TO sealkeep_api;

-- After a transaction that used SET LOCAL the setting is '', not NULL: NULLIF, or the cast fails.
CREATE FUNCTION app.current_account() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog
    AS $$ SELECT NULLIF(current_setting('app.account_id', true), '')::uuid $$;

CREATE FUNCTION app.current_device() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog
    AS $$ SELECT NULLIF(current_setting('app.device_id', true), '')::uuid $$;

-- What nobody may ever do to an append-only table, the owner included.
CREATE FUNCTION app.refuse_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog
    AS $$ BEGIN RAISE EXCEPTION '% of % is refused: append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$;
