//! The complete help as a file, so that reviews show changes to it. `UPDATE_HELP=1 cargo test help_is_as_it_was`
//! writes it.

use std::{fmt::Write, fs, path::Path};

use clap::Command;

use crate::groups;

const WIDTH: usize = 80;

fn add(command: &Command, path: &str, all: &mut String) {
    let help = command.clone().term_width(WIDTH).bin_name(path).render_long_help();
    writeln!(all, "$ {path} --help\n{}", help.to_string().trim_end()).unwrap();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        all.push('\n');
        add(sub, &format!("{path} {}", sub.get_name()), all);
    }
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
}
