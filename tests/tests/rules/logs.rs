//! No secret is passed to a log or formatted into a message: no argument of such a macro has a secret's name.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{Macro, visit::Visit};

use crate::imports::is_test;

/// Macros and functions that write text, or build text that may be written.
const WRITERS: [&str; 24] = [
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "span",
    "trace_span",
    "debug_span",
    "info_span",
    "warn_span",
    "error_span",
    "format",
    "format_args",
    "print",
    "println",
    "eprint",
    "eprintln",
    "write",
    "writeln",
    "panic",
    "bail",
    // The command's own, for all that it prints.
    "plain",
    // The core's, for sentences.
    "text",
];
/// Last parts of the names of secrets.
const SECRET: [&str; 14] = [
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "passphrases",
    "secret",
    "secrets",
    "token",
    "tokens",
    "words",
    "key",
    "keys",
    "codes",
];
/// Exceptions: the name means something else, or the text is for the secret's owner.
const HARMLESS: [(&str, &str, &str); 19] = [
    ("app/cli/src/mentions.rs", "words", "of a command line in the documents"),
    ("app/cli/src/config.rs", "key", "the name of a setting"),
    ("app/cli/src/prompt.rs", "secret", "which one: its name"),
    ("app/cli/src/commands/schedule.rs", "schedule_words", "when a backup is due"),
    ("app/cli/src/commands/schedule.rs", "timer_words", "of a timer, for people"),
    ("app/cli/src/commands/signup.rs", "totp_secret", "for its owner, to type into an authenticator"),
    ("app/desktop/src/window.rs", "words", "of notifications"),
    ("client-core/src/api/transport.rs", "token", "the request's own header"),
    ("client-core/src/recovery_kit/mod.rs", "account_secret", "the recovery kit"),
    ("client-core/src/recovery_kit/mod.rs", "expose_secret", "the recovery kit"),
    (
        "client-core/src/ops/client.rs",
        "secrets",
        "the account's address and its service, which are kept with them",
    ),
    ("client-core/src/ops/devices.rs", "keys", "a device's public ones, with its name"),
    ("client-core/src/source/postgres/restore/psql.rs", "key", "of \\restrict, for psql alone"),
    ("client-core/src/source/postgres/session.rs", "key", "of \\restrict, for psql alone"),
    ("client-core/src/store/address.rs", "key", "an object's name"),
    ("metadata-api/src/config/secrets.rs", "expose_secret", "its length"),
    ("metadata-api/src/embedded/postgres/mod.rs", "expose_secret", "the same password"),
    ("metadata-api/src/embedded/postgres/mod.rs", "password", "the service's own database, told to it alone"),
    ("metadata-api/src/keys/token.rs", "key", "the public one, for its thumbprint"),
];

struct Finder<'a> {
    file: &'a str,
    found: &'a mut Vec<(String, String)>,
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        let Some(name) = item.path.segments.last().map(|segment| segment.ident.to_string()) else { return };
        if WRITERS.contains(&name.as_str()) {
            for name in named(&item.tokens.to_string()) {
                self.found.push((self.file.to_owned(), name));
            }
        }
    }
}

/// Identifiers with a secret's name among a macro's arguments and in its format string.
fn named(tokens: &str) -> Vec<String> {
    let (mut found, mut text) = (Vec::new(), false);
    let mut rest = tokens;
    while let Some(c) = rest.chars().next() {
        let word: usize =
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8).sum();
        let (part, next) = rest.split_at(word.max(c.len_utf8()));
        let before = tokens[..tokens.len() - rest.len()].trim_end();
        match c {
            '"' if !before.ends_with('\\') => text = !text,
            // In a format string, only identifiers in braces are arguments.
            _ if word > 0 && (!text || before.ends_with('{') && !before.ends_with("{{")) => {
                // What follows a path's `::` builds a value; a method returns what it is named after.
                let next = next.trim_start();
                let other = !text
                    && (next.starts_with(['!', ':']) || next.starts_with('(') && before.ends_with("::"));
                if !other
                    && SECRET.iter().any(|secret| part == *secret || part.ends_with(&format!("_{secret}")))
                {
                    found.push(part.to_owned());
                }
            }
            _ => {}
        }
        rest = next;
    }
    found
}

/// The Rust files below a folder, without those of tests.
pub(crate) fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !["tests", "target", "fuzz", "benches"].iter().any(|name| path.ends_with(name)) {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

#[test]
fn no_secret_reaches_a_log() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in ["app", "client-core", "metadata-api"] {
        sources(&root.join(folder), &mut files);
    }
    assert!(files.len() > 200, "only {} files were read", files.len());
    let mut found = Vec::new();
    for path in files {
        let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let syntax = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
        Finder { file: &file, found: &mut found }.visit_file(&syntax);
    }
    let is = |found: &(String, String), file: &str, name: &str| found.0 == file && found.1 == name;
    for (file, name, _) in HARMLESS {
        assert!(found.iter().any(|found| is(found, file, name)), "{file} has no {name} any more");
    }
    found.retain(|found| !HARMLESS.iter().any(|(file, name, _)| is(found, file, name)));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    for (tokens, names) in [
        (r#"% password , "signed in""#, &["password"][..]),
        (r#""the word {token:?}""#, &["token"]),
        (r#""the word {}" , self . access_token"#, &["access_token"]),
        (r#"key = % id , "key {{token}} password""#, &["key"]),
        (r#""password: {}" , name"#, &[]),
        (r#""{}" , key . id ()"#, &["key"]),
        (r#""{}" , self . password () , login . tokens"#, &["password", "tokens"]),
        (r#""{}" , Sealed :: key (x) , words :: LIST , Login { token : x }"#, &[]),
    ] {
        assert_eq!(named(tokens), names, "{tokens}");
    }
}
