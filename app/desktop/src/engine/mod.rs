//! The logic behind the window, without the window: one device, its onboarding, and the current run. Independent of
//! Tauri.

mod diagnostics;
mod leave;
mod onboarding;
mod progress;
mod request;
mod runs;
mod schedule;
mod security;
mod waits;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use client_core::{
    error::Error,
    ops::{self, Client, Settings, backup::Gate, preferences, sign_in_change::NewAuthenticator},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use self::request::restore_command;
use self::{onboarding::Step, progress::Progress, request::Request, waits::Waits};
use crate::view::{AccountView, CodeStep, KitStep, OverviewView, RunView, SessionView, WaitView};

/// Receives updates for the window.
pub(crate) trait Window: Send + Sync {
    /// A run progressed or ended.
    fn run(&self, run: &RunView);

    /// Something other than a run takes time; repeated every second.
    fn waits(&self, wait: &WaitView);

    /// The backups of these sources are overdue; repeated.
    fn overdue(&self, names: &[String]);
}

type Queue = Arc<Mutex<VecDeque<Uuid>>>;

/// The state behind the window.
pub(crate) struct Engine {
    client: Client,
    /// The environment names the service of a new account.
    fixed_server: bool,
    window: Arc<dyn Window>,
    /// The step of sign-up or sign-in that waits for an answer.
    step: tokio::sync::Mutex<Step>,
    /// An authenticator that waits for its first code.
    authenticator: tokio::sync::Mutex<Option<NewAuthenticator>>,
    run: Mutex<Option<Running>>,
    /// Sources queued for backup, in order.
    queue: Queue,
    /// The diagnostics that the user was shown: what is saved is exactly this.
    diagnostics: Mutex<String>,
}

/// One engine, shared by the window, the tray and the schedule.
pub(crate) type Shared = Arc<Engine>;

/// The current run, or the last one.
struct Running {
    progress: Arc<Progress>,
    cancel: CancellationToken,
    gate: Gate,
    request: Request,
}

impl Engine {
    pub(crate) fn new(
        settings: Settings,
        fixed_server: bool,
        window: Arc<dyn Window>,
    ) -> Result<Self, Error> {
        let waits = Arc::new(Waits(Arc::clone(&window)));
        let client = Client::new(settings, waits, CancellationToken::new())?;
        Ok(Self {
            client,
            fixed_server,
            window,
            step: tokio::sync::Mutex::default(),
            authenticator: tokio::sync::Mutex::default(),
            run: Mutex::default(),
            queue: Queue::default(),
            diagnostics: Mutex::default(),
        })
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the environment names the service, so that the window cannot.
    pub(crate) const fn fixed_server(&self) -> bool {
        self.fixed_server
    }

    /// The service of a new account: the environment's, or what was chosen in the window, or the default.
    pub(crate) fn server(&self) -> Result<String, Error> {
        let chosen = if self.fixed_server { None } else { preferences::load(&self.client)?.server };
        Ok(chosen.unwrap_or_else(|| self.client.server().to_owned()))
    }

    /// The state of sign-up and sign-in on this device.
    pub(crate) async fn session(&self) -> Result<SessionView, Error> {
        if let Some(account) = self.client.signed_in()? {
            return Ok(SessionView::Ready { account: AccountView::from(account) });
        }
        let mut step = self.step.lock().await;
        if matches!(*step, Step::None) {
            *step = self.interrupted()?;
        }
        Ok(match &*step {
            Step::Code(email, pending) => {
                let step = CodeStep::new(email, pending.otpauth_url(), pending.totp_secret());
                SessionView::Code { step }
            }
            Step::Factor(email, _) => SessionView::Factor { email: email.clone() },
            Step::Words(email, _) => SessionView::Words { email: email.clone() },
            Step::Kit(vault) => SessionView::Kit { step: KitStep::from(&**vault) },
            Step::None => match self.client.known_email()? {
                Some(email) => SessionView::SignIn { email },
                None => SessionView::Fresh,
            },
        })
    }

    pub(crate) async fn overview(&self) -> Result<OverviewView, Error> {
        Ok(ops::overview::overview(&self.client).await?.into())
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
