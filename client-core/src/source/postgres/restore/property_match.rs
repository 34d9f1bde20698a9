//! Creates databases with the properties of the original, apart from its contents.

use super::super::{
    psql::{quote_name, quote_text},
    refusal::server_message,
};
use crate::{
    format::snapshot::{DatabaseProperties, Provider},
    source::SourceError,
    text,
    text::{Part, Text},
};

/// Settings whose value is a list, stored with quotes; each item is set separately.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// The properties that a new database gets.
pub(super) struct PropertyMatch {
    properties: Option<DatabaseProperties>,
    /// Whether to include what depends on roles: owner, privileges, settings of roles.
    roles: bool,
    grants: bool,
    major: u32,
    notes: Vec<Text>,
}

/// One way to create it.
pub(super) struct Clause {
    pub(super) clause: String,
    /// What this way loses.
    pub(super) loss: Option<Text>,
}

impl PropertyMatch {
    /// With everything that the server supports. `major`: the server's version.
    pub(super) const fn new(properties: Option<DatabaseProperties>, major: u32) -> Self {
        Self { properties, roles: true, grants: true, major, notes: Vec::new() }
    }

    /// Without owner, and settings and privileges of roles.
    pub(super) const fn without_roles(mut self) -> Self {
        self.roles = false;
        self
    }

    /// Without privileges.
    pub(super) const fn without_grants(mut self) -> Self {
        self.grants = false;
        self
    }

    pub(super) fn note(&mut self, note: Text) {
        self.notes.push(note);
    }

    pub(super) fn comment(&self) -> Option<&str> {
        self.properties.as_ref().and_then(|properties| properties.comment.as_deref())
    }

    /// Ways to create it, most alike first. The last works on every server.
    pub(super) fn clauses(&self) -> Vec<Clause> {
        let Some(properties) = &self.properties else {
            return vec![Clause { clause: String::new(), loss: None }];
        };
        let encoding = format!(" ENCODING {}", quote_text(&properties.encoding));
        let mut whole = encoding.clone();
        if !properties.collate.is_empty() {
            whole.push_str(&format!(" LC_COLLATE {}", quote_text(&properties.collate)));
        }
        if !properties.ctype.is_empty() {
            whole.push_str(&format!(" LC_CTYPE {}", quote_text(&properties.ctype)));
        }
        if self.major >= 15 || properties.provider != Provider::Libc {
            whole.push_str(&format!(" LOCALE_PROVIDER {}", properties.provider.as_str()));
        }
        match (properties.provider, &properties.locale) {
            (Provider::Icu, Some(locale)) => whole.push_str(&format!(" ICU_LOCALE {}", quote_text(locale))),
            (Provider::Builtin, Some(locale)) => {
                whole.push_str(&format!(" BUILTIN_LOCALE {}", quote_text(locale)))
            }
            _ => {}
        }
        if let Some(rules) = &properties.icu_rules {
            whole.push_str(&format!(" ICU_RULES {}", quote_text(rules)));
        }
        let locale = properties.locale.as_deref().unwrap_or(&properties.collate);
        let named = format!("{} {locale}", properties.provider.as_str());
        let mut clauses = Vec::new();
        if properties.tablespace != "pg_default" {
            clauses.push(Clause {
                clause: format!("{whole} TABLESPACE {}", quote_name(&properties.tablespace)),
                loss: None,
            });
        }
        clauses.extend([
            Clause {
                clause: whole,
                loss: Some(text!("the database is not in tablespace {name}", name = properties.tablespace)),
            },
            Clause {
                clause: encoding.clone(),
                loss: Some(text!(
                    "the database has the server's collation instead of {named}, so text may sort and compare differently",
                    named
                )),
            },
            Clause {
                clause: format!("{encoding} LC_COLLATE 'C' LC_CTYPE 'C'"),
                loss: Some(text!(
                    "the database has collation C instead of {named}, so text sorts and compares differently",
                    named
                )),
            },
        ]);
        clauses
    }

    /// Applies the properties to a filled database, and returns what could not be applied.
    pub(super) fn apply(&self, name: &str, ask: &dyn Fn(&str) -> Result<(), SourceError>) -> Vec<Text> {
        let mut notes = self.notes.clone();
        for (what, sql) in self.statements(name) {
            if let Err(error) = ask(&sql) {
                notes.push(text!(
                    "the database does not have its original {what}: {why}",
                    what,
                    why = server_message(&error)
                ));
            }
        }
        notes
    }

    /// The statements, and what each is for. The owner comes last: it may be someone else.
    fn statements(&self, name: &str) -> Vec<(Text, String)> {
        let Some(properties) = &self.properties else { return Vec::new() };
        let database = quote_name(name);
        let mut all = Vec::new();
        for (setting, value) in &properties.settings {
            let value = setting_value(setting, value);
            all.push((
                text!("setting {setting}", setting),
                format!("ALTER DATABASE {database} SET {} = {value};", setting_name(setting)),
            ));
        }
        if properties.connection_limit >= 0 {
            all.push((
                text!("connection limit"),
                format!("ALTER DATABASE {database} CONNECTION LIMIT {};", properties.connection_limit),
            ));
        }
        if properties.is_template {
            all.push((text!("mark as a template"), format!("ALTER DATABASE {database} IS_TEMPLATE true;")));
        }
        if !self.roles {
            return all;
        }
        for (role, setting, value) in &properties.role_settings {
            let value = setting_value(setting, value);
            all.push((
                text!("setting {setting} for role {role}", setting, role),
                format!(
                    "ALTER ROLE {} IN DATABASE {database} SET {} = {value};",
                    quote_name(role),
                    setting_name(setting)
                ),
            ));
        }
        if let Some(grants) = properties.grants.as_ref().filter(|_| self.grants) {
            all.push((text!("privileges"), format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC;")));
            for grant in grants {
                let role = grant.role.as_deref().map_or_else(|| "PUBLIC".to_owned(), quote_name);
                let passed = if grant.grantable { " WITH GRANT OPTION" } else { "" };
                all.push((
                    text!("privilege {name} of {role}", name = grant.privilege.as_str(), role),
                    format!("GRANT {} ON DATABASE {database} TO {role}{passed};", grant.privilege.as_str()),
                ));
            }
        }
        // A dump made without owners names none.
        if properties.owner.is_empty() {
            return all;
        }
        all.push((
            text!("owner {owner}", owner = properties.owner),
            format!("ALTER DATABASE {database} OWNER TO {};", quote_name(&properties.owner)),
        ));
        all
    }
}

/// How a database that keeps its own properties differs from the original.
pub(super) fn unlike(original: &DatabaseProperties, found: &DatabaseProperties) -> Option<Text> {
    let mut lost = Vec::new();
    let mut differs = |what: Text, was: &str, is: &str| {
        // What the original did not have, or is unknown, is not lost.
        if was != is && !was.is_empty() {
            lost.push(text!("{what} \"{was}\" (here \"{is}\")", what, was, is));
        }
    };
    differs(text!("encoding"), &original.encoding, &found.encoding);
    differs(text!("collation"), &original.collate, &found.collate);
    differs(text!("character type"), &original.ctype, &found.ctype);
    differs(text!("locale provider"), original.provider.as_str(), found.provider.as_str());
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    differs(text!("locale"), &text(&original.locale), &text(&found.locale));
    differs(text!("ICU rules"), &text(&original.icu_rules), &text(&found.icu_rules));
    differs(text!("comment"), &text(&original.comment), &text(&found.comment));
    if original.connection_limit >= 0 {
        let limit = |properties: &DatabaseProperties| properties.connection_limit.to_string();
        differs(text!("connection limit"), &limit(original), &limit(found));
    }
    for setting in original.settings.iter().filter(|setting| !found.settings.contains(setting)) {
        lost.push(text!("setting {setting} = \"{value}\"", setting = setting.0, value = setting.1));
    }
    for setting in original.role_settings.iter().filter(|setting| !found.role_settings.contains(setting)) {
        lost.push(text!(
            "setting {setting} = \"{value}\" for role {role}",
            setting = setting.1,
            value = setting.2,
            role = setting.0
        ));
    }
    (!lost.is_empty()).then(|| {
        text!(
            "the existing database keeps its own properties; the original had {lost}. A database that does not exist yet is created like the original",
            lost = Part::List(lost, ", ")
        )
    })
}

/// `search_path`, or `app.mode` of an extension or application.
fn setting_name(name: &str) -> String {
    name.split('.').map(quote_name).collect::<Vec<_>>().join(".")
}

fn setting_value(name: &str, value: &str) -> String {
    if !LISTS.contains(&name.to_ascii_lowercase().as_str()) {
        return quote_text(value);
    }
    let items: Vec<String> = list_items(value).iter().map(|item| quote_text(item)).collect();
    if items.is_empty() { "''".to_owned() } else { items.join(", ") }
}

/// `"$user", public` without its quotes.
fn list_items(value: &str) -> Vec<String> {
    let (mut items, mut item, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                item.push('"');
                rest.next();
            }
            '"' => (quoted, any) = (!quoted, true),
            ',' if !quoted => {
                items.push(std::mem::take(&mut item));
                any = true;
            }
            c if c.is_whitespace() && !quoted => {}
            c => {
                item.push(c);
                any = true;
            }
        }
    }
    if any {
        items.push(item);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_lists_are_set_item_by_item() {
        assert_eq!(
            setting_value("search_path", r#""$user", app, "odd "" name""#),
            r#"E'$user', E'app', E'odd " name'"#
        );
        assert_eq!(setting_value("search_path", r#""""#), "E''");
        assert_eq!(setting_value("work_mem", "64MB"), "E'64MB'");
        assert_eq!(setting_value("DateStyle", "ISO, DMY"), "E'ISO, DMY'");
        assert_eq!(setting_name("app.mode"), "\"app\".\"mode\"");
    }
}
