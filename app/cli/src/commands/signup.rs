//! `sealkeep signup`: account → second factor → keys → recovery words, three of which must be confirmed.

use api_types::Region;
use client_core::{
    error::{Error, ErrorKind},
    ops::{
        Account,
        sign_up::{self, NewVault},
    },
    text,
};
use secrecy::ExposeSecret;

use super::Context;
use crate::{args::Signup, documents, documents::Dialog, plain, plain::Plain, prompt::Secret, render::note};

pub(crate) async fn run(context: &Context, arguments: Signup) -> Result<(), Error> {
    let Signup { email, region, device_name } = arguments;
    context.client.refuse_second_account()?;
    let email = match email {
        Some(email) => email,
        None => context.secrets.ask_line(&plain!("Email address: ")).await?,
    };
    let region = match region {
        Some(region) => region,
        None => ask_region(context).await?,
    };
    let password = context.secrets.new_password().await?;
    let pending = sign_up::begin(&context.client, &email, region, device_name, &password).await?;
    if context.output.is_json() {
        let totp = Dialog::Totp { otpauth_url: pending.otpauth_url() };
        context.output.result(&totp, Plain::default)?;
    } else {
        note(&plain!(
            "Add this to your authenticator app, as a link or by its key:\n\n  {}\n  key: {}\n",
            pending.otpauth_url(),
            pending.totp_secret().unwrap_or_default()
        ))?;
    }
    let vault = loop {
        match pending.confirm(&code(context).await?).await {
            Err(error) if error.kind() == ErrorKind::SecondFactor && !context.output.is_json() => {
                note(&plain!(
                    "Wrong or expired code. Enter the newest code; if it keeps failing, check the clock on the device with your authenticator."
                ))?;
            }
            done => break done?,
        }
    };
    let account = finish(context, vault).await?;
    context.output.result(&Dialog::SignedUp { account: describe(&account) }, || {
        plain!(
            "Signed up. Vault {} in region {}; this device is \"{}\".\nNext: sealkeep backup postgres://…",
            account.vault,
            account.region,
            account.device_name
        )
    })
}

/// Shows what is shown only once, and asks for three words before the keys are stored.
pub(crate) async fn finish(context: &Context, vault: NewVault) -> Result<Account, Error> {
    let words = vault.words().expose_secret();
    if context.output.is_json() {
        for event in [
            Dialog::RecoveryCodes { codes: vault.recovery_codes() },
            Dialog::RecoveryWords { words },
            Dialog::ConfirmWords { positions: vault.positions() },
        ] {
            context.output.result(&event, Plain::default)?;
        }
    } else {
        if !vault.recovery_codes().is_empty() {
            note(&plain!("\n10 recovery codes. Each works once in place of a 6-digit code:\n"))?;
            note(&Plain::join_lines(vault.recovery_codes().iter().map(|code| plain!("  {}", code))))?;
        }
        note(&plain!(
            "\nYour recovery words. They unlock your backups without us and without this machine."
        ))?;
        note(&plain!(
            "Write them down. They are shown only once. If you lose them and all your devices, the data is lost.\n"
        ))?;
        note(&number(words))?;
    }
    loop {
        let [a, b, c] = vault.positions();
        let asked = plain!("\nEnter words {}, {}, and {} to confirm that you wrote them down: ", a, b, c);
        let answer = context.secrets.ask_line(&asked).await.map_err(unconfirmed)?;
        match vault.finish(&answer).await {
            Err(error) if error.kind() == ErrorKind::WrongRecoveryKey && !context.output.is_json() => {
                note(&plain!("Incorrect words. Try again."))?;
            }
            done => return done,
        }
    }
}

/// The account exists by now, so `signup` would be refused.
fn unconfirmed(error: Error) -> Error {
    if error.kind() != ErrorKind::Cancelled {
        return error;
    }
    Error::new(
        ErrorKind::Cancelled,
        text!("stopped"),
        "the account exists; its recovery words were not confirmed",
        "run `sealkeep login` to continue",
    )
}

async fn ask_region(context: &Context) -> Result<Region, Error> {
    loop {
        let asked = plain!("Storage region, which cannot be changed later (us, ca or eu): ");
        match context.secrets.ask_line(&asked).await?.to_ascii_lowercase().parse() {
            Ok(region) => return Ok(region),
            Err(_) => note(&plain!("Type us, ca or eu."))?,
        }
    }
}

/// The account, for JSON.
pub(crate) fn describe(account: &Account) -> documents::Account {
    documents::Account {
        email: account.email.clone(),
        account_id: account.id.to_string(),
        vault_id: account.vault.to_string(),
        region: account.region.to_string(),
        device_id: account.device.to_string(),
        device_name: account.device_name.clone(),
        keys_kept_in: account.keys_kept_in.to_string(),
    }
}

async fn code(context: &Context) -> Result<String, Error> {
    match context.secrets.given(Secret::Totp) {
        Some(code) => Ok(code.expose_secret().to_owned()),
        None => context.secrets.ask_line(&plain!("6-digit code: ")).await,
    }
}

/// Numbers the words in four columns.
fn number(words: &str) -> Plain {
    let words: Vec<&str> = words.split(' ').collect();
    let rows: Vec<String> = words
        .chunks(4)
        .enumerate()
        .map(|(row, words)| {
            let cells: Vec<String> = words
                .iter()
                .enumerate()
                .map(|(column, word)| format!("{:>2} {word:<10}", row * 4 + column + 1))
                .collect();
            format!("  {}", cells.join(" ").trim_end())
        })
        .collect();
    Plain::lines(rows.join("\n"))
}
