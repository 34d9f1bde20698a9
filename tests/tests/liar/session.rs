//! Lies at sign-up, at sign-in and about the session. None of them may cost a device its keys.

use api_types::{
    AccountId, ErrorCode,
    account::{AuthenticatorStarted, RenewedCodes, Session, SignInStarted},
};
use client_core::{device::DeviceSecrets, ops::sign_in_change};
use e2e::{
    Device,
    liar::{
        edits::*,
        lie::{Answer, On, Route, Verdict},
        promise::{ANY, Kept, ROLLED_BACK, Secrets, ends, ends_signing_in, promise, run},
        world::{Stolen, World, block_on, client},
    },
};
use secrecy::SecretString;

use super::history::{each_edit, tell};

/// The session that the service last gave to this device.
fn session(world: &World, device: &Device) -> Result<Session, e2e::Failure> {
    let own = e2e::liar::world::id(device)?;
    let pages = world.liars.api.book().since(0);
    let given = pages.into_iter().rev().find_map(|page| {
        let own = SECOND_FACTOR.fits(&page.seen.method, &page.seen.path) && page.seen.device == Some(own);
        page.truth.filter(|truth| own && truth.status < 300)
    });
    let body = given.map(|truth| truth.body).unwrap_or_default();
    Ok(serde_json::from_slice(&body)?)
}

pub(crate) fn other_vault(world: &mut World) -> Kept {
    for edit in EDITS.iter().filter(|edit| edit.lie == 19 && edit.route == SECOND_FACTOR) {
        let device = world.second.copy()?;
        let secrets = Secrets::of(&device)?;
        let vault = DeviceSecrets::of(&device)?.vault()?.info.clone();
        // The factor itself is not the point: the service claims that it was right.
        let mut said = serde_json::to_value(session(world, &device)?).map_err(e2e::Failure::from)?;
        (edit.change)(&mut said);
        let (lie, _telling) =
            tell(world, &device, On::route(SECOND_FACTOR).says(move |_| Answer::json(&said)))?;
        let outcome = run(world.login(&device)?)?;
        ends_signing_in(&outcome, &ANY, edit.what)?;
        promise(lie.told() > 0, || format!("\"{}\" was not told: {outcome}", edit.what))?;
        secrets.unchanged(&device, edit.what)?;
        promise(DeviceSecrets::of(&device)?.vault()?.info == vault, || {
            format!("\"{}\" moved the vault", edit.what)
        })?;
    }
    each_edit(world, 19, VAULT, &world.second, |device, edit| {
        ends(&run(device.call(["status"]))?, &ANY, edit.what)?;
        ends(&run(device.call(["snapshots"]))?, &[0], edit.what)
    })
}

pub(crate) fn other_sign_in(world: &mut World) -> Kept {
    for edit in EDITS.iter().filter(|edit| edit.lie == 26) {
        let device = world.second.copy()?;
        let secrets = Secrets::of(&device)?;
        let (lie, _telling) = tell(world, &device, edit.on())?;
        let outcome = run(world.login(&device)?)?;
        ends_signing_in(&outcome, &[3, 4], edit.what)?;
        promise(lie.told() > 0, || format!("\"{}\" was not told: {outcome}", edit.what))?;
        secrets.unchanged(&device, edit.what)?;
    }
    // The password was never checked: the second factor refuses.
    let device = world.second.copy()?;
    let (_lie, _telling) = tell(world, &device, On::route(SIGN_IN_FINISH).says(|_| Answer::nothing()))?;
    ends_signing_in(&run(world.login(&device)?)?, &[3], "a password that nobody compared")
}

/// A response that the service once gave to this person, whole or only its secret part: no password matches it any
/// more, and nothing derived from a password is sent.
pub(crate) fn yesterdays_sign_in(world: &mut World) -> Kept {
    let pages = world.liars.api.book().since(0);
    let truths = pages.into_iter().filter(|page| SIGN_IN.fits(&page.seen.method, &page.seen.path));
    let yesterday = truths.filter_map(|page| page.truth).find_map(|truth| {
        let started = serde_json::from_slice::<SignInStarted>(&truth.body).ok();
        started.filter(|_| truth.status < 300)
    });
    let yesterday = yesterday.ok_or_else(|| e2e::Failure::new("nobody signed in yet"))?;
    let ke2 = yesterday.ke2.clone();
    let whole = On::route(SIGN_IN).says(move |_| Answer::json(&yesterday));
    let part = On::route(SIGN_IN).edits::<SignInStarted>(move |started| started.ke2 = ke2.clone());
    for (what, lie) in [("yesterday's answer", whole), ("yesterday's KE2 in today's answer", part)] {
        let device = world.second.copy()?;
        let secrets = Secrets::of(&device)?;
        let (lie, _telling) = tell(world, &device, lie)?;
        let page = world.liars.api.book().now();
        ends_signing_in(&run(world.login(&device)?)?, &[3], what)?;
        promise(lie.told() > 0, || format!("\"{what}\" was not told"))?;
        promise(world.liars.api.book().count(page, SIGN_IN_FINISH) == 0, || {
            format!("after \"{what}\" the sign-in went on")
        })?;
        secrets.unchanged(&device, what)?;
    }
    Ok(())
}

/// Routes below a vault.
fn of_vaults() -> Vec<Route> {
    EDITS.iter().map(|edit| edit.route).filter(|route| route.path.starts_with("/v1/vaults/")).collect()
}

/// The device's existing tokens, or another device's, are presented as its new ones; the service itself judges them.
pub(crate) fn refreshed_with_others(world: &mut World) -> Kept {
    let own = session(world, &world.second)?;
    let other = session(world, &world.fresh)?;
    let over = Session { access_token: other.access_token.clone(), ..own.clone() };
    for (what, said, honest) in [
        ("the same tokens again", own, true),
        ("the session of another device", other, false),
        ("the access token of another device", over, false),
    ] {
        for always in [true, false] {
            let device = world.second.copy()?;
            let secrets = Secrets::of(&device)?;
            let said = said.clone();
            let (lie, _telling) =
                tell(world, &device, On::route(REFRESH).says(move |_| Answer::json(&said)))?;
            let first = std::sync::atomic::AtomicBool::new(true);
            let expired = On::routes(&of_vaults()).may_say(move |_| {
                if first.swap(false, std::sync::atomic::Ordering::SeqCst) || always {
                    Verdict::Say(Answer::problem(ErrorCode::TokenExpired, |_| {}))
                } else {
                    Verdict::Pass
                }
            });
            let (_over, _telling) = tell(world, &device, expired)?;
            let page = world.liars.api.book().now();
            let outcome = run(device.call(["snapshots"]))?;
            // Its own token is valid for its lifetime, no matter who calls it new.
            let codes: &[i32] = if honest && !always { &[0] } else { &[3, 4] };
            ends(&outcome, codes, what)?;
            let tries = world.liars.api.book().count(page, REFRESH);
            promise((1..=2).contains(&tries) && lie.told() > 0, || {
                format!("\"{what}\": {tries} tries to renew the session")
            })?;
            secrets.unchanged(&device, what)?;
        }
    }
    // The tokens' owner continues with them.
    ends(&run(world.fresh.copy()?.call(["snapshots"]))?, &[0], "tokens that were shown to another device")
}

pub(crate) fn refreshed_wrongly(world: &mut World) -> Kept {
    let expired = || On::routes(&of_vaults()).says(|_| Answer::problem(ErrorCode::TokenExpired, |_| {}));
    for edit in EDITS.iter().filter(|edit| edit.lie == 27) {
        let device = world.second.copy()?;
        let secrets = Secrets::of(&device)?;
        // Answered without the service: copies of one home would spend one token twice.
        let mut said = serde_json::to_value(session(world, &device)?).map_err(e2e::Failure::from)?;
        (edit.change)(&mut said);
        let (lie, _telling) = tell(world, &device, On::route(REFRESH).says(move |_| Answer::json(&said)))?;
        let (_over, _always) = tell(world, &device, expired())?;
        let page = world.liars.api.book().now();
        ends(&run(device.call(["snapshots"]))?, &[3, 4], edit.what)?;
        let tries = world.liars.api.book().count(page, REFRESH);
        promise((1..=2).contains(&tries) && lie.told() > 0, || {
            format!("\"{}\": {tries} tries to renew the session", edit.what)
        })?;
        secrets.unchanged(&device, edit.what)?;
    }
    for code in [
        ErrorCode::SessionRevoked,
        ErrorCode::RefreshReused,
        ErrorCode::TokenInvalid,
        ErrorCode::DeviceRevoked,
    ] {
        let device = world.second.copy()?;
        let secrets = Secrets::of(&device)?;
        let routes: Vec<Route> = EDITS.iter().map(|edit| edit.route).collect();
        let (_lie, _telling) =
            tell(world, &device, On::routes(&routes).says(move |_| Answer::problem(code, |_| {})))?;
        ends(&run(device.call(["snapshots"]))?, &[3, 4], "401 for ever")?;
        secrets.unchanged(&device, "401 for ever")?;
    }
    // The service reports the device as signed out, but keeps its session.
    let device = world.second.copy()?;
    let secrets = Secrets::of(&device)?;
    let (_lie, _telling) = tell(world, &device, On::route(SIGN_OUT).says(|_| Answer::nothing()))?;
    ends(&run(device.call(["logout"]))?, &[0], "a sign-out that is swallowed")?;
    promise(DeviceSecrets::of(&device)?.session.is_none(), || {
        "a device kept its session after signing out".into()
    })?;
    secrets.unchanged(&device, "a sign-out that is swallowed")
}

pub(crate) fn signed_up_wrongly(world: &mut World) -> Kept {
    for edit in EDITS.iter().filter(|edit| edit.lie == 32 && edit.route.path.starts_with("/v1/sign-up/")) {
        world.service.sql("delete from app.rate_counter")?;
        let device = Device::new(&world.service)?;
        let lie = std::sync::Arc::new(edit.on());
        let _telling = world.liars.api.tell(lie.clone());
        let outcome = device.sign_up("eu");
        promise(lie.told() > 0, || format!("\"{}\" was not told", edit.what))?;
        // No keys that a person would rely on, and never a crash.
        let vault = DeviceSecrets::of(&device).ok().is_some_and(|secrets| secrets.vault.is_some());
        promise(outcome.is_err() && !vault, || format!("\"{}\" signed somebody up", edit.what))?;
        let said = outcome.err().map(|failure| failure.to_string()).unwrap_or_default();
        promise(!said.contains("panicked"), || format!("\"{}\": {said}", edit.what))?;
    }
    Ok(())
}

pub(crate) fn first_keys_swallowed(world: &mut World) -> Kept {
    world.service.sql("delete from app.rate_counter")?;
    let device = Device::new(&world.service)?;
    let _telling = world.liars.api.tell(std::sync::Arc::new(On::route(INIT).says(|_| Answer::nothing())));
    let said = match device.sign_up("eu") {
        Ok(_) => String::new(),
        Err(failure) => failure.to_string(),
    };
    promise(!said.is_empty(), || {
        format!("keys that nobody keeps were called stored; {ROLLED_BACK} was expected")
    })
}

/// What a client does with the false responses, in this process: the command does not offer these changes.
pub(crate) fn changed_wrongly(world: &mut World) -> Kept {
    use api_types::account::SecondFactor;
    let password = SecretString::from(world.account.password.clone());
    let factor = || SecondFactor::Totp("000000".into());
    let prepared = |device: &Device| {
        world.service.sql("delete from app.rate_counter")?;
        let client = client(device, world.service.url()).map_err(|e| e2e::Failure::new(e.to_string()))?;
        let proven = block_on(sign_in_change::reauthenticate(&client, &password));
        proven.map_err(|e| e2e::Failure::new(e.to_string()))
    };
    let device = world.second.copy()?;
    let secrets = Secrets::of(&device)?;
    let own = session(world, &device)?;

    let edit = EDITS.iter().find(|edit| edit.route == PASSWORD).map(|edit| edit.on());
    let (_lie, telling) = tell(world, &device, edit.ok_or_else(|| e2e::Failure::new("no edit"))?)?;
    let new = SecretString::from("another battery staple");
    let done = block_on(prepared(&device)?.change_password(factor(), &new));
    promise(done.is_err(), || "a password was changed against a false answer".into())?;
    drop(telling);

    let foreign = Session { account_id: AccountId::from_bytes([0xee; 16]), ..own };
    let (_lie, telling) =
        tell(world, &device, On::route(PASSWORD_FINISH).says(move |_| Answer::json(&foreign)))?;
    let done = block_on(prepared(&device)?.change_password(factor(), &new));
    promise(done.is_err(), || "another account's session was taken for this one's".into())?;
    drop(telling);

    let none = |_: &_| Answer::json(&RenewedCodes { recovery_codes: Vec::new() });
    let (_lie, telling) = tell(world, &device, On::route(CODES).says(none))?;
    let codes = block_on(prepared(&device)?.renew_codes(factor()));
    promise(codes.as_ref().map_or(true, Vec::is_empty), || "codes that nobody gave".into())?;
    drop(telling);

    let link = |_: &_| Answer::json(&AuthenticatorStarted { otpauth_url: "x".into() });
    let (_lie, _telling) = tell(world, &device, On::route(AUTHENTICATOR).says(link))?;
    let (_confirm, _confirming) =
        tell(world, &device, On::route(AUTHENTICATOR_CONFIRM).says(|_| Answer::nothing()))?;
    if let Ok(new) = block_on(prepared(&device)?.new_authenticator(factor())) {
        promise(new.totp_secret().is_none(), || "a link that is none has a secret".into())?;
        drop(block_on(new.confirm("000000")));
    }
    secrets.unchanged(&device, "changes of how a person signs in")
}
