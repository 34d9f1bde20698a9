//! Background tasks: the jobs, the readiness watch, and the listener for the operations routes.

use std::net::SocketAddr;

use axum::extract::FromRef;
use metadata_api::{
    handlers::health,
    jobs::{self, Context},
    listener::{self, Bounds},
    operations, serve,
    state::AppState,
};
use tokio::task::JoinHandle;

use crate::{args::Common, output::Failure};

/// The default address of the operations routes.
const OPERATIONS: ([u8; 4], u16) = ([127, 0, 0, 1], 8789);

/// Tasks that run until this is dropped.
pub(crate) struct Background {
    pub(crate) operations: Option<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Background {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Background {
    /// Without `--operations-listen`, uses the default address if it is free; a second service must still start.
    pub(crate) fn start(state: &AppState, common: &Common) -> Result<Self, Failure> {
        let bound = match common.operations_listen {
            Some(addr) => Some(serve::bind(addr)?),
            None => serve::bind(SocketAddr::from(OPERATIONS))
                .inspect_err(|error| tracing::warn!(%error, "no operations routes; give --operations-listen"))
                .ok(),
        };
        let mut tasks = vec![tokio::spawn(health::watch(state.clone()))];
        tasks.extend(
            jobs::all().into_iter().map(|job| tokio::spawn(jobs::run(job, Context::from_ref(state)))),
        );
        let mut at = None;
        if let Some((listener, addr)) = bound {
            at = Some(addr);
            let served = listener::serve(
                listener,
                None,
                operations(state.clone()),
                Bounds { connections: 64, per_network: 32, ..Bounds::default() },
                std::future::pending(),
            );
            tasks.push(tokio::spawn(async move {
                if let Err(error) = served.await {
                    tracing::error!(%error, "the listener of the operations routes failed");
                }
            }));
        }
        Ok(Self { operations: at, tasks })
    }
}
