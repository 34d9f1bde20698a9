//! A request body that reports its progress and obeys a rate limit.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Sleep, sleep},
};

use super::Throttle;

/// Bytes per step.
pub(super) const STEP: usize = 64 * 1024;

/// Reads an object in steps.
pub(super) struct UploadBody {
    rest: Bytes,
    sent: Arc<AtomicU64>,
    throttle: Option<Arc<Throttle>>,
    wait: Option<Pin<Box<Sleep>>>,
}

impl UploadBody {
    /// `sent` counts the bytes passed to the network.
    pub(super) const fn new(bytes: Bytes, sent: Arc<AtomicU64>, throttle: Option<Arc<Throttle>>) -> Self {
        Self { rest: bytes, sent, throttle, wait: None }
    }
}

impl AsyncRead for UploadBody {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        let step = self.throttle.as_ref().map_or(STEP, |throttle| throttle.step(STEP));
        let take = self.rest.len().min(buffer.remaining()).min(step);
        let piece = self.rest.split_to(take);
        buffer.put_slice(&piece);
        self.sent.fetch_add(take as u64, Ordering::Relaxed);
        if let Some(pause) = self.throttle.as_ref().map(|t| t.book(take)).filter(|p| *p > Duration::ZERO) {
            self.wait = Some(Box::pin(sleep(pause)));
        }
        Poll::Ready(Ok(()))
    }
}
