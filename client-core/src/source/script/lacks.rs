//! What a statement needs and the target lacks.

use std::ops::Range;

use super::{
    policy::{Policy, Reason},
    token::{Head, Kind},
    verdict::Verdict,
};
use crate::format::snapshot::{Need, Part};

/// Leaves the statement out if the policy says so; otherwise refuses it with the option that would help.
pub(super) fn missing(policy: &Policy, need: Need, part: Part, names: Vec<String>) -> Option<Verdict> {
    let first = names.first()?;
    Some(if policy.skip_missing {
        Verdict::LeaveOut(Reason::Missing(need, first.clone()))
    } else {
        Verdict::Lacks(need, part, names)
    })
}

/// A role by name; `None` for those that always exist.
pub(super) fn role(head: &Head<'_>, at: usize) -> Option<String> {
    let name = head.comparable(at)?;
    let always = ["public", "current_user", "session_user", "current_role"];
    (head.kind(at) == Some(Kind::Quoted) || !always.contains(&name.as_str())).then_some(name)
}

pub(super) fn missing_role(policy: &Policy, name: Option<&str>) -> Option<String> {
    let target = policy.compared()?;
    name.filter(|name| !target.roles.contains(*name)).map(str::to_owned)
}

/// The roles in a list that the target lacks.
pub(super) fn missing_among(head: &Head<'_>, mut at: usize, policy: &Policy) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        at += usize::from(head.is(at, "group"));
        all.extend(missing_role(policy, role(head, at).as_deref()));
        if !head.mark(at + 1, b',') {
            return all;
        }
        at += 2;
    }
}

/// Tablespaces named by the statement itself; most come through `default_tablespace`.
pub(super) fn tablespace(head: &Head<'_>, policy: &Policy) -> Option<Verdict> {
    let makes =
        head.is(0, "create") && (1..5).any(|at| ["table", "index", "view"].iter().any(|w| head.is(at, w)));
    if !makes && !head.is(0, "alter") {
        return None;
    }
    let target = policy.compared()?;
    let query = head.find(1, "as").map_or(head.tokens.len(), |at| at + 1);
    let named = |at: &usize| {
        head.is(*at, "tablespace")
            && (head.are(at.saturating_sub(2), &["using", "index"])
                || head.is(at.saturating_sub(1), "set")
                || head.mark(at.saturating_sub(1), b')')
                || head.is(at.saturating_sub(2), "using")
                || head.is(at + 2, "as"))
    };
    let lacking = |at: usize| {
        let quoted_or_word = matches!(head.kind(at + 1), Some(Kind::Word | Kind::Quoted));
        let name =
            head.comparable(at + 1).filter(|name| quoted_or_word && !target.tablespaces.contains(name))?;
        let first = if head.are(at.saturating_sub(2), &["using", "index"]) { at - 2 } else { at };
        Some((name, head.tokens.get(first)?.start..head.tokens.get(at + 1)?.end))
    };
    let all: Vec<(String, Range<usize>)> = (2..query).filter(named).filter_map(lacking).collect();
    let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    if head.is(0, "alter") || !policy.skip_missing {
        return missing(policy, Need::Tablespace, Part::Definitions, names);
    }
    let reason = Reason::Missing(Need::Tablespace, names.into_iter().next()?);
    Some(Verdict::Without(all.into_iter().map(|(_, clause)| clause).collect(), reason))
}

/// A language, which comes with the extension of the same name.
pub(super) fn language(head: &Head<'_>, policy: &Policy) -> Option<Verdict> {
    let at = head.find(1, "language").filter(|at| head.is(0, "create") && *at <= 5)?;
    let before = ["or", "replace", "trusted", "procedural"];
    let name = head.comparable(at + 1)?;
    let known = (1..at).all(|at| before.iter().any(|word| head.is(at, word)));
    if !known || head.find(at, "handler").is_some() || policy.compared()?.extensions.contains(&name) {
        return None;
    }
    missing(policy, Need::Language, Part::Definitions, vec![name])
}

/// Settings in a function's definition.
pub(super) fn settings_of_function(head: &Head<'_>, policy: &Policy) -> Option<Verdict> {
    let kind = if head.are(1, &["or", "replace"]) { 3 } else { 1 };
    if !head.is(0, "create") || !["function", "procedure"].iter().any(|word| head.is(kind, word)) {
        return None;
    }
    let target = policy.compared()?;
    // A SQL body has words of its own.
    let body = head.find(kind, "begin").or_else(|| head.find(kind, "return")).unwrap_or(head.tokens.len());
    let (mut names, mut clauses) = (Vec::new(), Vec::new());
    let mut from = kind;
    while let Some(set) = head.find(from, "set").filter(|set| *set < body) {
        from = set + 1;
        if !(head.mark(set + 2, b'=') || head.is(set + 2, "to")) {
            continue;
        }
        let mut last = set + 3 + usize::from(head.mark(set + 3, b'-'));
        while head.mark(last + 1, b',') {
            last += 2;
        }
        from = last + 1;
        let Some(name) = head.comparable(set + 1).filter(|name| !target.knows_setting(name)) else {
            continue;
        };
        clauses.push(head.tokens.get(set)?.start..head.tokens.get(last)?.end);
        names.push(name.to_ascii_lowercase());
    }
    if !policy.skip_missing {
        return missing(policy, Need::Setting, Part::Definitions, names);
    }
    Some(Verdict::Without(clauses, Reason::UnknownSetting(names.into_iter().next()?)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::{Found, Target, tests::filter};
    use super::*;

    fn policy(skip_missing: bool) -> Policy {
        let target = Target { tablespaces: ["fast".to_owned()].into(), ..Target::default() };
        Policy { skip_missing, target: Some(target), ..Policy::default() }
    }

    #[test]
    fn a_tablespace_that_a_statement_names_is_found_and_left_out() {
        for (statement, without) in [
            ("CREATE TABLE t (x int) TABLESPACE gone;", "CREATE TABLE t (x int) ;"),
            (
                "CREATE TABLE t (x int PRIMARY KEY USING INDEX TABLESPACE gone);",
                "CREATE TABLE t (x int PRIMARY KEY );",
            ),
            (
                "CREATE UNLOGGED TABLE t USING heap TABLESPACE \"gone\" AS SELECT 1;",
                "CREATE UNLOGGED TABLE t USING heap  AS SELECT 1;",
            ),
            (
                "CREATE UNIQUE INDEX i ON t USING btree (x) TABLESPACE gone WHERE x > 1;",
                "CREATE UNIQUE INDEX i ON t USING btree (x)  WHERE x > 1;",
            ),
            (
                "CREATE MATERIALIZED VIEW v TABLESPACE gone AS SELECT 1;",
                "CREATE MATERIALIZED VIEW v  AS SELECT 1;",
            ),
            ("ALTER TABLE t SET TABLESPACE gone;", ""),
        ] {
            let refused = filter(&policy(false), &[statement.as_bytes()]).unwrap_err();
            assert_eq!(refused.found, Found::Missing(vec![(Need::Tablespace, "gone".into())]), "{statement}");
            let (out, report) = filter(&policy(true), &[statement.as_bytes()]).unwrap();
            assert_eq!(
                (String::from_utf8(out).unwrap().as_str(), report.left_out_count),
                (without, 1),
                "{statement}"
            );
        }
        for statement in [
            "CREATE TABLE t (x int) TABLESPACE fast;",
            "CREATE TABLE tablespace (tablespace text, x int);",
            "CREATE INDEX tablespace ON tablespace (x);",
            "CREATE VIEW v AS SELECT f(x) tablespace FROM t;",
            "CREATE TABLE public.tablespace (x int);",
            "ALTER TABLE t RENAME COLUMN tablespace TO x;",
        ] {
            let (out, report) = filter(&policy(false), &[statement.as_bytes()]).unwrap();
            assert_eq!((String::from_utf8(out).unwrap().as_str(), report.left_out_count), (statement, 0));
        }
    }

    #[test]
    fn a_setting_that_a_function_is_created_with_is_found_and_left_out() {
        let target = Target { settings: ["search_path".to_owned()].into(), ..Target::default() };
        let policy =
            |skip_missing| Policy { skip_missing, target: Some(target.clone()), ..Policy::default() };
        for (statement, without) in [
            (
                "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET newer TO '5s' AS 'SELECT 1';",
                "CREATE FUNCTION f() RETURNS int LANGUAGE sql  AS 'SELECT 1';",
            ),
            (
                "CREATE OR REPLACE PROCEDURE s.f(x int DEFAULT 1) SET search_path TO 'a', 'b' SET Newer = -1 AS 'x';",
                "CREATE OR REPLACE PROCEDURE s.f(x int DEFAULT 1) SET search_path TO 'a', 'b'  AS 'x';",
            ),
        ] {
            let refused = filter(&policy(false), &[statement.as_bytes()]).unwrap_err();
            assert_eq!(refused.found, Found::Missing(vec![(Need::Setting, "newer".into())]), "{statement}");
            let (out, _) = filter(&policy(true), &[statement.as_bytes()]).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), without);
        }
        for statement in [
            "CREATE FUNCTION public.set(newer int) RETURNS SETOF int LANGUAGE sql SET my.own TO '1' AS 'SELECT 1';",
            "CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC UPDATE t SET newer = 1; END;",
            "CREATE TABLE t (x int) WITH (newer = 1);",
        ] {
            let (out, _) = filter(&policy(false), &[statement.as_bytes()]).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), statement);
        }
    }

    #[test]
    fn a_language_needs_the_extension_of_its_name() {
        for statement in ["CREATE LANGUAGE plodd;", "CREATE OR REPLACE TRUSTED PROCEDURAL LANGUAGE plodd;"] {
            let refused = filter(&policy(false), &[statement.as_bytes()]).unwrap_err();
            assert_eq!(refused.found, Found::Missing(vec![(Need::Language, "plodd".into())]), "{statement}");
        }
        for statement in [
            "CREATE LANGUAGE plodd HANDLER public.h;",
            "CREATE FUNCTION f() RETURNS int LANGUAGE plodd AS 'x';",
        ] {
            filter(&policy(false), &[statement.as_bytes()]).unwrap();
        }
    }
}
