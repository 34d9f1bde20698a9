//! Sign-up and sign-in, step by step. Each step holds what the next one needs.

use api_types::{Region, account::SecondFactor};
use client_core::{
    error::Error,
    ops::{
        first_run::{self, Waiting},
        sign_in::{self, AwaitingFactor, NewDevice},
        sign_out,
        sign_up::{self, AwaitingCode, NewVault},
    },
    recovery_kit::Kit,
};
use secrecy::SecretString;

use super::Engine;
use crate::{
    error::Refusal,
    view::{AccountView, CodeStep, FactorStep, KitStep},
};

/// The pending question.
#[derive(Default)]
pub(super) enum Step {
    /// None.
    #[default]
    None,
    /// A sign-up's first code.
    Code(String, Box<AwaitingCode>),
    /// A sign-in's second factor.
    Factor(String, Box<AwaitingFactor>),
    /// The 24 words of an existing vault.
    Words(String, Box<NewDevice>),
    /// Proof that the kit of a new vault was saved.
    Kit(Box<NewVault>),
}

impl Engine {
    pub(crate) async fn sign_up(
        &self,
        email: &str,
        region: Region,
        device_name: Option<String>,
        password: &SecretString,
    ) -> Result<CodeStep, Error> {
        let mut step = self.step.lock().await;
        let client = self.client().with_server(self.server()?);
        let pending = sign_up::begin(&client, email, region, device_name, password).await?;
        let view = CodeStep::new(email, pending.otpauth_url(), pending.totp_secret());
        *step = Step::Code(email.to_owned(), Box::new(pending));
        Ok(view)
    }

    pub(crate) async fn sign_up_code(&self, code: &str) -> Result<KitStep, Error> {
        let mut step = self.step.lock().await;
        let Step::Code(_, pending) = &*step else { return Err(out_of_turn()) };
        let vault = pending.confirm(code).await?;
        let view = KitStep::from(&vault);
        *step = Step::Kit(Box::new(vault));
        Ok(view)
    }

    pub(crate) async fn sign_in(
        &self,
        email: &str,
        device_name: Option<String>,
        password: &SecretString,
    ) -> Result<(), Error> {
        let mut step = self.step.lock().await;
        let client = self.client().with_server(self.server()?);
        let pending = sign_in::begin(&client, email, device_name, password).await?;
        *step = Step::Factor(email.to_owned(), Box::new(pending));
        Ok(())
    }

    pub(crate) async fn sign_in_factor(&self, factor: SecondFactor) -> Result<FactorStep, Error> {
        let mut step = self.step.lock().await;
        let Step::Factor(email, pending) = &*step else { return Err(out_of_turn()) };
        let (next, view) = match pending.factor(factor).await? {
            sign_in::Step::Done(account) => {
                (Step::None, FactorStep::Done { account: AccountView::from(account) })
            }
            sign_in::Step::NewDevice(device) => {
                (Step::Words(email.clone(), Box::new(device)), FactorStep::Words)
            }
            sign_in::Step::NewVault(vault) => {
                let view = FactorStep::Kit { step: KitStep::from(&vault) };
                (Step::Kit(Box::new(vault)), view)
            }
        };
        *step = next;
        Ok(view)
    }

    pub(crate) async fn sign_in_words(&self, words: &SecretString) -> Result<AccountView, Error> {
        let mut step = self.step.lock().await;
        let Step::Words(_, device) = &*step else { return Err(out_of_turn()) };
        let account = device.recover(words).await?;
        *step = Step::None;
        Ok(AccountView::from(account))
    }

    pub(crate) async fn sign_in_kit(&self, kit: &[u8]) -> Result<AccountView, Error> {
        let mut step = self.step.lock().await;
        let Step::Words(_, device) = &*step else { return Err(out_of_turn()) };
        let account = device.recover_with_kit(kit).await?;
        *step = Step::None;
        Ok(AccountView::from(account))
    }

    /// The kit that is still to be confirmed.
    pub(crate) async fn kit(&self) -> Result<Kit, Error> {
        match &*self.step.lock().await {
            Step::Kit(vault) => vault.kit(),
            _ => Err(out_of_turn()),
        }
    }

    pub(crate) async fn kit_words(&self, answer: &str) -> Result<AccountView, Error> {
        let mut step = self.step.lock().await;
        let Step::Kit(vault) = &*step else { return Err(out_of_turn()) };
        let account = vault.finish(answer).await?;
        *step = Step::None;
        Ok(AccountView::from(account))
    }

    pub(crate) async fn kit_file(&self, file: &[u8]) -> Result<AccountView, Error> {
        let mut step = self.step.lock().await;
        let Step::Kit(vault) = &*step else { return Err(out_of_turn()) };
        let account = vault.finish_with_kit(file).await?;
        *step = Step::None;
        Ok(AccountView::from(account))
    }

    /// Returns to the start. An existing account stays and can be signed in to later.
    pub(crate) async fn start_over(&self) -> Result<(), Error> {
        *self.step.lock().await = Step::None;
        first_run::start_over(self.client())
    }

    /// The step that was pending when the program ended.
    pub(super) fn interrupted(&self) -> Result<Step, Error> {
        Ok(match first_run::waiting(self.client())? {
            None => Step::None,
            Some(Waiting::Code(pending)) => Step::Code(pending.email().to_owned(), Box::new(pending)),
            Some(Waiting::Kit(vault)) => Step::Kit(Box::new(vault)),
            Some(Waiting::Words(device)) => Step::Words(device.email().to_owned(), Box::new(device)),
        })
    }

    pub(crate) async fn sign_out(&self, forget: bool) -> Result<(), Error> {
        sign_out::sign_out(self.client(), forget).await.map(drop)
    }
}

pub(super) fn out_of_turn() -> Error {
    Refusal::OutOfTurn.into()
}
