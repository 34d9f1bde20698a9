//! Reads what is left of a refused upload before answering it. A server that answers and closes while the client
//! still sends breaks the connection, and the client never reads why.

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

/// A client that takes longer than this is cut off after all.
const PATIENCE: Duration = Duration::from_secs(30);
/// A client that sends nothing for so long waits for the answer.
const IDLE: Duration = Duration::from_secs(2);

/// The most that is read for politeness, bytes: what a client sends at once.
const MOST: u64 = 16 * 1024 * 1024;

/// Bodies longer than [`MOST`] are not read to the end, nor what comes without a length.
pub(super) async fn refused_uploads(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let length: Option<u64> =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    // Who expects to be asked for the body sends none when refused.
    let waits = headers.contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    // Lent to whoever answers, and taken back for what they left unread.
    let lent = Arc::new(Mutex::new(body.into_data_stream()));
    let chunks = move || {
        let body = lent.clone();
        stream::poll_fn(move |cx| body.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(cx))
    };
    let response = next.run(Request::from_parts(parts, Body::from_stream(chunks()))).await;
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if failed && !waits && length.is_some_and(|length| length <= MOST) {
        let mut left = MOST;
        let mut chunks = chunks();
        let rest = async {
            while let Ok(Some(Ok(chunk))) = timeout(IDLE, chunks.next()).await {
                let Some(remaining) = left.checked_sub(chunk.len() as u64) else { return };
                left = remaining;
            }
        };
        // Late or not, the answer is sent.
        let _ = timeout(PATIENCE, rest).await;
    }
    response
}
