//! The activity of a connection: requests in progress, and when the last byte moved.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::Bounds;

/// Extra time for a request in progress when the connection's lifetime ends: an object over a slow line.
const LONGEST_REQUEST: Duration = Duration::from_secs(3600);

/// Shared by a connection's socket, its requests and its supervisor.
#[derive(Debug)]
pub(super) struct Activity {
    since: Instant,
    under_way: AtomicUsize,
    /// Milliseconds after `since`.
    rest_since: AtomicU64,
    moved: AtomicU64,
}

/// What to do with a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Stay,
    /// Accept no further requests.
    Finish,
    /// Drop it.
    Drop,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            since: Instant::now(),
            under_way: AtomicUsize::new(0),
            rest_since: AtomicU64::new(0),
            moved: AtomicU64::new(0),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Starts a request, which ends when the returned guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::AcqRel);
        UnderWay(self.clone())
    }

    pub(super) fn verdict(&self, bounds: &Bounds) -> Verdict {
        let age = self.since.elapsed();
        let after = |at: &AtomicU64| age.saturating_sub(Duration::from_millis(at.load(Ordering::Acquire)));
        if self.under_way.load(Ordering::Acquire) == 0 {
            let rest = after(&self.rest_since);
            // Twice: the peer was asked to leave and did not.
            return if rest >= bounds.idle * 2 || age >= bounds.lifetime + bounds.idle {
                Verdict::Drop
            } else if rest >= bounds.idle || age >= bounds.lifetime {
                Verdict::Finish
            } else {
                Verdict::Stay
            };
        }
        if after(&self.moved) >= bounds.idle || age >= bounds.lifetime + LONGEST_REQUEST {
            Verdict::Drop
        } else if age >= bounds.lifetime {
            Verdict::Finish
        } else {
            Verdict::Stay
        }
    }
}

/// A request in progress.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = self.0.now();
        self.0.rest_since.store(now, Ordering::Release);
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A response body; the request is in progress until it is sent.
pub(super) struct ResponseBody {
    body: Body,
    _request: UnderWay,
}

impl ResponseBody {
    pub(super) fn new(body: Body, request: UnderWay) -> Self {
        Self { body, _request: request }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// A socket that records when a byte moved.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) activity: Arc<Activity>,
}

impl<S> Watched<S> {
    fn note(&self) {
        self.activity.moved.store(self.activity.now(), Ordering::Release);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.note();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.note();
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.note();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
