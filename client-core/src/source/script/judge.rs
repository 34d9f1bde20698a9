//! Decides what to do with a statement, from its beginning.

use super::{
    database,
    error::{Found, shown},
    lacks::{self, missing, missing_among, missing_role, role},
    policy::{Policy, Reason},
    token::{Head, Kind},
    verdict::Verdict,
};

use crate::format::snapshot::{DatabaseProperties, Need, Part};
use std::collections::HashSet;

/// What earlier statements said.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The database that `pg_dump --create` creates.
    pub(super) created: Option<String>,
    /// What the dump says about it.
    pub(super) database: Option<DatabaseProperties>,
    /// Whether we are in the transaction that pg_dump puts around the contents of large objects.
    pub(super) in_large_objects: bool,
    /// Client encoding set by the script.
    pub(super) encoding: Option<String>,
    /// Extensions that were left out.
    extensions: HashSet<String>,
    /// Publications, subscriptions and event triggers that were left out.
    left_out: HashSet<String>,
}

/// Client encodings in which an ASCII byte can be part of another character (`PG_ENCODING_CLIENT…`).
const UNSAFE_ENCODINGS: [&str; 17] = [
    "sjis",
    "shiftjis",
    "mskanji",
    "win932",
    "windows932",
    "shiftjis2004",
    "big5",
    "win950",
    "windows950",
    "gbk",
    "uhc",
    "johab",
    "win936",
    "windows936",
    "win949",
    "windows949",
    "gb18030",
];
/// Functions that read and write the server's files.
const FILE_FUNCTIONS: [&str; 2] = ["lo_import", "lo_export"];

/// Whether it begins or ends a transaction.
pub(super) fn transaction(head: &Head<'_>, at: usize) -> bool {
    ["begin", "commit", "end", "rollback", "abort", "savepoint", "release"]
        .iter()
        .any(|word| head.is(at, word))
        || head.is(at, "start")
        || head.are(at, &["prepare", "transaction"])
        || head.are(at, &["set", "transaction"])
        || head.are(at, &["set", "local", "transaction"])
        || head.are(at, &["set", "session", "characteristics"])
}

impl Seen {
    /// Decides on a statement.
    pub(super) fn judge(&mut self, head: &Head<'_>, policy: &Policy) -> Verdict {
        // Since the releases of August 2026 (CVE-2026-6464) psql skips everything up to the next `\.` after a failed
        // COPY, which it recognizes by the unquoted words of the last statement that had any.
        if head.kind(0) != Some(Kind::Word) {
            return Verdict::Refuse(Found::Ambiguous("a statement that does not begin with a word"));
        }
        if let Some(verdict) = self.large_object(head, policy) {
            return verdict;
        }
        if transaction(head, 0) {
            return Verdict::Refuse(Found::Transaction(head.title()));
        }
        if let Some(verdict) = server(head).or_else(|| self.databases(head)) {
            return verdict;
        }
        if head.is(0, "copy") {
            return copy(head);
        }
        if head.is(0, "set") || head.is(0, "reset") || head.is(0, "discard") || head.is(0, "select") {
            return self.setting(head, policy);
        }
        self.owner(head, policy)
            .or_else(|| self.privileges(head, policy))
            .or_else(|| self.policy(head, policy))
            .or_else(|| self.extension(head, policy))
            .or_else(|| lacks::language(head, policy))
            .or_else(|| lacks::tablespace(head, policy))
            .or_else(|| lacks::settings_of_function(head, policy))
            .or_else(|| self.superuser(head, policy))
            .unwrap_or(Verdict::Keep)
    }

    /// `BEGIN; SELECT pg_catalog.lo_open('1', 131072); … COMMIT;` and nothing else inside. In one transaction it needs
    /// none of its own.
    fn large_object(&mut self, head: &Head<'_>, policy: &Policy) -> Option<Verdict> {
        let alone = |word: &str| head.is(0, word) && head.tokens.len() == 1 && head.whole;
        if !self.in_large_objects && alone("begin") || self.in_large_objects && alone("commit") {
            self.in_large_objects = !self.in_large_objects;
            return Some(if policy.one_transaction { Verdict::Drop } else { Verdict::Keep });
        }
        if !self.in_large_objects {
            return None;
        }
        let names = ["lo_open", "lowrite", "lo_close", "lo_create"];
        let calls = head.are(0, &["select", "pg_catalog"])
            && head.mark(2, b'.')
            && names.iter().any(|name| head.is(3, name));
        let constant = |kind| matches!(kind, Kind::Text | Kind::Opaque | Kind::Mark(b'0' | b',' | b'-'));
        let last = head.tokens.len().saturating_sub(1);
        let plain = calls
            && head.whole
            && head.mark(4, b'(')
            && head.mark(last, b')')
            && (5..last).all(|at| head.kind(at).is_some_and(constant));
        Some(if plain { Verdict::Keep } else { Verdict::Refuse(Found::Transaction("BEGIN".to_owned())) })
    }

    /// Statements about whole databases: those of `pg_dump --create` are left out, since the target is already chosen.
    fn databases(&mut self, head: &Head<'_>) -> Option<Verdict> {
        let other = || Some(Verdict::Refuse(Found::OtherDatabase(head.title())));
        let left_out = Some(Verdict::LeaveOut(Reason::Database));
        if head.are(0, &["create", "database"]) {
            if self.created.is_some() {
                return other();
            }
            let Some(name) = head.name(2) else { return other() };
            self.created = Some(name);
            self.database = database::created(head);
            return left_out;
        }
        if head.are(0, &["drop", "database"]) {
            return if self.created.is_none() { left_out } else { other() };
        }
        if head.are(0, &["alter", "database"]) {
            if self.created.is_none() || head.name(2) != self.created {
                return other();
            }
            if let Some(properties) = &mut self.database {
                database::altered(properties, head);
            }
            return left_out;
        }
        let roles = head.are(0, &["alter", "role"]) || head.are(0, &["alter", "user"]);
        if roles && head.are(3, &["in", "database"]) {
            if self.created.is_none() || head.name(5) != self.created {
                return other();
            }
            if let Some(properties) = &mut self.database {
                database::altered_for_role(properties, head);
            }
            return left_out;
        }
        if head.are(0, &["update", "pg_catalog"]) && head.is(3, "pg_database") {
            return left_out;
        }
        let on = |at: usize| head.are(at, &["on", "database"]);
        if head.is(0, "comment")
            && on(1)
            && let Some(properties) = &mut self.database
        {
            properties.comment = head.name(5);
        }
        let about = head.is(0, "comment") && on(1)
            || (head.is(0, "grant") || head.is(0, "revoke") || head.are(0, &["security", "label"]))
                && (0..head.tokens.len()).any(on);
        if about { left_out } else { None }
    }

    fn setting(&mut self, head: &Head<'_>, policy: &Policy) -> Verdict {
        let encoding_change = Found::Ambiguous("a change of a setting that decides how the text is read");
        if head.is(0, "discard") {
            return Verdict::Refuse(encoding_change);
        }
        if head.is(0, "reset") {
            let reads = ["all", "standard_conforming_strings", "client_encoding"];
            let name = head.name(1).unwrap_or_default();
            return if reads.contains(&name.as_str()) { Verdict::Refuse(encoding_change) } else { set(name) };
        }
        let (name_at, value_at, local) = if head.is(0, "select") {
            let at = if head.is(1, "pg_catalog") && head.mark(2, b'.') { 3 } else { 1 };
            let calls =
                |at: usize| head.name(at).is_some_and(|name| name == "set_config") && head.mark(at + 1, b'(');
            if !calls(at) {
                let elsewhere = (1..head.tokens.len()).any(calls);
                return if elsewhere { Verdict::Refuse(encoding_change) } else { Verdict::Keep };
            }
            if !head.mark(at + 3, b',') {
                return Verdict::Refuse(encoding_change);
            }
            (at + 2, at + 4, true)
        } else {
            let scope = usize::from(head.is(1, "session") || head.is(1, "local"));
            if head.is(1 + scope, "names") {
                return self.encoding(head, 2 + scope);
            }
            if head.is(1, "role") || head.are(1, &["session", "authorization"]) {
                let role_at = if head.is(1, "role") { 2 } else { 3 };
                let name =
                    head.name(role_at).filter(|_| !head.is(role_at, "default") && !head.is(role_at, "none"));
                return if policy.no_owner {
                    Verdict::LeaveOut(Reason::Owner)
                } else {
                    let lacking = missing_role(policy, name.as_deref()).into_iter().collect();
                    missing(policy, Need::Role, Part::Owners, lacking)
                        .unwrap_or_else(|| set(head.name(1).unwrap_or_default()))
                };
            }
            if !(head.mark(2 + scope, b'=') || head.is(2 + scope, "to")) {
                return set(head.name(1 + scope).unwrap_or_default());
            }
            (1 + scope, 3 + scope, scope == 1 && head.is(1, "local"))
        };
        let Some(name) = head.name(name_at).map(|name| name.to_ascii_lowercase()) else {
            return Verdict::Refuse(encoding_change);
        };
        match name.as_str() {
            "standard_conforming_strings" => {
                match head.name(value_at).as_deref().map(str::to_ascii_lowercase).as_deref() {
                    Some("on" | "true" | "yes") if !local => Verdict::StandardStrings(true),
                    Some("off" | "false" | "no") if !local => Verdict::StandardStrings(false),
                    _ => Verdict::Refuse(encoding_change),
                }
            }
            "client_encoding" => self.encoding(head, value_at),
            "default_tablespace" => {
                let space = head.comparable(value_at).filter(|space| !space.is_empty());
                let lacks = policy
                    .compared()
                    .zip(space)
                    .filter(|(target, space)| !target.tablespaces.contains(space));
                match lacks {
                    None => set(name),
                    Some((_, space)) if policy.skip_missing => Verdict::Instead(
                        "SET default_tablespace = '';",
                        Reason::Missing(Need::Tablespace, space),
                    ),
                    Some((_, space)) => Verdict::Lacks(Need::Tablespace, Part::Definitions, vec![space]),
                }
            }
            _ if policy.target.as_ref().is_some_and(|target| !target.knows_setting(&name)) => {
                Verdict::LeaveOut(Reason::UnknownSetting(name))
            }
            _ => set(name),
        }
    }

    fn encoding(&mut self, head: &Head<'_>, at: usize) -> Verdict {
        let Some(name) = head.name(at) else {
            return Verdict::Refuse(Found::Ambiguous("a client encoding that is not named plainly"));
        };
        let plain: String =
            name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        if UNSAFE_ENCODINGS.contains(&plain.as_str()) {
            return Verdict::Refuse(Found::Ambiguous(
                "a client encoding in which a quote can be part of another character (dump with -E UTF8)",
            ));
        }
        self.encoding = Some(name);
        Verdict::Set { name: "client_encoding".to_owned(), reads: true }
    }

    fn owner(&self, head: &Head<'_>, policy: &Policy) -> Option<Verdict> {
        if !head.is(0, "alter") {
            return None;
        }
        // A table can be named owner, and so can a renamed column. An owner may have such a name, too.
        let at = (2..head.tokens.len()).rfind(|at| head.are(*at, &["owner", "to"]))?;
        let renames = |before: usize| before > 2 && head.is(before, "rename") && !head.mark(before - 1, b'.');
        let parts = ["column", "attribute", "constraint", "value"];
        if renames(at - 1) || renames(at - 2) && parts.iter().any(|word| head.is(at - 1, word)) {
            return None;
        }
        // The object it belongs to was left out itself.
        if head.name(at.checked_sub(1)?).is_some_and(|name| self.left_out.contains(&name)) {
            return Some(Verdict::LeaveOut(Reason::Missing(
                Need::Superuser,
                head.name(at - 1).unwrap_or_default(),
            )));
        }
        if policy.no_owner {
            return Some(Verdict::LeaveOut(Reason::Owner));
        }
        let lacking = missing_role(policy, role(head, at + 2).as_deref()).into_iter().collect();
        missing(policy, Need::Role, Part::Owners, lacking)
    }

    fn privileges(&self, head: &Head<'_>, policy: &Policy) -> Option<Verdict> {
        let defaults = head.are(0, &["alter", "default", "privileges"]);
        if !(defaults || head.is(0, "grant") || head.is(0, "revoke")) {
            return None;
        }
        if policy.without_privileges() {
            return Some(Verdict::LeaveOut(Reason::Privileges));
        }
        let lists = [&["to"][..], &["from"], &["for", "role"], &["for", "user"], &["granted", "by"]];
        let after = |at| lists.iter().find(|words| head.are(at, words)).map(|words| at + words.len());
        let lacking = (1..head.tokens.len())
            .filter_map(after)
            .flat_map(|start| missing_among(head, start, policy))
            .collect();
        missing(policy, Need::Role, Part::Privileges, lacking)
    }

    fn policy(&self, head: &Head<'_>, policy: &Policy) -> Option<Verdict> {
        let start = if head.are(0, &["create", "policy"]) || head.are(0, &["alter", "policy"]) {
            head.find(4, "to")
        } else if head.are(0, &["create", "user", "mapping"]) {
            head.find(3, "for")
        } else {
            None
        }?;
        let lacking = missing_among(head, start + 1, policy);
        if policy.without_privileges() {
            return Some(Verdict::LeaveOut(Reason::Missing(Need::Role, lacking.into_iter().next()?)));
        }
        missing(policy, Need::Role, Part::Privileges, lacking)
    }

    fn extension(&mut self, head: &Head<'_>, policy: &Policy) -> Option<Verdict> {
        let gone = |name: &Option<String>| name.as_ref().is_some_and(|name| self.extensions.contains(name));
        if head.are(0, &["comment", "on", "extension"]) && gone(&head.name(3))
            || head.are(0, &["alter", "extension"]) && gone(&head.name(2))
        {
            let name = head.name(if head.is(0, "alter") { 2 } else { 3 }).unwrap_or_default();
            return Some(Verdict::LeaveOut(Reason::Missing(Need::Extension, name)));
        }
        if !head.are(0, &["create", "extension"]) {
            return None;
        }
        let name = head.comparable(if head.are(2, &["if", "not", "exists"]) { 5 } else { 2 })?;
        if policy.compared()?.extensions.contains(&name) {
            return None;
        }
        if policy.skip_missing {
            remember(&mut self.extensions, &name);
        }
        missing(policy, Need::Extension, Part::Definitions, vec![name])
    }

    /// What only a superuser may create, for a role that is not one.
    fn superuser(&mut self, head: &Head<'_>, policy: &Policy) -> Option<Verdict> {
        if head.are(0, &["security", "label"]) && policy.skip_missing {
            let name = if head.is(2, "for") { head.name(3) } else { None };
            return Some(Verdict::LeaveOut(Reason::Missing(Need::LabelProvider, name.unwrap_or_default())));
        }
        if policy.compared()?.superuser {
            return None;
        }
        if head.are(0, &["alter", "publication"]) && head.are(3, &["add", "tables", "in"]) {
            return missing(
                policy,
                Need::Superuser,
                Part::Definitions,
                vec![format!("publication {}", head.name(2)?)],
            );
        }
        let (name_at, makes) = if head.are(0, &["create", "subscription"]) {
            (2, true)
        } else if head.are(0, &["create", "publication"]) {
            (2, head.are(3, &["for", "all", "tables"]) || head.are(3, &["for", "tables", "in"]))
        } else if head.are(0, &["create", "event", "trigger"]) {
            (3, true)
        } else if head.are(0, &["alter", "publication"]) || head.are(0, &["alter", "subscription"]) {
            (2, false)
        } else if head.are(0, &["alter", "event", "trigger"]) || head.are(0, &["comment", "on"]) {
            (if head.is(2, "event") { 4 } else { 3 }, false)
        } else {
            return None;
        };
        let name = head.name(name_at)?;
        if makes {
            if policy.skip_missing {
                remember(&mut self.left_out, &name);
            }
            let kind =
                if name_at == 3 { "event trigger".to_owned() } else { head.name(1).unwrap_or_default() };
            return missing(policy, Need::Superuser, Part::Definitions, vec![format!("{kind} {name}")]);
        }
        // A comment on a table may have the same name.
        let same_kind =
            !head.is(0, "comment") || ["publication", "subscription", "event"].iter().any(|w| head.is(2, w));
        (same_kind && self.left_out.contains(&name))
            .then_some(Verdict::LeaveOut(Reason::Missing(Need::Superuser, name)))
    }
}

/// Statements about it are left out as well. A dump with more than this many was not made by pg_dump.
fn remember(all: &mut HashSet<String>, name: &str) {
    const MANY: usize = 10_000;
    if all.len() < MANY {
        all.insert(name.to_owned());
    }
}

fn set(name: String) -> Verdict {
    Verdict::Set { name, reads: false }
}

/// Statements that affect the server's files, programs and settings.
fn server(head: &Head<'_>) -> Option<Verdict> {
    let refuse = || Some(Verdict::Refuse(Found::Server(head.title())));
    let space = ["create", "alter", "drop"].iter().any(|verb| head.are(0, &[verb, "tablespace"]));
    if head.is(0, "load") || head.are(0, &["alter", "system"]) || space {
        return refuse();
    }
    let file = |at: usize| {
        matches!(head.kind(at), Some(Kind::Word | Kind::Quoted))
            && head.name(at).is_some_and(|name| FILE_FUNCTIONS.contains(&name.as_str()))
            && head.mark(at + 1, b'(')
    };
    // Their definitions and privileges are not calls.
    let defines =
        ["function", "procedure", "aggregate"].iter().any(|word| head.is(1, word) || head.is(3, word));
    let calls = [
        "select", "insert", "update", "delete", "with", "values", "execute", "create", "perform", "call",
        "table",
    ];
    if calls.iter().any(|word| head.is(0, word)) && !defines && (0..head.tokens.len()).any(file) {
        return refuse();
    }
    None
}

/// `COPY … FROM stdin` in text or CSV and nothing else.
fn copy(head: &Head<'_>) -> Verdict {
    if !head.whole {
        return Verdict::Refuse(Found::Ambiguous("a COPY whose beginning is very long"));
    }
    let Some(from) = head.find(1, "from") else { return Verdict::Refuse(Found::Server(head.title())) };
    if !head.is(from + 1, "stdin") {
        return Verdict::Refuse(Found::Server(shown(head.text)));
    }
    let options = from + 2..head.tokens.len();
    let binary = |at: usize| head.name(at).is_some_and(|name| name.eq_ignore_ascii_case("binary"));
    let unclear = |at: usize| head.kind(at) == Some(Kind::Opaque);
    if head.is(1, "binary") || options.clone().any(binary) || options.clone().any(unclear) {
        return Verdict::Refuse(Found::Ambiguous("a COPY whose data is not text"));
    }
    Verdict::Copy
}
