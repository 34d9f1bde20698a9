//! The store's access policy: six operations, SigV4 only, and uploads with a signed length.

use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    s3_error,
};

/// The operations needed by the service, its clients and a restore without the service.
const OPERATIONS: [&str; 6] =
    ["PutObject", "GetObject", "HeadObject", "HeadBucket", "ListObjectsV2", "DeleteObject"];

pub(super) struct OnlySigned {
    /// Bytes.
    pub(super) max_object_size: u64,
}

#[async_trait::async_trait]
impl S3Access for OnlySigned {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        if cx.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Sign the request"));
        }
        let Some(signed) = signed_headers(cx) else {
            return Err(s3_error!(AccessDenied, "Signature Version 4 only"));
        };
        let operation = cx.s3_op().name();
        if !OPERATIONS.contains(&operation) {
            return Err(s3_error!(NotImplemented, "{operation} is not offered by this store"));
        }
        if operation != "PutObject" {
            return Ok(());
        }
        if cx.headers().contains_key("x-amz-decoded-content-length") {
            return Err(s3_error!(NotImplemented, "Chunk-signed uploads are not offered by this store"));
        }
        let length = cx
            .headers()
            .get("content-length")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse::<u64>().ok());
        let Some(length) = length else {
            return Err(s3_error!(MissingContentLength, "Send Content-Length"));
        };
        if !signed.split(';').any(|name| name.eq_ignore_ascii_case("content-length")) {
            return Err(s3_error!(AccessDenied, "Content-Length has to be among the signed headers"));
        }
        if length > self.max_object_size {
            return Err(s3_error!(EntityTooLarge, "Objects are at most {} bytes long", self.max_object_size));
        }
        Ok(())
    }
}

/// The signed headers of a presigned URL or an Authorization header, which s3s has already verified.
fn signed_headers(cx: &S3AccessContext<'_>) -> Option<String> {
    if let Some(query) = cx.uri().query()
        && query.contains("X-Amz-Signature=")
    {
        return url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "X-Amz-SignedHeaders")
            .map(|(_, value)| value.into_owned());
    }
    let header = cx.headers().get("authorization")?.to_str().ok()?;
    let fields = header.strip_prefix("AWS4-HMAC-SHA256")?;
    fields.split(',').find_map(|field| field.trim().strip_prefix("SignedHeaders=")).map(str::to_owned)
}
