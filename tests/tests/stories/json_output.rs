//! Keys and types of everything that `--json` prints, as a checked-in file: other programs depend on them. Each document
//! is also valid by the JSON Schema that the command prints.
//! `UPDATE_JSON=1 cargo test --test stories json_is_as_it_was` writes it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use boon::{Compiler, SchemaIndex, Schemas};
use e2e::{Call, Device, Postgres, Service, device::text, files};
use serde_json::Value;

/// The types seen at each path of a document, such as `.sources[].source`. The path of a list has no type until an
/// element was seen.
type Shape = BTreeMap<String, BTreeSet<&'static str>>;

/// Values that may be null, depending on the run: the command, the path, and the type.
const MAY_BE_NULL: [(&str, &str, &str); 24] = [
    ("check", ".problems[].object", "string"),
    ("devices", ".devices[].last_seen_at", "number"),
    ("devices", ".devices[].role", "string"),
    ("restore", ".damaged[].pack", "string"),
    ("logs", ".run.bytes_read", "number"),
    ("logs", ".run.ended", "number"),
    ("logs", ".run.failure", "string"),
    ("logs", ".run.snapshot_id", "string"),
    ("logs", ".run.source", "string"),
    ("logs", ".run.source_kind", "string"),
    ("logs", ".run.target.name", "string"),
    ("runs", ".runs[].bytes_read", "number"),
    ("runs", ".runs[].ended", "number"),
    ("runs", ".runs[].failure", "string"),
    ("runs", ".runs[].snapshot_id", "string"),
    ("runs", ".runs[].source", "string"),
    ("runs", ".runs[].source_kind", "string"),
    ("runs", ".runs[].target.name", "string"),
    ("schedule add", ".while_signed_out", "bool"),
    ("schedule list", ".schedules[].next", "number"),
    ("schedule list", ".while_signed_out", "bool"),
    ("schedule run", ".next", "number"),
    ("snapshots", ".unreadable[].device_name", "string"),
    ("snapshots", ".unreadable[].source", "string"),
];

/// SQL text with a statement that fails, and one that needs something no server has.
const SCRIPT: &str = "--\n-- PostgreSQL database dump\n--\n
CREATE EXTENSION no_such_extension;
CREATE TABLE public.a (n integer);
INSERT INTO public.a VALUES ('no number');
--\n-- PostgreSQL database dump complete\n--\n\n";

/// Where the schema is known as, for its validator.
const SCHEMA: &str = "https://sealkeep.test/json-schema.json";

/// What the program says about its documents, in which no other key is allowed.
struct Schema {
    schemas: Schemas,
    definitions: BTreeMap<String, SchemaIndex>,
}

impl Schema {
    fn of(device: &Device) -> Self {
        let printed = device.call_plain(["schema"]).go().unwrap();
        let mut schema: Value = serde_json::from_slice(&printed.stdout).unwrap();
        close(&mut schema);
        let names: Vec<String> = schema["$defs"].as_object().unwrap().keys().cloned().collect();
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource(SCHEMA, schema).unwrap();
        let mut compiled = |name: String| {
            let index = compiler.compile(&format!("{SCHEMA}#/$defs/{name}"), &mut schemas).unwrap();
            (name, index)
        };
        let definitions = names.into_iter().map(&mut compiled).collect();
        Self { schemas, definitions }
    }

    /// Fails if the document is not what is promised of this command.
    fn hold(&self, command: &str, document: &Value) {
        let command = if document.get("error").is_some() { "error" } else { command };
        let name = command.replace("--", "").replace([' ', '-'], "_");
        let index = self.definitions.get(&name);
        assert!(index.is_some(), "{name} has no schema");
        let valid = self.schemas.validate(document, *index.unwrap());
        assert!(valid.is_ok(), "{command}: {:#}\n{document}", valid.unwrap_err());
    }
}

/// No keys but those that are named.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.contains_key("properties") && !fields.contains_key("$ref") {
                fields.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// The documents of each command, merged into one shape.
struct Documents(BTreeMap<String, Shape>, Schema);

impl Documents {
    /// Makes a call, which must exit with this code, and records every document it prints. Returns the result.
    fn of(&mut self, command: &str, call: Call, code: i32) -> Value {
        let outcome = call.go().unwrap();
        assert_eq!(outcome.code, code, "{outcome}");
        let documents = outcome.documents();
        let lines = String::from_utf8_lossy(&outcome.stdout).lines().count();
        assert!(lines > 0 && lines == documents.len(), "a line is not a document: {outcome}");
        for document in &documents {
            self.look_at(command, document);
        }
        outcome.json().unwrap_or_default()
    }

    fn look_at(&mut self, command: &str, document: &Value) {
        self.1.hold(command, document);
        // Each event of a dialog has its own shape; errors have the same shape everywhere.
        let name = match document.get("event").and_then(Value::as_str) {
            Some(event) => format!("{command}:{event}"),
            None if document.get("error").is_some() => "(error)".to_owned(),
            None => command.to_owned(),
        };
        add(document, "", self.0.entry(name).or_default());
    }

    /// One line per path. Each names its command, so that a difference can be read without context.
    fn lines(mut self) -> Vec<String> {
        for (command, path, kind) in MAY_BE_NULL {
            let seen = self.0.get_mut(command).and_then(|shape| shape.get_mut(path));
            if let Some(seen) = seen.filter(|seen| !seen.is_empty()) {
                // Any other type stays and shows up as a difference.
                seen.extend(["null", kind]);
            }
        }
        let mut lines = Vec::new();
        for (command, shape) in &self.0 {
            for (path, kinds) in shape {
                let goes_on = |other: &String| {
                    other.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']))
                };
                if !kinds.is_empty() {
                    let kinds: Vec<&str> = kinds.iter().copied().collect();
                    lines.push(format!("{command} {path}: {}", kinds.join("|")));
                } else if !shape.keys().any(goes_on) {
                    lines.push(format!("{command} {path}: not seen"));
                }
            }
        }
        lines
    }
}

fn add(value: &Value, path: &str, shape: &mut Shape) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(items) => {
            let path = format!("{path}[]");
            shape.entry(path.clone()).or_default();
            return items.iter().for_each(|item| add(item, &path, shape));
        }
        Value::Object(fields) => {
            return fields.iter().for_each(|(name, field)| add(field, &format!("{path}.{name}"), shape));
        }
    };
    shape.entry(path.to_owned()).or_default().insert(kind);
}

fn beside_the_command(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/cli").join(name)
}

/// The commands for sources, schedules, runs and logs. `systemctl` does as it is told.
fn of_this_device(documents: &mut Documents, device: &Device) {
    let systemctl = device.desk().join("systemctl");
    fs::write(&systemctl, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", device.desk().display(), std::env::var("PATH").unwrap_or_default());
    let call = |words: &[&str]| device.call(words).env("PATH", &path);
    let file = device.desk().join("saved.bin");
    fs::write(&file, b"saved").unwrap();
    let file = file.to_str().unwrap();

    documents.of("source add", call(&["source", "add", "--file", file, "--name", "saved"]), 0);
    documents.of("source list", call(&["source", "list"]), 0);
    documents.of("source test", call(&["source", "test", "saved"]), 0);
    documents.of("schedule add", call(&["schedule", "add", "saved", "--weekly", "sun", "04:00"]), 0);
    documents.of("schedule run", call(&["schedule", "run", "saved"]), 0);
    documents.of("schedule run", call(&["schedule", "run", "saved"]), 0);
    documents.of("source list", call(&["source", "list"]), 0);
    documents.of("schedule list", call(&["schedule", "list"]), 0);
    // What somebody edited is kept, and named.
    let units = device.desk().join(".config/systemd/user");
    for unit in fs::read_dir(&units).unwrap().flatten().filter(|unit| unit.path().is_file()) {
        fs::write(unit.path(), "# mine\n").unwrap();
    }
    documents.of("schedule remove", call(&["schedule", "remove", "saved"]), 0);
    documents.of("source edit", call(&["source", "edit", "saved", "--name", "kept"]), 0);
    fs::remove_file(file).unwrap();
    drop(call(&["backup", "kept"]).go().unwrap());
    documents.of("runs", call(&["runs"]), 0);
    documents.of("logs", call(&["logs", "latest"]), 0);
    let restores = documents.of("runs", call(&["runs", "--kind", "restore", "--limit", "1"]), 0);
    documents.of("logs", call(&["logs", text(&restores["runs"][0], "id").unwrap()]), 0);
    documents.of("debug bundle", call(&["debug", "bundle", "--yes"]), 0);
    fs::write(file, b"saved").unwrap();
    call(&["schedule", "add", "kept", "--hourly"]).ok().unwrap();
    for unit in fs::read_dir(&units).unwrap().flatten().filter(|unit| unit.path().is_file()) {
        fs::write(unit.path(), "# mine\n").unwrap();
    }
    documents.of("source remove", call(&["source", "remove", "kept"]), 0);
}

#[test]
fn json_is_as_it_was() {
    // Not shared: objects get damaged, and the leftovers of restores on the server are dropped.
    let (service, server) = (Service::start().unwrap(), Postgres::start().unwrap());
    let device = Device::new(&service).unwrap();
    let mut documents = Documents(BTreeMap::new(), Schema::of(&device));
    let (account, printed) = device.sign_up_printed("eu").unwrap();
    for document in &printed {
        documents.look_at("signup", document);
    }

    // Large enough that the middle of its pack is certainly data.
    documents.of("backup", device.backup_bytes("noise", &files::noise(1, 3_000_000)), 0);
    let script = documents.of("backup", device.backup_bytes("script", SCRIPT.as_bytes()), 0);
    // What is reported meanwhile, and the error at the end.
    fs::write(device.desk().join("noise.bin"), files::noise(2, 100_000)).unwrap();
    for (code, arguments) in
        [(0, &["backup", "--file", "noise.bin"][..]), (7, &["restore", "00000000", "--stdout"])]
    {
        let outcome = device.call_plain(arguments).arg("--progress=json").go().unwrap();
        assert_eq!(outcome.code, code, "{outcome}");
        assert!(outcome.stderr.lines().count() > 0, "{outcome}");
        for line in outcome.stderr.lines() {
            documents.1.hold("progress", &serde_json::from_str(line).unwrap());
        }
    }
    documents.of("snapshots", device.call(["snapshots"]), 0);
    documents.of("status", device.call(["status"]), 0);
    documents.of("check", device.call(["check", "--read-data"]), 0);
    let latest = |source: &str, file: &str| device.restore_to("latest", file).arg("--source").arg(source);
    documents.of("restore", latest("noise", "noise"), 0);
    let script = text(&script, "snapshot_id").unwrap();
    let into = device.restore_into(script, &server, "back").arg("--skip-missing").arg("--continue");
    documents.of("restore", into, 9);
    let clean_up = device.call(["restore", "--clean-up", &server.url("postgres")]);
    documents.of("restore --clean-up", clean_up.env("PGPASSWORD", server.password()), 0);
    documents.of("restore", device.restore_to("00000000", "nothing"), 7);
    documents.of("config", device.call(["config"]), 0);
    documents.of("index rebuild", device.call(["index", "rebuild"]), 0);
    documents.of("index records", device.call(["index", "records", "--source", "noise"]), 0);

    of_this_device(&mut documents, &device);
    let add = device.call(["source", "add", "--name", "db"]);
    add.env("SEALKEEP_DATABASE_URL", server.url("postgres")).ok().unwrap();
    let test = device.call(["source", "test", "db"]).env("PGPASSWORD", server.password());
    documents.of("source test", test, 0);

    let other = Device::new(&service).unwrap();
    let login = other.login_call(&account).env("SEALKEEP_TOTP", account.authenticator.code());
    let signed_in = documents.of("login", login, 0);
    documents.of("devices", device.call(["devices"]), 0);
    let id = text(&signed_in["account"], "device_id").unwrap();
    documents.of("devices revoke", device.call(["devices", "revoke", id]), 0);

    // Damage is listed, too.
    let packs = service.bucket().of_kind("packs").unwrap().into_values();
    let pack = packs.max_by_key(|pack| pack.bytes().unwrap().len()).unwrap();
    pack.flip(pack.bytes().unwrap().len() / 2).unwrap();
    documents.of("check", device.call(["check", "--read-data"]), 9);
    documents.of("restore", latest("noise", "partial").arg("--partial"), 9);
    let body = service.bucket().of_kind("snapshots").unwrap().remove(script).unwrap();
    body.flip(body.bytes().unwrap().len() - 40).unwrap();
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        drop(fs::remove_file(device.home().join(name)));
    }
    documents.of("snapshots", device.call(["snapshots"]), 0);
    documents.of("status", device.call(["status"]), 0);

    documents.of("logout", device.call(["logout"]), 0);
    documents.of("logout", device.call(["logout", "--forget"]), 0);

    // The help lists all commands: each must be called here.
    let help = fs::read_to_string(beside_the_command("help.txt")).unwrap();
    let commands = help.lines().filter_map(|line| line.strip_prefix("$ sealkeep ")?.strip_suffix(" --help"));
    for command in commands {
        assert!(documents.0.keys().any(|name| name.starts_with(command)), "nobody calls {command} here");
    }

    let (file, now) = (beside_the_command("json.txt"), documents.lines());
    if std::env::var_os("UPDATE_JSON").is_some() {
        fs::write(&file, now.join("\n") + "\n").unwrap();
    }
    let before = fs::read_to_string(&file).unwrap_or_default();
    let gone: Vec<&str> = before.lines().filter(|line| !now.iter().any(|new| new == line)).collect();
    let new: Vec<&String> = now.iter().filter(|line| !before.lines().any(|old| old == *line)).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "app/cli/json.txt: gone are {gone:#?}, new are {new:#?}; \
         if that is meant, UPDATE_JSON=1 cargo test --test stories json_is_as_it_was"
    );
}
