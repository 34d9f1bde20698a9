-- Run once per cluster by an administrator (psql -f roles.sql), before the first `metadata-api migrate`.
-- Embedded mode does this automatically. Passwords are set separately.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sealkeep_owner') THEN
        CREATE ROLE sealkeep_owner LOGIN NOINHERIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sealkeep_api') THEN
        CREATE ROLE sealkeep_api LOGIN NOINHERIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sealkeep_auth') THEN
        CREATE ROLE sealkeep_auth NOLOGIN;
    END IF;
END $$;
ALTER ROLE sealkeep_owner NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
ALTER ROLE sealkeep_api NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
ALTER ROLE sealkeep_auth NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
-- NOINHERIT: the rights of sealkeep_auth apply only after SET LOCAL ROLE.
GRANT sealkeep_auth TO sealkeep_api;
-- sealkeep_owner needs CREATE on the database: make it the owner, or run
--   GRANT CREATE ON DATABASE sealkeep TO sealkeep_owner;
