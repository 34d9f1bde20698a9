//! One man page: the sections that clap knows, and examples, exit status, environment and files.

use std::io;

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, italic, roman},
};

use crate::{
    groups,
    reference::{ENVIRONMENT, EXIT_CODES, FILES, is_listed},
};

/// The page of a command that was built.
///
/// # Errors
/// None that a buffer in memory has.
pub(crate) fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone()).manual("Sealkeep");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    let help = command.get_after_long_help().or_else(|| command.get_after_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let paragraphs: Vec<&str> = help.split("\n\n").filter(|paragraph| !is_listed(paragraph)).collect();
    let (mut examples, notes): (Vec<&str>, Vec<&str>) =
        paragraphs.into_iter().partition(|paragraph| paragraph.starts_with("Example"));
    // The program's own are in the template of its help.
    let of_program = format!("Examples:\n{}", groups::EXAMPLES);
    if command.get_name() == env!("CARGO_BIN_NAME") {
        examples.push(&of_program);
    }

    let mut roff = Roff::new();
    for note in notes.iter().filter(|note| !note.is_empty()) {
        add_note(&mut roff, note);
    }
    roff.to_writer(&mut text)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut text)?;
    }
    if command.get_subcommands().any(|sub| !sub.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }

    let mut roff = Roff::new();
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        for example in examples {
            let lines: Vec<&str> = example.lines().skip(1).map(str::trim_start).collect();
            add_block(&mut roff, &lines);
        }
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        roff.control("TP", []).text([bold(code.to_string())]).text([roman(sentence(meaning))]);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    roff.text([roman("Options take precedence over variables, and variables over the configuration file.")]);
    for (name, meaning) in ENVIRONMENT {
        roff.control("TP", []).text([bold(name)]).text([roman(sentence(meaning))]);
    }
    roff.control("SH", ["FILES"]);
    for (path, meaning) in FILES {
        roff.control("TP", []).text([italic(path)]).text([roman(meaning)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(related(command).join(", "))]);
    roff.to_writer(&mut text)?;
    Ok(text)
}

/// A paragraph, or lines that are indented, such as a file.
fn add_note(roff: &mut Roff, note: &str) {
    roff.control("PP", []);
    if note.starts_with("    ") {
        let lines: Vec<&str> = note.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
        add_block(roff, &lines);
    } else {
        roff.text([roman(note.lines().collect::<Vec<_>>().join(" "))]);
    }
}

/// Lines that stay as they are.
fn add_block(roff: &mut Roff, lines: &[&str]) {
    roff.control("RS", ["4"]).control("nf", []);
    for line in lines {
        roff.text([roman(*line)]);
    }
    roff.control("fi", []).control("RE", []);
}

/// `Wrong usage.`
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// The page of the program, those of a command's own commands, and the programs that it starts.
fn related(command: &Command) -> Vec<String> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let own = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let own = own.map(|sub| format!("{name}-{}(1)", sub.get_name()));
    let above = name.rsplit_once('-').map(|(above, _)| format!("{above}(1)"));
    let programs = ["pg_dump(1)", "pg_restore(1)", "psql(1)"].map(str::to_owned);
    above.into_iter().chain(own).chain(programs).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn pages(command: &Command, found: &mut Vec<(String, String)>) {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
        found.push((name, String::from_utf8(page(command).unwrap()).unwrap()));
        command.get_subcommands().filter(|sub| !sub.is_hide_set()).for_each(|sub| pages(sub, found));
    }

    #[test]
    fn every_page_has_all_sections() {
        let mut command = groups::command().disable_help_subcommand(true);
        command.build();
        let mut found = Vec::new();
        pages(&command, &mut found);
        assert!(found.len() > 25, "{}", found.len());
        for (name, text) in &found {
            let mut at = 0;
            for section in [
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "EXAMPLES",
                "\"EXIT STATUS\"",
                "ENVIRONMENT",
                "FILES",
                "\"SEE ALSO\"",
            ] {
                let next = text.find(&format!(".SH {section}\n"));
                assert!(next.is_some_and(|next| next >= at), "{name}: {section}\n{text}");
                at = next.unwrap();
            }
            assert_eq!(text.matches(".nf\n").count(), text.matches(".fi\n").count(), "{name}");
            assert!(text.contains("Stopped.\n"), "{name}: {text}");
            assert!(!text.contains("Exit codes:") && !text.contains("Examples:"), "{name}: {text}");
        }
        let (_, root) = found.iter().find(|(name, _)| name == "sealkeep").unwrap();
        assert!(root.replace("\\-", "-").contains("sealkeep-backup(1)"), "{root}");
        let (_, add) = found.iter().find(|(name, _)| name == "sealkeep-source-add").unwrap();
        assert!(add.replace("\\-", "-").contains("sealkeep-source(1)"), "{add}");
    }
}
