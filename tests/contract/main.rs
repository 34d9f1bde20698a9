//! Runs schemathesis against the real service: `sealkeep-contract [ARGUMENTS OF schemathesis run]`. Every request
//! passes a proxy that signs it as a device of a real vault, so that the handlers are reached. `SCHEMATHESIS` names the
//! program.

mod signer;

use std::{
    env,
    ffi::OsString,
    fs,
    io::{Write, stdout},
    process::{Command, ExitCode},
};

use e2e::{Device, Failure, Result, Service, device::text, files, member::Member};

use self::signer::{PLACEHOLDER, Signer};

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let schemathesis = env::var_os("SCHEMATHESIS").unwrap_or_else(|| OsString::from("schemathesis"));
    let service = Service::start()?;
    let device = Device::new(&service)?;
    let account = device.sign_up("eu")?;
    let snapshot = device.backup_bytes("contract", b"some bytes").ok()?;
    // A device for what the fuzzer may end without breaking the rest: `sign-out` and `revoke`.
    let spare = Device::new(&service)?;
    spare.sign_in(&account)?;
    let (member, spare) = (Member::of(&device, &service)?, Member::of(&spare, &service)?);
    let runs = member.ask("GET", &format!("/v1/vaults/{}/runs?limit=1", member.vault), None).await?;
    let backup = runs
        .body
        .pointer("/runs/0/run_id")
        .and_then(|id| id.as_str())
        .ok_or_else(|| Failure::new(format!("no backup is listed: {}", runs.body)))?
        .to_owned();
    writeln!(stdout(), "Snapshot {} of vault {}", text(&snapshot, "snapshot_id")?, member.vault)?;

    let folder = files::temporary()?;
    let configuration = folder.path().join("schemathesis.toml");
    fs::write(&configuration, configuration_text(&member.vault, &spare.device_id, &backup))?;
    let signer = Signer::start(service.url(), member, spare).await?;
    let status = Command::new(schemathesis)
        .arg("--config-file")
        .arg(&configuration)
        .args(["run", &format!("{}/v1/openapi.json", signer.url())])
        .args(["--header", &format!("Authorization: Bearer {PLACEHOLDER}")])
        .args(["--header", &format!("Signature: {PLACEHOLDER}")])
        .args(env::args_os().skip(1))
        .current_dir(folder.path())
        .status()?;
    let log = service.log()?;
    if log.contains("panicked") {
        return Err(Failure::new("the service panicked: see its log above"));
    }
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Real ids, so that requests get past "not found"; all checks; and 422 as the response to content that no schema can
/// describe (an OPAQUE message, a signature).
fn configuration_text(vault: &str, device: &str, backup: &str) -> String {
    format!(
        r#"[parameters]
"path.vault" = "{vault}"
"path.device" = "{device}"
"path.run" = "{backup}"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "429"]
"#
    )
}
