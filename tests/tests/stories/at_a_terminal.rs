//! What a person at a terminal sees, and a pipe does not: questions, tables that fit, colors.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use e2e::{Call, Device, Stage, Terminal};

/// On a terminal, a restore asks for what is missing; Ctrl-C at a question leaves the terminal as it was.
#[test]
fn a_restore_asks_for_snapshot_and_file() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    device.backup_bytes("ledger", b"the first").ok().unwrap();
    device.backup_bytes("ledger", b"the second").ok().unwrap();
    let mut terminal = Terminal::start(&device.call_plain(["restore"]), 80).unwrap();
    terminal.expect("by number [1]: ").unwrap();
    assert!(terminal.screen().contains("just now"), "{}", terminal.screen());
    terminal.type_in("3\n").unwrap();
    terminal.expect("between 1 and 2").unwrap();
    terminal.type_in("2\n").unwrap();
    terminal.expect("which file: ").unwrap();
    terminal.type_in("asked\n").unwrap();
    assert_eq!(terminal.end().unwrap(), 0, "{}", terminal.screen());
    assert_eq!(fs::read(device.desk().join("asked")).unwrap(), b"the first");

    let mut terminal = Terminal::start(&device.call_plain(["restore", "latest"]), 80).unwrap();
    terminal.expect("which file: ").unwrap();
    terminal.type_in("\x03").unwrap();
    assert_eq!(terminal.end().unwrap(), 130, "{}", terminal.screen());
    assert!(terminal.is_as_usual().unwrap());
}

#[test]
fn a_dump_that_is_typed_is_waited_for_with_a_word() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let call = device.call_plain(["backup", "--stdin", "--name", "typed"]);
    let mut terminal = Terminal::start(&call, 80).unwrap();
    terminal.expect("Ctrl-D ends it").unwrap();
    terminal.type_in("one line\n\x04").unwrap();
    assert_eq!(terminal.end().unwrap(), 0, "{}", terminal.screen());
    assert_eq!(device.restore_bytes("latest").unwrap(), b"one line\n");
}

/// A table on a terminal of 80 columns has short ids and no line that wraps; in a pipe it has complete ids and ISO times.
#[test]
fn a_table_fits_the_terminal_and_is_complete_in_a_pipe() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let name = "a source whose name is long enough to leave no room for anything else on a line";
    let made = device.backup_bytes(name, b"x").ok().unwrap();
    let id = e2e::device::text(&made, "snapshot_id").unwrap();
    let file = device.desk().join("dump.sql");
    fs::write(&file, "x").unwrap();
    device.call(["source", "add", "--file", file.to_str().unwrap(), "--name", name]).ok().unwrap();
    // Without systemd the schedule is saved all the same.
    device.call(["schedule", "add", name, "--hourly"]).env("PATH", "/nowhere").refused(2).unwrap();
    for command in
        [&["snapshots"][..], &["ls"], &["devices"], &["runs"], &["source", "list"], &["schedule", "list"]]
    {
        let mut terminal = Terminal::start(&device.call_plain(command), 80).unwrap();
        assert_eq!(terminal.end().unwrap(), 0, "{}", terminal.screen());
        for line in terminal.screen().lines().filter(|line| !line.contains('\x1b')) {
            assert!(line.trim_end().chars().count() <= 80, "{command:?}: {line:?}");
        }
    }
    let mut terminal = Terminal::start(&device.call_plain(["snapshots"]), 80).unwrap();
    assert_eq!(terminal.end().unwrap(), 0);
    assert!(terminal.screen().contains(&id[..8]) && !terminal.screen().contains(id), "{}", terminal.screen());
    assert!(terminal.screen().contains("just now"), "{}", terminal.screen());
    let piped = String::from_utf8(device.call_plain(["snapshots"]).go().unwrap().stdout).unwrap();
    assert!(piped.contains(id) && piped.contains(name), "{piped}");
    // The ids of runs and sources, too.
    for (command, list, shown) in [(&["runs"][..], "runs", "just now"), (&["source", "list"], "sources", "…")]
    {
        let listed = device.call(command).ok().unwrap();
        let id = e2e::device::text(&e2e::device::list(&listed, list).unwrap()[0], "id").unwrap().to_owned();
        let piped = String::from_utf8(device.call_plain(command).go().unwrap().stdout).unwrap();
        assert!(piped.contains(&id) && piped.contains(name), "{piped}");
        let mut terminal = Terminal::start(&device.call_plain(command), 80).unwrap();
        assert_eq!(terminal.end().unwrap(), 0);
        assert!(
            terminal.screen().contains(shown) && !terminal.screen().contains(&id),
            "{}",
            terminal.screen()
        );
    }
}

/// A question that nobody would see is not asked.
#[test]
fn nothing_is_asked_where_nobody_sees_the_question() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    device.backup_bytes("ledger", b"x").ok().unwrap();
    for (arguments, code) in [("restore latest", 2), ("debug bundle", 2), ("signup --email a@example.com", 2)]
    {
        let script = format!("exec \"$SEALKEEP\" {arguments} 2> said");
        let mut terminal = Terminal::start(&device.shell(&script), 80).unwrap();
        assert_eq!(terminal.end().unwrap(), code, "{arguments}: {}", terminal.screen());
        let said = fs::read_to_string(device.desk().join("said")).unwrap();
        assert!(said.starts_with("sealkeep: "), "{arguments}: {said}");
    }
}

#[test]
fn colors_follow_the_environment() {
    let device = Device::with_server("http://127.0.0.1:1").unwrap();
    let help = |name: &str| device.call_plain(["--help"]).env(name, "1").go().unwrap().stdout;
    assert!(help("CLICOLOR_FORCE").contains(&0x1b));
    assert!(!help("NO_COLOR").contains(&0x1b) && !help("CLICOLOR").contains(&0x1b));
    let colored = |call: Call| {
        let mut terminal = Terminal::start(&call, 80).unwrap();
        assert_eq!(terminal.end().unwrap(), 0);
        terminal.screen().contains("\x1b[1m")
    };
    assert!(colored(device.call_plain(["--help"])));
    assert!(!colored(device.call_plain(["--help"]).env("NO_COLOR", "1")));
    assert!(!colored(device.call_plain(["--help"]).env("CLICOLOR", "0")));
    // NO_COLOR wins over everything else.
    let both = device.call_plain(["--help"]).env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1");
    assert!(!both.go().unwrap().stdout.contains(&0x1b));
}

#[test]
fn help_fits_the_terminal_and_global_options_stand_apart() {
    let device = Device::with_server("http://127.0.0.1:1").unwrap();
    for columns in [60, 80, 100] {
        for arguments in [&["--help"][..], &["backup", "--help"], &["restore", "-h"], &["login", "--help"]] {
            let call = device.call_plain(arguments).env("SEALKEEP_SERVER", "https://secret.example.com");
            let mut terminal = Terminal::start(&call, columns).unwrap();
            assert_eq!(terminal.end().unwrap(), 0);
            let screen = terminal.screen();
            let screen: String =
                screen.split('\x1b').map(|p| p.split_once('m').map_or(p, |(_, rest)| rest)).collect();
            for line in screen.lines() {
                // Examples are commands to copy and must not be wrapped.
                let example = line.trim_start().starts_with("sealkeep ") || line.contains(" | ");
                // Nor must the synopsis.
                let example = example || line.starts_with("Usage: ");
                // The list of commands is made for 80 columns.
                let example = example || (columns < 80 && arguments == ["--help"]);
                assert!(
                    example || line.trim_end().chars().count() <= usize::from(columns),
                    "{columns}: {line:?}"
                );
            }
            assert!(!screen.contains("secret.example.com"), "{screen}");
            let (own, global) = screen.split_once("Global options:").unwrap();
            assert!(global.contains("--json") && global.contains("--secrets-fd"), "{screen}");
            assert!(!own.contains("--json "), "{screen}");
        }
    }
    // A value from the environment was not typed, so the usage line leaves it out.
    let outcome = device.call_plain(["restore", "latest"]).env("SEALKEEP_STALL_TIMEOUT", "9").go().unwrap();
    assert_eq!(outcome.code, 2);
    let usage = outcome.stderr.split_once("Usage:").unwrap().1;
    assert!(
        !usage.contains("--server") && !usage.contains("--home") && !usage.contains("--stall"),
        "{usage}"
    );
}
