//! The complete help as a file, so that reviews show changes to it. `UPDATE_HELP=1 cargo test help_is_as_it_was`
//! writes it.

use std::{fmt::Write, fs, path::Path};

use clap::Command;

use crate::groups;

const WIDTH: usize = 80;

fn add(command: &Command, path: &str, all: &mut String) {
    let help = command.clone().term_width(WIDTH).bin_name(path).render_long_help().to_string();
    let help = if !path.contains(' ') { help } else { without_global(&help) };
    writeln!(all, "$ {path} --help\n{}", help.trim_end()).unwrap();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        all.push('\n');
        add(sub, &format!("{path} {}", sub.get_name()), all);
    }
}

/// The global options are the same everywhere: once is enough.
fn without_global(help: &str) -> String {
    let Some((before, after)) = help.split_once("Global options:\n") else { return help.to_owned() };
    let rest: Vec<&str> = after.lines().skip_while(|line| line.is_empty() || line.starts_with(' ')).collect();
    format!("{before}{}", rest.join("\n"))
}

#[test]
fn help_is_as_it_was() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("help.txt");
    let mut command = groups::command();
    command.build();
    let mut now = String::new();
    add(&command, "sealkeep", &mut now);
    if std::env::var_os("UPDATE_HELP").is_some() {
        fs::write(&file, &now).unwrap();
    }
    let before = fs::read_to_string(&file).unwrap();
    for (line, (old, new)) in before.lines().zip(now.lines()).enumerate() {
        assert_eq!(
            new,
            old,
            "line {}: if that is meant, UPDATE_HELP=1 cargo test help_is_as_it_was",
            line + 1
        );
    }
    assert_eq!(before.lines().count(), now.lines().count());
    let wide: Vec<&str> = now.lines().filter(|line| line.chars().count() > WIDTH).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

/// Every command that can be run shows how.
#[test]
fn every_help_has_an_example() {
    fn look(command: &Command, path: &str) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let path = format!("{path} {}", sub.get_name());
            let help = sub.clone().render_long_help().to_string();
            assert!(
                help.contains(&format!("\n  {path}")) || help.contains(&format!("| {path}")),
                "{path}: {help}"
            );
            look(sub, &path);
        }
    }
    look(&groups::command(), "sealkeep");
}

/// The words that may be names of variables.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
}

/// Every file of the command and of the core, except this one, without its tests.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("help.rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(text.split("#[cfg(test)]").next().unwrap().to_owned());
        }
    }
}

/// The help lists every variable that is read: those of options, of secrets, and any other that the sources name.
#[test]
fn every_variable_is_documented_in_one_place() {
    let mut command = groups::command();
    command.build();
    let text = command.get_after_long_help().unwrap().to_string();
    let documented = |name: &str| names(&text).any(|word| word == name);
    let mut commands = vec![&command];
    let mut seen = 0;
    while let Some(command) = commands.pop() {
        for variable in command.get_arguments().filter_map(|argument| argument.get_env()) {
            seen += 1;
            assert!(documented(variable.to_str().unwrap()), "{}", variable.display());
        }
        commands.extend(command.get_subcommands());
    }
    assert!(seen >= 5, "{seen} options have a variable");
    for secret in ["PASSWORD", "TOTP", "RECOVERY_CODE", "RECOVERY_WORDS", "KEYSTORE_PASSPHRASE"] {
        assert!(documented(&format!("SEALKEEP_{secret}")), "{secret}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in [root.join("src"), root.join("../../client-core/src")] {
        sources(&folder, &mut texts);
    }
    let mut named = 0;
    for text in &texts {
        // We set the first variable for the process guard.
        // The completion scripts are ours, too; the last one is of our tests.
        let internal = |word: &&str| {
            ["SEALKEEP_", "SEALKEEP_WATCH", "SEALKEEP_COMPLETE", "SEALKEEP_MAY_SKIP"].contains(word)
        };
        for name in names(text).filter(|word| word.starts_with("SEALKEEP_") && !internal(word)) {
            named += 1;
            assert!(documented(name), "{name}");
        }
    }
    assert!(named >= 10, "{named} variables are named");
    assert!(documented("SEALKEEP_LOG") && documented(crate::args::DATABASE_URL));
    assert!(documented("NO_COLOR") && documented("CLICOLOR_FORCE"));
    assert!(!documented("SEALKEEP_NOTHING"));
}

/// clap's own checks: no two options of a command with one name, no group without members, and so on.
#[test]
fn the_command_line_is_sound() {
    groups::command().debug_assert();
    crate::args::with_questions(groups::command()).debug_assert();
}
