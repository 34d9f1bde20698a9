//! `sealkeep logout`.

use client_core::{error::Error, ops::sign_out};

use super::Context;
use crate::{args::Logout, documents, plain};

pub(crate) async fn run(context: &Context, arguments: Logout) -> Result<(), Error> {
    let removed = sign_out::sign_out(&context.client, arguments.forget).await?;
    let document =
        documents::Logout { signed_out: true, keys_removed: arguments.forget, removed: removed.clone() };
    context.output.result(&document, || {
        if arguments.forget {
            let mut text = plain!("Signed out and removed this device's keys from this machine:");
            for path in &removed {
                text.push(&plain!("\n  {}", path.display()));
            }
            text
        } else {
            plain!("Signed out. The device stays registered; sign in again with `sealkeep login`.")
        }
    })
}
