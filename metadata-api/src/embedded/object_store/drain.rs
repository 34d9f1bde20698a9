//! Reads the rest of a refused upload before responding. If a server responds and closes while the client is still
//! sending, the connection breaks and the client never reads the reason.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::header::{CONTENT_LENGTH, EXPECT},
    middleware::Next,
    response::Response,
};
use futures_util::{StreamExt, stream};
use tokio::time::timeout;

/// A client that takes longer is cut off anyway.
const PATIENCE: Duration = Duration::from_secs(30);
/// A client that sends nothing for this long is waiting for the response.
const IDLE: Duration = Duration::from_secs(2);

/// Maximum bytes read, about what a client sends at once.
const MAX_DRAINED: u64 = 16 * 1024 * 1024;

/// Does not drain bodies that are longer than [`MAX_DRAINED`] or have no length.
pub(super) async fn refused_uploads(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let length: Option<u64> =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    // A client that sent `Expect` sends no body after a refusal.
    let waits = headers.contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    // Lent to the handler; whatever it left unread is drained below.
    let lent = Arc::new(Mutex::new(body.into_data_stream()));
    let chunks = move || {
        let body = lent.clone();
        stream::poll_fn(move |cx| body.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(cx))
    };
    let response = next.run(Request::from_parts(parts, Body::from_stream(chunks()))).await;
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if failed && !waits && length.is_some_and(|length| length <= MAX_DRAINED) {
        let mut left = MAX_DRAINED;
        let mut chunks = chunks();
        let rest = async {
            while let Ok(Some(Ok(chunk))) = timeout(IDLE, chunks.next()).await {
                let Some(remaining) = left.checked_sub(chunk.len() as u64) else { return };
                left = remaining;
            }
        };
        // The response is sent either way.
        let _ = timeout(PATIENCE, rest).await;
    }
    response
}
