//! `sealkeep login`: password → second factor → on a new machine, the recovery words.

use api_types::account::SecondFactor;
use client_core::{
    error::{Error, ErrorKind},
    ops::sign_in::{self, Step},
};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{Context, signup};
use crate::{
    args::Login,
    prompt::{Secret, ask_line, note},
};

pub(crate) async fn run(context: &Context, arguments: Login) -> Result<(), Error> {
    let Login { email, device_name } = arguments;
    let email = match email {
        Some(email) => email,
        None => context
            .client
            .known_email()?
            .ok_or_else(|| Error::usage("this device knows no account: give --email".to_owned()))?,
    };
    let password = context.secrets.get(Secret::Password)?;
    let pending = sign_in::begin(&context.client, &email, device_name, &password).await?;
    let step = match context.secrets.given(Secret::RecoveryCode) {
        Some(code) => pending.factor(SecondFactor::RecoveryCode(code.expose_secret().to_owned())).await?,
        None => pending.factor(SecondFactor::Totp(six_digits(context)?)).await?,
    };
    let account = match step {
        Step::Done(account) => account,
        Step::NewVault(vault) => signup::finish(context, vault).await?,
        Step::NewDevice(device) => loop {
            let words = context.secrets.get(Secret::RecoveryWords)?;
            match device.recover(&words).await {
                Err(error)
                    if error.kind() == ErrorKind::WrongRecoveryKey
                        && context.secrets.given(Secret::RecoveryWords).is_none() =>
                {
                    note(error.happened())?;
                }
                done => break done?,
            }
        },
    };
    context.output.result(&json!({"event": "signed_in", "account": signup::describe(&account)}), || {
        format!("Signed in as {} on \"{}\", vault {}.", account.email, account.device_name, account.vault)
    })
}

fn six_digits(context: &Context) -> Result<String, Error> {
    match context.secrets.given(Secret::Totp) {
        Some(code) => Ok(code.expose_secret().to_owned()),
        None => ask_line("Six-digit code: "),
    }
}
