//! A database's properties apart from its contents, read at backup so that a restore can recreate them.

use serde::Deserialize;

use super::answers::{Answers, question};
use crate::format::snapshot::{DatabaseProperties, Grant, Privilege, Provider};

/// The columns of every version of `pg_database`: 15 added the provider, 17 renamed the locale.
#[derive(Deserialize)]
struct Row {
    encoding_name: String,
    #[serde(default)]
    datcollate: String,
    #[serde(default)]
    datctype: String,
    datlocprovider: Option<String>,
    daticulocale: Option<String>,
    datlocale: Option<String>,
    daticurules: Option<String>,
    datcollversion: Option<String>,
    owner: String,
    comment: Option<String>,
    datconnlimit: i32,
    tablespace: String,
    datistemplate: bool,
    has_grants: bool,
}

#[derive(Deserialize)]
struct Setting {
    role: Option<String>,
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Right {
    role: Option<String>,
    /// Rows with any other privilege, from a replaced function, are dropped.
    privilege: Privilege,
    grantable: bool,
}

pub(super) fn questions() -> [String; 3] {
    [
        question(
            "database",
            "SELECT d.*, pg_encoding_to_char(d.encoding) AS encoding_name, pg_get_userbyid(d.datdba) AS owner,
                    shobj_description(d.oid, 'pg_database') AS comment, t.spcname AS tablespace,
                    d.datacl IS NOT NULL AS has_grants
               FROM pg_database d LEFT JOIN pg_tablespace t ON t.oid = d.dattablespace
              WHERE d.datname = current_database()",
        ),
        // The value may contain further equals signs.
        question(
            "setting",
            "SELECT r.rolname AS role, split_part(s.entry, '=', 1) AS name,
                    substr(s.entry, strpos(s.entry, '=') + 1) AS value
               FROM (SELECT setrole, unnest(setconfig) AS entry FROM pg_db_role_setting
                      WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())) s
               LEFT JOIN pg_roles r ON r.oid = s.setrole
              WHERE s.setrole = 0 OR r.oid IS NOT NULL",
        ),
        question(
            "grant",
            "SELECT CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END AS role,
                    a.privilege_type AS privilege, a.is_grantable AS grantable
               FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database()",
        ),
    ]
}

pub(super) fn read(answers: &Answers) -> Option<DatabaseProperties> {
    let row: Row = answers.row("database")?;
    let (mut settings, mut role_settings) = (Vec::new(), Vec::new());
    for Setting { role, name, value } in answers.rows("setting") {
        match role {
            None => settings.push((name, value)),
            Some(role) => role_settings.push((role, name, value)),
        }
    }
    let grants = answers
        .rows("grant")
        .into_iter()
        .map(|Right { role, privilege, grantable }| Grant { role, privilege, grantable })
        .collect();
    Some(DatabaseProperties {
        encoding: row.encoding_name,
        collate: row.datcollate,
        ctype: row.datctype,
        provider: match row.datlocprovider.as_deref() {
            Some("i") => Provider::Icu,
            Some("b") => Provider::Builtin,
            _ => Provider::Libc,
        },
        locale: row.datlocale.or(row.daticulocale),
        icu_rules: row.daticurules,
        collation_version: row.datcollversion,
        owner: row.owner,
        comment: row.comment,
        connection_limit: row.datconnlimit,
        tablespace: row.tablespace,
        is_template: row.datistemplate,
        settings,
        role_settings,
        grants: row.has_grants.then_some(grants),
    })
}
