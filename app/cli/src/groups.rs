//! The commands in groups, for the help. clap groups options but no commands: the list is generated from the tree of
//! commands and stands in a template.

use std::fmt::Write;

use clap::{
    Command, CommandFactory,
    builder::styling::{AnsiColor, Style, Styles},
};

use crate::args::Cli;

const GROUPS: [(&str, &[&str]); 4] = [
    ("Start here", &["signup", "login", "status"]),
    ("Back up and restore", &["backup", "snapshots", "restore", "source", "schedule"]),
    ("Verify and inspect", &["check", "runs", "logs", "index"]),
    ("This device and others", &["devices", "logout", "config", "debug"]),
];

pub(crate) const EXAMPLES: &str = "  sealkeep signup --email you@example.com --region eu
  sealkeep backup postgres://backup@db.example/shop
  sealkeep restore shop@latest --to shop.dump";

const HEADING: Style = Style::new().bold();
const LITERAL: Style = AnsiColor::Cyan.on_default();

/// What can be typed, with its help in groups.
pub(crate) fn command() -> Command {
    let command = Cli::command();
    let mut list = String::new();
    for (heading, names) in GROUPS {
        let found: Vec<&Command> = names.iter().filter_map(|name| command.find_subcommand(name)).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(list, "{HEADING}{heading}:{HEADING:#}");
        for command in found {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            // What follows a semicolon is in the command's own help.
            let about = about.split(';').next().unwrap_or_default();
            let _ = writeln!(list, "  {LITERAL}{:<9}{LITERAL:#}  {about}", command.get_name());
        }
        list.push('\n');
    }
    // All options of the program itself are global; `{options}` knows no headings.
    let template = format!(
        "{{about}}\n\n{HEADING}Usage:{HEADING:#} {{usage}}\n\n{list}\
         {HEADING}Examples:{HEADING:#}\n{EXAMPLES}\n\n{HEADING}Global options:{HEADING:#}\n{{options}}{{after-help}}"
    );
    let styles = Styles::styled().header(HEADING).usage(HEADING).literal(LITERAL);
    command.styles(styles).help_template(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_its_line_fits() {
        let command = command();
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
            let groups = GROUPS.iter().filter(|(_, names)| names.contains(&sub.get_name())).count();
            assert_eq!(groups, 1, "{}", sub.get_name());
        }
        let help = command.term_width(80).render_help().to_string();
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(help.contains("Start here:\n  signup     Create an account"), "{help}");
        assert!(help.contains("Examples:\n  sealkeep signup"), "{help}");
        let (_, global) = help.split_once("Global options:\n").unwrap_or_default();
        assert!(global.contains("--json") && global.contains("--version"), "{help}");
    }

    /// Colors are added on a terminal that wants them; the text itself has none.
    #[test]
    fn the_text_has_no_colors_of_its_own() {
        let help = command().render_long_help();
        assert!(!help.to_string().contains('\x1b'));
        let styled = help.ansi().to_string();
        assert!(styled.contains("\x1b[1mStart here:"), "{styled}");
    }

    #[test]
    fn what_is_hidden_or_an_alias_is_not_listed() {
        let mut command = command();
        let help = command.render_help().to_string();
        for absent in ["completions", "  man ", "  ls ", "  verify ", "  help "] {
            assert!(!help.contains(absent), "{absent:?}: {help}");
        }
        for (alias, name) in [("ls", "snapshots"), ("list", "snapshots"), ("verify", "check")] {
            assert_eq!(command.find_subcommand(alias).map(Command::get_name), Some(name));
        }
        command.build();
        assert!(command.find_subcommand("completions").is_some());
    }
}
