//! No tenant ever sees another's rows: over HTTP, and in SQL without a WHERE.

use api_types::{ErrorCode, VaultId, vault::VaultInfo};
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection, PgPool};

use crate::support::{
    client::Person,
    fixture::{Database, Fixture},
};

/// Tables whose rows belong to no tenant, or are read before one is known, each with the reason.
const NOT_BY_TENANT: &[(&str, &str)] = &[
    ("_sqlx_migrations", "names of migrations"),
    ("nonce", "hashes of keys and random numbers, shared by all"),
];

async fn tables(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn every_table_has_forced_row_security_and_a_policy_by_tenant() {
    let database = Database::new().await;
    let admin = database.pool("sealkeep_admin").await;
    let all = tables(&admin).await;
    assert!(all.len() > 15, "{all:?}");
    for table in all.iter().filter(|t| !NOT_BY_TENANT.iter().any(|(name, _)| name == t)) {
        let (enabled, forced): (bool, bool) = sqlx::query_as(
            "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = ('app.' || $1)::regclass",
        )
        .bind(table)
        .fetch_one(&admin)
        .await
        .unwrap();
        assert!(enabled && forced, "{table}");
        let policies: Vec<(String, Vec<String>, String, String)> = sqlx::query_as(
            "SELECT policyname::text, roles::text[], COALESCE(qual, ''), COALESCE(with_check, '') FROM pg_policies WHERE schemaname = 'app' AND tablename = $1",
        )
        .bind(table)
        .fetch_all(&admin)
        .await
        .unwrap();
        assert!(!policies.is_empty(), "{table}");
        for (name, roles, using, check) in policies {
            assert!(!roles.contains(&"public".to_owned()), "{table}.{name} is for everybody");
            if roles.contains(&"sealkeep_api".to_owned()) {
                for text in [using, check] {
                    assert!(
                        text.contains("current_vault()") || text.contains("current_account()"),
                        "{table}.{name}: {text}"
                    );
                }
            }
        }
        // Unique keys reveal whether a value exists, so those of tenants' tables begin with the tenant.
        let api_writes: bool =
            sqlx::query_scalar("SELECT has_any_column_privilege('sealkeep_api', 'app.' || $1, 'INSERT')")
                .bind(table)
                .fetch_one(&admin)
                .await
                .unwrap();
        if api_writes {
            let keys: Vec<String> = sqlx::query_scalar(
                "SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                 WHERE i.indrelid = ('app.' || $1)::regclass AND i.indisunique",
            )
            .bind(table)
            .fetch_all(&admin)
            .await
            .unwrap();
            for first in keys {
                assert!(first == "vault_id" || first == "account_id", "{table}: a unique key on {first}");
            }
        }
    }
}

#[tokio::test]
async fn n50_no_view_function_or_grant_bypasses_row_security() {
    let database = Database::new().await;
    let admin = database.pool("sealkeep_admin").await;
    let count =
        async |query: &'static str| -> i64 { sqlx::query_scalar(query).fetch_one(&admin).await.unwrap() };
    let views =
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind IN ('v', 'm')
                 AND NOT COALESCE('security_invoker=true' = ANY (reloptions), false)";
    let definers = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'app'::regnamespace AND prosecdef";
    let loose_path = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'app'::regnamespace
                      AND NOT EXISTS (SELECT FROM unnest(proconfig) c WHERE c LIKE 'search_path=%')";
    let grants = "SELECT count(*) FROM information_schema.table_privileges WHERE table_schema = 'app'
                  AND grantee IN ('sealkeep_api', 'sealkeep_auth', 'PUBLIC') AND privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')";
    let foreign_owner = "SELECT count(*) FROM pg_class WHERE relnamespace = 'app'::regnamespace
                         AND pg_get_userbyid(relowner) <> 'sealkeep_owner'";
    for query in [views, definers, loose_path, grants, foreign_owner] {
        assert_eq!(count(query).await, 0, "{query}");
    }
    // The check works: it finds a violation.
    sqlx::raw_sql(
        "CREATE VIEW app.leak AS SELECT * FROM app.vault;
         CREATE FUNCTION app.leak() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::bigint';
         GRANT TRUNCATE ON app.vault TO sealkeep_api",
    )
    .execute(&admin)
    .await
    .unwrap();
    for query in [views, definers, loose_path, grants, foreign_owner] {
        assert!(count(query).await > 0, "{query}");
    }
}

/// Tables that the role may read, and the number of rows it sees in each without a WHERE.
async fn visible(connection: &mut PgConnection) -> Vec<(String, i64)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind = 'r'
         AND has_table_privilege(oid, 'SELECT') ORDER BY 1",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let mut seen = Vec::new();
    for table in tables.into_iter().filter(|t| !NOT_BY_TENANT.iter().any(|(name, _)| name == t)) {
        let query = format!("SELECT count(*) FROM app.{table}");
        let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&mut *connection).await.unwrap();
        seen.push((table, rows));
    }
    seen
}

async fn scope(connection: &mut PgConnection, person: &Person, vault: VaultId) {
    sqlx::query("SELECT set_config('app.account_id', $1, true), set_config('app.vault_id', $2, true)")
        .bind(person.account.to_string())
        .bind(vault.to_string())
        .execute(connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn n47_n48_n49_queries_without_where() {
    let fixture = Fixture::new().await;
    let (a, b) = (fixture.member().await, fixture.member().await);
    let url = fixture.database.url("sealkeep_api");
    let mut connection = PgConnection::connect(url.expose_secret()).await.unwrap();

    // 47: no scope set: no rows, although the tables are readable
    let nothing = visible(&mut connection).await;
    assert!(nothing.len() >= 10, "{nothing:?}");
    assert!(nothing.iter().all(|(_, rows)| *rows == 0), "{nothing:?}");

    // A sees exactly its own rows: half of them
    let mut tx = connection.begin().await.unwrap();
    scope(&mut tx, &a, a.vault).await;
    let own = visible(&mut tx).await;
    assert!(own.iter().any(|(t, rows)| t == "wrapped_key" && *rows == 3), "{own:?}");
    assert!(own.iter().any(|(t, rows)| t == "audit_event" && *rows == 2), "{own:?}");
    tx.commit().await.unwrap();
    for (table, rows) in &own {
        assert_eq!(fixture.rows(table).await, rows * 2, "{table}");
    }

    // 48: the last transaction's scope is gone
    let after = visible(&mut connection).await;
    assert!(after.iter().all(|(_, rows)| *rows == 0), "{after:?}");

    // A names B's vault, but is not a member and sees none of it
    let mut tx = connection.begin().await.unwrap();
    scope(&mut tx, &a, b.vault).await;
    for (table, rows) in visible(&mut tx).await {
        let own_account = ["account", "device", "membership", "session"].contains(&table.as_str());
        assert_eq!(rows, i64::from(own_account), "{table}");
    }
    tx.rollback().await.unwrap();

    // 49: inserting into B's vault, or moving a row there
    for statement in [
        "INSERT INTO app.wrapped_key (vault_id, kind, version, bytes, stored_at) VALUES ($1, 'password', 9, 'x', now())",
        "INSERT INTO app.directory_entry (vault_id, number, entry, signature) VALUES ($1, 7, 'x', decode(repeat('00', 64), 'hex'))",
        "INSERT INTO app.audit_event (vault_id, position, event, hash) VALUES ($1, 99, 'x', decode(repeat('00', 32), 'hex'))",
    ] {
        let mut tx = connection.begin().await.unwrap();
        scope(&mut tx, &a, a.vault).await;
        let refused = sqlx::query(statement).bind(b.vault.0).execute(&mut *tx).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{statement}");
    }
    let mut tx = connection.begin().await.unwrap();
    scope(&mut tx, &a, a.vault).await;
    for statement in
        ["UPDATE app.vault_device SET state = 'revoked'", "UPDATE app.session SET revoked_at = now()"]
    {
        let done = sqlx::query(statement).execute(&mut *tx).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{statement} reaches one tenant's one row");
    }
    tx.rollback().await.unwrap();

    // Tables of the sign-in are out of the role's reach entirely.
    for table in [
        "credential",
        "totp",
        "recovery_code",
        "refresh_token",
        "pending_sign_in",
        "pending_sign_up",
        "second_factor_failure",
        "failed_sign_in",
    ] {
        let query = format!("SELECT count(*) FROM app.{table}");
        let refused = sqlx::query(sqlx::AssertSqlSafe(query)).execute(&mut connection).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{table}");
    }
}

#[tokio::test]
async fn n46_another_tenants_vault_looks_nonexistent() {
    let fixture = Fixture::new().await;
    let (a, b) = (fixture.member().await, fixture.member().await);
    let _: VaultInfo = fixture.call(a.request(&fixture, "GET", "")).await.ok();
    let _: VaultInfo = fixture.call(b.request(&fixture, "GET", "")).await.ok();
    let before = fixture.fingerprint(&[]).await;
    let missing = VaultId::from_bytes([9; 16]);
    for (method, path) in [
        ("GET", ""),
        ("GET", "/keys/password"),
        ("GET", "/directory"),
        ("GET", "/devices"),
        ("GET", "/audit"),
        ("GET", "/snapshots"),
        ("GET", "/objects"),
        ("GET", "/runs"),
    ] {
        let mut bodies = Vec::new();
        for vault in [b.vault, missing] {
            let mut call = a.request(&fixture, method, path);
            call.path = call.path.replace(&a.vault.to_string(), &vault.to_string());
            let mut problem = fixture.call(call).await.refused(ErrorCode::NotFound);
            problem.request_id.clear();
            bodies.push(problem);
        }
        assert_eq!(bodies[0], bodies[1], "{method} {path}");
    }
    // B's device under A's vault is not found either.
    let revoke = api_types::vault::RevokeDevice { directory: None };
    let path = format!("/devices/{}/revoke", b.device.id);
    fixture.call(a.request(&fixture, "POST", &path).json(&revoke)).await.refused(ErrorCode::NotFound);
    assert_eq!(fixture.fingerprint(&[]).await, before);
}
