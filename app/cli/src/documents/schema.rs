//! The JSON Schema of all documents: one definition per command, and those that they share.

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    Backup, Bundle, Check, CleanedUp, Config, Devices, Dialog, Failed, IndexRebuilt, Line, Logged, Logout,
    RecordsRebuilt, Restored, Revoked, Runs, ScheduleAdded, ScheduleRemoved, Schedules, Snapshots, Source,
    SourceRemoved, Sources, Status, Tested, local::Turn,
};

type Definition = fn(&mut SchemaGenerator) -> Schema;

/// Each command with what it prints; its definition has underscores for blanks. `error` is what any command prints if
/// it fails, `progress` a line of `--progress=json`.
const COMMANDS: [(&str, Definition); 28] = [
    ("backup", SchemaGenerator::subschema_for::<Backup>),
    ("check", SchemaGenerator::subschema_for::<Check>),
    ("config", SchemaGenerator::subschema_for::<Config>),
    ("debug bundle", SchemaGenerator::subschema_for::<Bundle>),
    ("devices", SchemaGenerator::subschema_for::<Devices>),
    ("devices revoke", SchemaGenerator::subschema_for::<Revoked>),
    ("error", SchemaGenerator::subschema_for::<Failed>),
    ("index rebuild", SchemaGenerator::subschema_for::<IndexRebuilt>),
    ("index records", SchemaGenerator::subschema_for::<RecordsRebuilt>),
    ("login", SchemaGenerator::subschema_for::<Dialog>),
    ("logout", SchemaGenerator::subschema_for::<Logout>),
    ("logs", SchemaGenerator::subschema_for::<Logged>),
    ("progress", SchemaGenerator::subschema_for::<Line>),
    ("restore", SchemaGenerator::subschema_for::<Restored>),
    ("restore clean_up", SchemaGenerator::subschema_for::<CleanedUp>),
    ("runs", SchemaGenerator::subschema_for::<Runs>),
    ("schedule add", SchemaGenerator::subschema_for::<ScheduleAdded>),
    ("schedule list", SchemaGenerator::subschema_for::<Schedules>),
    ("schedule remove", SchemaGenerator::subschema_for::<ScheduleRemoved>),
    ("schedule run", SchemaGenerator::subschema_for::<Turn>),
    ("signup", SchemaGenerator::subschema_for::<Dialog>),
    ("snapshots", SchemaGenerator::subschema_for::<Snapshots>),
    ("source add", SchemaGenerator::subschema_for::<Source>),
    ("source edit", SchemaGenerator::subschema_for::<Source>),
    ("source list", SchemaGenerator::subschema_for::<Sources>),
    ("source remove", SchemaGenerator::subschema_for::<SourceRemoved>),
    ("source test", SchemaGenerator::subschema_for::<Tested>),
    ("status", SchemaGenerator::subschema_for::<Status>),
];

/// Any document that a command prints is valid.
fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut named = Map::new();
    for (command, definition) in COMMANDS {
        named.insert(command.replace(' ', "_"), definition(&mut generator).to_value());
    }
    let any: Vec<Value> = named.keys().map(|name| json!({"$ref": format!("#/$defs/{name}")})).collect();
    let mut definitions = generator.take_definitions(true);
    for (name, definition) in named {
        // Most are the definition of that name already; some commands print the same.
        definitions.entry(name).or_insert(definition);
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sealkeep",
        "description": "What a command of Sealkeep prints on standard output with `--json`, one document a line: \
                        `$defs` has a definition per command (`source_list` for `source list`), `error` for failures, \
                        and `progress` for the lines of `--progress=json` on standard error. \
                        Later versions may add keys.",
        "anyOf": any,
        "$defs": definitions,
    });
    // Whichever features the build has.
    schema.sort_all_objects();
    schema
}

/// The schema as a file.
pub(crate) fn text() -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(&schema())? + "\n")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{fs, path::Path};

    use clap::{Command, CommandFactory};

    use super::*;
    use crate::args::Cli;

    /// `UPDATE_JSON=1 cargo test -p sealkeep-cli the_schema_is_as_it_was` writes the file.
    #[test]
    fn the_schema_is_as_it_was() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("json-schema.json");
        let now = text().unwrap();
        if std::env::var_os("UPDATE_JSON").is_some() {
            fs::write(&file, &now).unwrap();
        }
        let before = fs::read_to_string(&file).unwrap();
        for (line, (old, new)) in before.lines().zip(now.lines()).enumerate() {
            let help = "if that is meant, UPDATE_JSON=1 cargo test -p sealkeep-cli the_schema_is_as_it_was";
            assert_eq!(new, old, "line {}: {help}", line + 1);
        }
        assert_eq!(before, now);
    }

    /// The words of each command that prints a document.
    fn printing(command: &Command, path: &str, found: &mut Vec<String>) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let path = format!("{path} {}", sub.get_name()).trim_start().to_owned();
            if !sub.is_subcommand_required_set() {
                found.push(path.clone());
            }
            printing(sub, &path, found);
        }
    }

    #[test]
    fn every_command_has_a_definition_and_every_definition_is_described() {
        let schema = schema();
        let mut commands = Vec::new();
        printing(&Cli::command(), "", &mut commands);
        assert!(commands.len() > 20, "{commands:?}");
        for command in commands {
            let name = command.replace(' ', "_");
            assert!(schema["$defs"].get(&name).is_some(), "{command}");
        }
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            let described = definition.get("description").or_else(|| definition.get("$ref"));
            assert!(described.is_some(), "{name}: {definition}");
        }
        // A key that may be null is always there.
        let run = &schema["$defs"]["run"];
        assert!(run["required"].as_array().unwrap().contains(&json!("ended")), "{run}");
        assert_eq!(run["properties"]["ended"]["type"], json!(["integer", "null"]), "{run}");
    }
}
