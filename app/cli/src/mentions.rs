//! Tests that no text of ours names a command or an option that does not exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory};

use crate::args::Cli;

/// The files that contain our texts.
const WRITTEN: [&str; 10] = [
    "README.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "app",
    "client-core/src",
    "client-core/docs",
    "metadata-api/src",
    "metadata-api/docs",
    "ui/docs",
    "ui/src/words",
];
/// Options in our texts that belong to other programs.
const FOREIGN_OPTIONS: [&str; 10] = [
    "--vault-quota",
    "--embedded",
    "--help",
    "--version",
    "--user",
    "--now",
    "--single-transaction",
    "--archive",
    "--db",
    "--dbname",
];

fn texts(path: &Path, found: &mut Vec<(PathBuf, String)>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            texts(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|e| ["rs", "md", "ts"].iter().any(|known| e == *known)) {
        found.push((path.to_owned(), fs::read_to_string(path).unwrap()));
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for path in WRITTEN {
        texts(&root.join(path), &mut found);
    }
    // The examples in this file are wrong on purpose.
    found.retain(|(path, _)| !path.ends_with("mentions.rs"));
    assert!(found.len() > 100);
    found
}

/// The words of each command line in a text, from the program's name to its end, and whether it certainly is one: a
/// word after the name may be prose.
fn mentioned(text: &str) -> Vec<(Vec<String>, bool)> {
    let name = "sealkeep ";
    let mut found = Vec::new();
    for (at, _) in text.match_indices(name) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "-_./=".contains(c)) {
            continue;
        }
        let rest = &text[at + name.len()..];
        let end =
            rest.find(['`', '“', '"', '\n', '\\', '|', '#', '…', ';', '>', '<', '(']).unwrap_or(rest.len());
        let words = rest[..end].split_whitespace();
        let words = words.map(|word| word.trim_end_matches(['.', ',', ':', ')', '\'']).to_owned()).collect();
        found.push((words, matches!(before, Some('`' | '$'))));
    }
    found
}

/// What is wrong with a command line.
fn wrong(cli: &Command, words: &[String], surely: bool) -> Option<String> {
    let mut command = cli;
    for (number, word) in words.iter().enumerate() {
        if let Some(option) = word.split('=').next().filter(|word| word.starts_with("--") && word.len() > 2) {
            let known = |of: &Command| of.get_arguments().any(|a| a.get_long() == Some(&option[2..]));
            if !known(command) && !known(cli) && option != "--help" && option != "--version" {
                return Some(format!("{} has no {option}", command.get_name()));
            }
        } else if let Some(inner) = command.find_subcommand(word) {
            command = inner;
        } else if number > 0 && command.has_subcommands() {
            return Some(format!("{} has no {word}", command.get_name()));
        } else if number == 0 && (surely || words.iter().any(|word| word.starts_with("--"))) {
            // A key's label has a number there.
            let named = word.starts_with(|c: char| c.is_ascii_lowercase());
            return named.then(|| format!("there is no command {word}"));
        } else if number == 0 {
            return None;
        }
    }
    None
}

#[test]
fn every_command_line_that_is_named_exists() {
    let cli = Cli::command();
    let (mut seen, mut faults) = (0, Vec::new());
    for (path, text) in all() {
        for (words, surely) in mentioned(&text) {
            seen += 1;
            if let Some(wrong) = wrong(&cli, &words, surely) {
                faults.push(format!("{}: sealkeep {}: {wrong}", path.display(), words.join(" ")));
            }
        }
    }
    assert!(seen > 60, "{seen} command lines were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_guide_explains_every_kind_of_error() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let source = fs::read_to_string(root.join("client-core/src/error.rs")).unwrap();
    let guide = fs::read_to_string(root.join("ui/docs/guide/troubleshooting.md")).unwrap();
    let kind = |line: &str| -> Option<String> {
        let (_, kind) = line.trim().strip_prefix("Self::")?.split_once(" => \"")?;
        Some(kind.strip_suffix("\",")?.to_owned())
    };
    let kinds: Vec<String> = source.lines().filter_map(kind).collect();
    assert!(kinds.len() > 30, "{kinds:?}");
    let missing: Vec<&String> = kinds.iter().filter(|kind| !guide.contains(&format!("`{kind}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The string literals on a line of source.
fn literals(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

#[test]
fn every_option_that_a_sentence_of_ours_names_exists() {
    let cli = Cli::command();
    let mut commands: Vec<&Command> = vec![&cli];
    let mut options = Vec::new();
    while let Some(command) = commands.pop() {
        options.extend(command.get_arguments().filter_map(|a| a.get_long()).map(|long| format!("--{long}")));
        commands.extend(command.get_subcommands());
    }
    let mut faults = Vec::new();
    let sources = all().into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "rs"));
    for (path, text) in sources {
        // The service's program documents its own options.
        if path.components().any(|part| part.as_os_str() == "metadata-api") {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()) {
            // A literal with spaces is a sentence; one without may be an argument of another program.
            for literal in literals(line).filter(|literal| literal.contains(' ')) {
                for word in literal.split(|c: char| !(c.is_ascii_lowercase() || c == '-')) {
                    let named = word.starts_with("--") && !word.starts_with("---") && word.len() > 3;
                    if named && !options.iter().any(|o| o == word) && !FOREIGN_OPTIONS.contains(&word) {
                        faults.push(format!("{}:{number}: {word}", path.display()));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_command_that_does_not_exist_is_noticed() {
    let cli = Cli::command();
    let fault =
        |text: &str| mentioned(text).iter().any(|(words, surely)| wrong(&cli, words, *surely).is_some());
    for bad in [
        "run `sealkeep repair` now",
        "`sealkeep backup --incremental x`",
        "use sealkeep snapshots --since monday",
        "see `sealkeep devices approve 3f`",
        "sealkeep prune --keep 3",
    ] {
        assert!(fault(bad), "{bad}");
    }
    for good in [
        "the sealkeep command",
        "`sealkeep backup --file x --json`",
        "`sealkeep devices revoke NAME`.",
        "`sealkeep --help`",
    ] {
        assert!(!fault(good), "{good}");
    }
}
