//! A command line that cannot be parsed, in the same three parts as every other error.

use clap::Command;
use client_core::{
    error::{Error, ErrorKind},
    text::Text,
};

/// The command that these words name, as far as they do. The values of options in between are skipped.
pub(crate) fn command_of(root: &Command, words: impl Iterator<Item = String>) -> String {
    let (mut command, mut path) = (root, "sealkeep".to_owned());
    for word in words {
        if let Some(inner) = command.find_subcommand(&word) {
            command = inner;
            path = format!("{path} {}", inner.get_name());
        }
    }
    path
}

/// Translates the text of clap's error. Also returns the paragraph that shows the usage. `command` is the one whose
/// help explains more, if there is no such paragraph.
pub(crate) fn error<'a>(text: &'a str, command: &str) -> (Error, Option<&'a str>) {
    let (mut happened, mut tips, mut usage) = (String::new(), Vec::new(), None);
    for paragraph in text.split("\n\n").map(str::trim_end) {
        let lines = || paragraph.lines().map(str::trim).filter(|line| !line.is_empty());
        if let Some(first) = paragraph.strip_prefix("error: ").and_then(|text| text.lines().next()) {
            let rest = lines().skip(1).collect::<Vec<_>>().join(", ");
            happened = format!("{first} {rest}").trim_end().to_owned();
        } else if paragraph.starts_with("Usage: ") {
            usage = Some(paragraph);
        } else {
            tips.extend(lines().filter_map(|line| line.strip_prefix("tip: ")));
        }
    }
    let shown: Vec<&str> = usage
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .take_while(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
        .collect();
    // The help of a command that needs another word.
    if happened.is_empty() {
        "the command line is incomplete".clone_into(&mut happened);
    }
    let command = if shown.is_empty() { command.to_owned() } else { shown.join(" ") };
    let help = format!("`{command} --help` explains it");
    let next = tips.iter().map(|tip| (*tip).to_owned()).chain([help]).collect::<Vec<_>>().join("; ");
    (Error::new(ErrorKind::Usage, Text::verbatim(happened), "nothing was changed", next), usage)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::groups;

    fn said(typed: &str) -> (String, String) {
        let command = groups::command().mut_args(|argument| argument.env(None::<&'static str>));
        let named = super::command_of(&command, typed.split(' ').map(str::to_owned));
        let refused =
            command.try_get_matches_from(["sealkeep"].into_iter().chain(typed.split(' '))).unwrap_err();
        let text = refused.render().to_string();
        let (error, usage) = super::error(&text, &named);
        assert!(usage.is_none_or(|usage| usage.starts_with("Usage: sealkeep")), "{text}");
        (error.happened().to_owned(), error.next_step().to_owned())
    }

    #[test]
    fn every_way_to_mistype_says_what_is_wrong_and_where_help_is() {
        for (typed, happened, next) in [
            ("snapshot", "unrecognized subcommand 'snapshot'", "'snapshots'; `sealkeep --help`"),
            ("check --Xyz", "unexpected argument '--Xyz' found", "`sealkeep check --help`"),
            ("signup", "--email <EMAIL>, --region <REGION>", "`sealkeep signup --help`"),
            ("signup --email a --region xx", "'xx'", "`sealkeep signup --help`"),
            ("restore", "required arguments were not provided", "`sealkeep restore --help`"),
            ("devices revoke", "<DEVICE>", "`sealkeep devices revoke --help`"),
            ("backup --stdin", "--name <NAME>", "`sealkeep backup --help`"),
            ("--json", "requires a subcommand", "`sealkeep --help`"),
            ("source", "the command line is incomplete", "`sealkeep source --help`"),
            ("debug", "the command line is incomplete", "`sealkeep debug --help`"),
            ("schedule add shop", "--hourly", "`sealkeep schedule add --help`"),
            ("source edit shop", "--name <NAME>", "`sealkeep source edit --help`"),
            ("check --quiet --progress json", "cannot be used with", "--help`"),
            ("check --progress=bar", "[possible values: auto, plain, json, none]", "`sealkeep check --help`"),
            ("backup --compression 20 --file x", "20 is not in 1..=19", "`sealkeep backup --help`"),
            ("restore x --clean-up postgres://h", "cannot be used with", "`sealkeep restore --help`"),
            ("--home x schedule add s --daily 2am", "02:00", "`sealkeep schedule add --help`"),
            ("\u{1b}[2J", "unrecognized subcommand", "`sealkeep --help`"),
        ] {
            let (did_happen, did_next) = said(typed);
            assert!(did_happen.contains(happened) && !did_happen.contains('\n'), "{typed}: {did_happen}");
            assert!(did_next.contains(next), "{typed}: {did_next}");
        }
    }
}
