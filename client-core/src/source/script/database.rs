//! What a dump says about its database: every archive does, and so does SQL from `pg_dump --create`.

use super::token::Head;
use crate::format::snapshot::{DatabaseProperties, Provider};

/// Maximum number of settings kept for a database, or for roles in it.
const MANY: usize = 1000;
/// Settings whose value is a list: each item is quoted separately.
const LISTS: [&str; 4] =
    ["search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"];

/// `CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8'`
pub(super) fn created(head: &Head<'_>) -> Option<DatabaseProperties> {
    let option = |name: &str| {
        let at = (3..head.tokens.len()).find(|at| head.is(*at, name) && head.mark(at + 1, b'='))?;
        head.name(at + 2)
    };
    let locale = option("locale");
    Some(DatabaseProperties {
        encoding: option("encoding")?,
        collate: option("lc_collate").or_else(|| locale.clone()).unwrap_or_default(),
        ctype: option("lc_ctype").or(locale).unwrap_or_default(),
        provider: option("locale_provider").map_or(Some(Provider::Libc), |name| Provider::named(&name))?,
        locale: option("icu_locale").or_else(|| option("builtin_locale")),
        icu_rules: option("icu_rules"),
        collation_version: option("collation_version"),
        owner: String::new(),
        comment: None,
        connection_limit: -1,
        tablespace: option("tablespace").unwrap_or_else(|| "pg_default".to_owned()),
        is_template: false,
        settings: Vec::new(),
        role_settings: Vec::new(),
        grants: None,
    })
}

/// `ALTER DATABASE shop …`
pub(super) fn altered(properties: &mut DatabaseProperties, head: &Head<'_>) {
    if head.are(3, &["owner", "to"]) {
        properties.owner = head.name(5).unwrap_or_default();
    } else if head.are(3, &["connection", "limit"]) {
        let at = if head.mark(5, b'=') { 6 } else { 5 };
        properties.connection_limit = head.number(at).unwrap_or(-1);
    } else if head.is(3, "is_template") {
        properties.is_template = head.is(if head.mark(4, b'=') { 5 } else { 4 }, "true");
    } else if let Some(setting) = setting(head, 3)
        && properties.settings.len() < MANY
    {
        properties.settings.push(setting);
    }
}

/// `ALTER ROLE reader IN DATABASE shop SET …`
pub(super) fn altered_for_role(properties: &mut DatabaseProperties, head: &Head<'_>) {
    if let Some((role, (setting, value))) = head.name(2).zip(setting(head, 6))
        && properties.role_settings.len() < MANY
    {
        properties.role_settings.push((role, setting, value));
    }
}

/// The value in `SET search_path TO '$user', 'app'` as the server stores it.
fn setting(head: &Head<'_>, at: usize) -> Option<(String, String)> {
    if !head.is(at, "set") || !(head.is(at + 2, "to") || head.mark(at + 2, b'=')) {
        return None;
    }
    let (name, mut items, mut next) = (head.name(at + 1)?, vec![head.name(at + 3)?], at + 4);
    while head.mark(next, b',') {
        items.push(head.name(next + 1)?);
        next += 2;
    }
    if items.len() > 1 || LISTS.contains(&name.to_ascii_lowercase().as_str()) {
        let quoted = items.iter().map(|item| format!("\"{}\"", item.replace('"', "\"\"")));
        return Some((name, quoted.collect::<Vec<_>>().join(", ")));
    }
    Some((name, items.remove(0)))
}
