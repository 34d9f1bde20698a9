//! The S3 operations over [`super::disk`]. s3s does HTTP, signatures and XML.

use std::{
    collections::HashMap,
    io::{self, Seek, SeekFrom},
    sync::Arc,
    time::Duration,
};

use base64ct::{Base64, Encoding};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use s3s::{
    S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result,
    dto::{
        CommonPrefix, DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, GetObjectInput,
        GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
        ListObjectsV2Input, ListObjectsV2Output, Object, PutObjectInput, PutObjectOutput, StreamingBlob,
    },
    s3_error,
};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use super::{
    disk::{Published, Upload},
    listed_bucket::ListedBucket,
};

/// Bytes collected before they are hashed and written.
const WRITE_SIZE: usize = 1024 * 1024;
/// Bytes read at once for a download.
const READ_SIZE: usize = 256 * 1024;
/// A body without progress for this long is aborted.
const BODY_IDLE: Duration = Duration::from_secs(60);
const PAGE: i32 = 1000;

pub(super) struct Backend {
    pub(super) buckets: HashMap<String, Arc<ListedBucket>>,
}

impl Backend {
    fn listed(&self, name: &str) -> S3Result<Arc<ListedBucket>> {
        self.buckets.get(name).cloned().ok_or_else(|| s3_error!(NoSuchBucket))
    }
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = req.input;
        let listed = self.listed(&input.bucket)?;
        let replace = match input.if_none_match {
            None => true,
            Some(ETagCondition::Any) => false,
            Some(ETagCondition::ETag(_)) => return Err(s3_error!(NotImplemented, "If-None-Match: * only")),
        };
        if input.if_match.is_some() {
            return Err(s3_error!(NotImplemented, "If-Match is not offered by this store"));
        }
        if input.checksum_crc32.is_some()
            || input.checksum_crc32c.is_some()
            || input.checksum_crc64nvme.is_some()
            || input.checksum_sha1.is_some()
        {
            return Err(s3_error!(NotImplemented, "x-amz-checksum-sha256 only"));
        }
        let promised = Promised {
            size: input
                .content_length
                .and_then(|n| u64::try_from(n).ok())
                .ok_or_else(|| s3_error!(MissingContentLength))?,
            sha256: input.checksum_sha256.as_deref().map(decode_digest::<32>).transpose()?,
            md5: input.content_md5.as_deref().map(decode_digest::<16>).transpose()?,
        };
        let key = input.key;
        let mut upload = {
            let (listed, key, with_md5) = (listed.clone(), key.clone(), promised.md5.is_some());
            blocking(move || listed.bucket.begin(&key, with_md5)).await?
        };
        if let Some(body) = input.body {
            upload = receive(body, upload).await?;
        }
        let sha256 = blocking(move || -> Result<_, Refusal> {
            let written = upload.written();
            promised.check(&written)?;
            match upload.publish(replace)? {
                Published::Yes => {}
                Published::Exists => return Err(Refusal::Exists),
            }
            listed.listing.added(&listed.bucket, &key);
            Ok(written.sha256)
        })
        .await?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(etag(&sha256)),
            checksum_sha256: Some(Base64::encode_string(&sha256)),
            ..Default::default()
        }))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        if input.if_match.is_some() || input.if_none_match.is_some() {
            return Err(s3_error!(NotImplemented, "Conditional reads are not offered by this store"));
        }
        let listed = self.listed(&input.bucket)?;
        let key = input.key;
        let range = input.range;
        let (file, stat, wanted) = blocking(move || -> Result<_, Refusal> {
            let (mut file, stat) = listed.bucket.open_object(&key)?;
            let wanted = match range {
                Some(range) => {
                    let wanted = range.check(stat.size).map_err(|_| Refusal::Range)?;
                    let start = i64::try_from(wanted.start).map_err(|_| Refusal::Range)?;
                    file.seek(SeekFrom::Current(start))?;
                    Some(wanted)
                }
                None => None,
            };
            Ok((file, stat, wanted))
        })
        .await?;
        let length = wanted.as_ref().map_or(stat.size, |w| w.end - w.start);
        let body = ReaderStream::with_capacity(tokio::fs::File::from_std(file).take(length), READ_SIZE);
        let whole = wanted.is_none();
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".into()),
            body: Some(StreamingBlob::wrap(body)),
            content_length: Some(to_i64(length)?),
            content_range: wanted.map(|w| format!("bytes {}-{}/{}", w.start, w.end - 1, stat.size)),
            checksum_sha256: (whole && input.checksum_mode.is_some_and(|m| m.as_str() == "ENABLED"))
                .then(|| Base64::encode_string(&stat.sha256)),
            e_tag: Some(etag(&stat.sha256)),
            last_modified: Some(stat.modified.into()),
            ..Default::default()
        }))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let listed = self.listed(&input.bucket)?;
        let key = input.key;
        let stat = blocking(move || listed.bucket.open_object(&key).map(|(_, stat)| stat)).await?;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: Some(to_i64(stat.size)?),
            checksum_sha256: input
                .checksum_mode
                .is_some_and(|m| m.as_str() == "ENABLED")
                .then(|| Base64::encode_string(&stat.sha256)),
            e_tag: Some(etag(&stat.sha256)),
            last_modified: Some(stat.modified.into()),
            ..Default::default()
        }))
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.listed(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let listed = self.listed(&req.input.bucket)?;
        let key = req.input.key;
        blocking(move || {
            listed.bucket.remove(&key)?;
            listed.listing.removed(&key);
            Ok::<_, io::Error>(())
        })
        .await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let listed = self.listed(&input.bucket)?;
        let limit = usize::try_from(input.max_keys.unwrap_or(PAGE).clamp(0, PAGE)).unwrap_or_default();
        let token = match &input.continuation_token {
            None => String::new(),
            Some(token) => hex::decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token is not of this store"))?,
        };
        let after = token.max(input.start_after.clone().unwrap_or_default());
        let prefix = input.prefix.clone().unwrap_or_default();
        let delimiter = input.delimiter.clone().filter(|d| !d.is_empty());
        let page = blocking(move || listed.page(&prefix, after, delimiter.as_deref(), limit)).await?;

        let encode = |text: String| if input.encoding_type.is_some() { percent_encode(&text) } else { text };
        let contents: Vec<_> = page
            .objects
            .into_iter()
            .map(|(key, stat)| {
                Ok(Object {
                    e_tag: Some(etag(&stat.sha256)),
                    key: Some(encode(key)),
                    last_modified: Some(stat.modified.into()),
                    size: Some(to_i64(stat.size)?),
                    ..Default::default()
                })
            })
            .collect::<S3Result<_>>()?;
        let prefixes: Vec<_> =
            page.prefixes.into_iter().map(|p| CommonPrefix { prefix: Some(encode(p)) }).collect();
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: i32::try_from(contents.len() + prefixes.len()).ok(),
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            continuation_token: input.continuation_token,
            delimiter: input.delimiter,
            encoding_type: input.encoding_type,
            is_truncated: Some(page.next.is_some()),
            max_keys: i32::try_from(limit).ok(),
            name: Some(input.bucket),
            next_continuation_token: page.next.map(hex::encode),
            prefix: input.prefix,
            start_after: input.start_after,
            ..Default::default()
        }))
    }
}

/// What the request headers promise about the body.
struct Promised {
    size: u64,
    sha256: Option<[u8; 32]>,
    md5: Option<[u8; 16]>,
}

impl Promised {
    fn check(&self, written: &super::disk::Written) -> Result<(), Refusal> {
        if written.size != self.size {
            return Err(Refusal::Length);
        }
        let md5_differs = self.md5.is_some_and(|md5| written.md5.as_deref() != Some(md5.as_slice()));
        if md5_differs || self.sha256.is_some_and(|sha256| written.sha256 != sha256) {
            return Err(Refusal::Digest);
        }
        Ok(())
    }
}

/// Streams a body to disk and hashes it on the way, with about [`WRITE_SIZE`] bytes in memory at most.
async fn receive(mut body: StreamingBlob, mut upload: Upload) -> S3Result<Upload> {
    let mut pending = BytesMut::new();
    loop {
        let next = match tokio::time::timeout(BODY_IDLE, body.next()).await {
            Err(_) => return Err(s3_error!(RequestTimeout, "The upload stalled")),
            Ok(Some(Err(source))) => return Err(S3Error::with_source(S3ErrorCode::IncompleteBody, source)),
            Ok(Some(Ok(bytes))) => Some(bytes),
            Ok(None) => None,
        };
        let full = match &next {
            Some(bytes) => {
                pending.extend_from_slice(bytes);
                pending.len() >= WRITE_SIZE
            }
            None => !pending.is_empty(),
        };
        if full {
            let bytes: Bytes = pending.split().freeze();
            upload = blocking(move || upload.write(&bytes).map(|()| upload)).await?;
        }
        if next.is_none() {
            return Ok(upload);
        }
    }
}

/// Why a request was refused or failed.
enum Refusal {
    Exists,
    Length,
    Digest,
    Range,
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Exists => s3_error!(PreconditionFailed, "The object exists"),
            Refusal::Length => s3_error!(IncompleteBody, "The body is not as long as Content-Length says"),
            Refusal::Digest => s3_error!(BadDigest, "The body does not have the announced checksum"),
            Refusal::Range => s3_error!(InvalidRange),
            Refusal::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => s3_error!(NoSuchKey),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    tracing::error!(%error, "storage: disk full");
                    let mut full = S3Error::with_message(
                        S3ErrorCode::Custom("InsufficientStorage".into()),
                        "The store's disk is full; nothing was stored",
                    );
                    full.set_status_code(axum::http::StatusCode::INSUFFICIENT_STORAGE);
                    full
                }
                _ => {
                    tracing::error!(%error, "storage");
                    S3Error::internal_error(error)
                }
            },
        }
    }
}

async fn blocking<T: Send + 'static, E: Into<Refusal> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> S3Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|e| e.into().into()),
        Err(panicked) => Err(S3Error::internal_error(panicked)),
    }
}

fn decode_digest<const N: usize>(text: &str) -> S3Result<[u8; N]> {
    let mut digest = [0; N];
    match Base64::decode(text, &mut digest) {
        Ok(bytes) if bytes.len() == N => Ok(digest),
        _ => Err(s3_error!(InvalidDigest)),
    }
}

/// SHA-256 rather than MD5, which would cost as much again and prove nothing.
fn etag(sha256: &[u8; 32]) -> ETag {
    ETag::Strong(hex::encode(sha256))
}

fn to_i64(n: u64) -> S3Result<i64> {
    i64::try_from(n).map_err(S3Error::internal_error)
}

fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}
