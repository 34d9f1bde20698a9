//! `sealkeep logout`.

use client_core::{error::Error, ops::sign_out};
use serde_json::json;

use super::Context;
use crate::args::Logout;

pub(crate) async fn run(context: &Context, arguments: Logout) -> Result<(), Error> {
    sign_out::sign_out(&context.client, arguments.forget).await?;
    context.output.result(&json!({"signed_out": true, "keys_removed": arguments.forget}), || {
        if arguments.forget {
            "Signed out; this device's keys are gone from this machine.".to_owned()
        } else {
            "Signed out. The device stays registered; `sealkeep login` brings it back.".to_owned()
        }
    })
}
