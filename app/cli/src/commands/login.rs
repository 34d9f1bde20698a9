//! `sealkeep login`: password → second factor → on a new machine, the recovery words.

use std::{fs::File, io::Read, path::Path};

use api_types::account::SecondFactor;
use client_core::{
    error::{Error, ErrorKind},
    ops::sign_in::{self, Step},
    text,
};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::{Context, signup};
use crate::{
    args::Login,
    documents::Dialog,
    plain,
    prompt::{Secret, can_ask},
    render::note,
};

/// Larger files are not kits, bytes.
const MAX_KIT: u64 = 1024 * 1024;

pub(crate) async fn run(context: &Context, arguments: Login) -> Result<(), Error> {
    let Login { email, device_name, kit } = arguments;
    let kit = kit.as_deref().map(read_kit).transpose()?;
    let email = match email {
        Some(email) => email,
        None => match context.client.known_email()? {
            Some(known) => known,
            None if can_ask() => context.secrets.ask_line(&plain!("Email address: ")).await?,
            None => return Err(Error::usage(text!("no account on this device: add --email"))),
        },
    };
    let password = context.secrets.get(Secret::Password).await?;
    let pending = sign_in::begin(&context.client, &email, device_name, &password).await?;
    let step = match context.secrets.given(Secret::RecoveryCode) {
        Some(code) => pending.factor(SecondFactor::RecoveryCode(code.expose_secret().to_owned())).await?,
        None => pending.factor(second_factor(context).await?).await?,
    };
    let account = match step {
        Step::Done(account) => account,
        Step::NewVault(vault) => signup::finish(context, vault).await?,
        Step::NewDevice(device) => loop {
            if let Some(kit) = &kit {
                break device.recover_with_kit(kit).await?;
            }
            let words = context.secrets.get(Secret::RecoveryWords).await?;
            match device.recover(&words).await {
                Err(error)
                    if error.kind() == ErrorKind::WrongRecoveryKey
                        && context.secrets.given(Secret::RecoveryWords).is_none() =>
                {
                    note(&plain!("{}", error.happened()))?;
                }
                done => break done?,
            }
        },
    };
    context.output.result(&Dialog::SignedIn { account: signup::describe(&account) }, || {
        plain!("Signed in as {} on \"{}\", vault {}.", account.email, account.device_name, account.vault)
    })
}

/// A code from the phone, or a recovery code: those have more than six digits.
async fn second_factor(context: &Context) -> Result<SecondFactor, Error> {
    if let Some(code) = context.secrets.given(Secret::Totp) {
        return Ok(SecondFactor::Totp(code.expose_secret().to_owned()));
    }
    let typed = context.secrets.ask_line(&plain!("6-digit code, or a recovery code: ")).await?;
    let digits = typed.replace(' ', "");
    let of_the_phone = digits.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    Ok(if of_the_phone { SecondFactor::Totp(digits) } else { SecondFactor::RecoveryCode(typed) })
}

/// A saved kit, read before any prompt. Larger files are not kits.
fn read_kit(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let name = path.display().to_string();
    let mut kit = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(|e| Error::io(&name, &e))?;
    file.take(MAX_KIT).read_to_end(&mut kit).map_err(|e| Error::io(&name, &e))?;
    Ok(kit)
}
