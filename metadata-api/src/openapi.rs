//! The OpenAPI document, generated from the handlers. `openapi.json` is checked in; a test fails if it is out of date.

use api_types::{Problem, vault::WrapKind};
use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, Ref, RefOr, Response,
        path::{Operation, PathItem},
        schema::{AdditionalProperties, Schema},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::handlers as h;

#[derive(OpenApi)]
#[openapi(
    info(title = "Sealkeep metadata service", description = "Every request except those of `service` and `operation` is signed by a device: see docs/security.md. Integers are written without a fraction; unknown and repeated fields are refused."),
    paths(
        h::health::alive,
        h::service::info, served,
        h::sign_up::start, h::sign_up::finish, h::sign_up::confirm,
        h::sign_in::start, h::sign_in::finish, h::sign_in::second_factor,
        h::account::password_start, h::account::password_finish, h::account::recovery_codes,
        h::account::authenticator_start, h::account::authenticator_confirm,
        h::token::refresh, h::token::sign_out,
        h::vault::get, h::vault::init,
        h::keys::get,
        h::directory::get, h::directory::append,
        h::devices::list, h::devices::revoke,
        h::runs::list, h::backups::start, h::backups::abort,
        h::objects::want_upload, h::objects::confirm, h::objects::list, h::objects::read_urls,
        h::snapshots::commit, h::snapshots::list,
        h::audit::list,
    ),
    components(schemas(Problem, WrapKind)),
    modifiers(&Security, &Refusals, &Closed),
)]
struct Document;

/// Routes signed by a device that has no session yet.
const BEFORE_SIGN_IN: [&str; 4] = ["/v1/sign-up/", "/v1/sign-in/", "/v1/account/", "/v1/token/"];

/// Adds the two security schemes, and which operation requires which.
struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        components.add_security_scheme("access_token", SecurityScheme::Http(token));
        let signature =
            ApiKeyValue::with_description("Signature", "RFC 9421, with Signature-Input and Content-Digest");
        components.add_security_scheme("device_signature", SecurityScheme::ApiKey(ApiKey::Header(signature)));

        let signature = SecurityRequirement::default().add("device_signature", Vec::<String>::new());
        let session = signature.clone().add("access_token", Vec::<String>::new());
        for_each_operation(document, |path, operation| {
            if operation.security.is_none() {
                let before = BEFORE_SIGN_IN.iter().any(|prefix| path.starts_with(prefix));
                operation.security = Some(vec![if before { &signature } else { &session }.clone()]);
            }
        });
    }
}

/// Adds the error responses that handlers do not repeat: every error is a problem document, an operation that requires
/// a proof responds with 401 without it, and outer layers may respond with any status.
struct Refusals;

impl Refusals {
    fn problem(description: &str) -> RefOr<Response> {
        let schema = Ref::from_schema_name("Problem");
        let mut response = Response::new(description);
        response.content.insert("application/problem+json".to_owned(), Content::new(Some(schema)));
        RefOr::T(response)
    }
}

impl Modify for Refusals {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for_each_operation(document, |_, operation| {
            let open =
                operation.security.as_ref().is_some_and(|all| all.contains(&SecurityRequirement::default()));
            let responses = &mut operation.responses.responses;
            for (status, response) in responses.iter_mut() {
                if let (false, RefOr::T(response)) = (status.starts_with('2'), response) {
                    let description = std::mem::take(&mut response.description);
                    *response = match Self::problem(&description) {
                        RefOr::T(problem) => problem,
                        RefOr::Ref(_) => continue,
                    };
                }
            }
            if !open {
                let missing = "A signature, a token or a session is missing or invalid: see `code`.";
                responses.entry("401".to_owned()).or_insert_with(|| Self::problem(missing));
            }
            responses.entry("default".to_owned()).or_insert_with(|| Self::problem("Refused: see `code`."));
        });
    }
}

/// Forbids additional fields in values that are one of several objects, as everywhere else.
struct Closed;

impl Modify for Closed {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for schema in components.schemas.values_mut() {
            let RefOr::T(Schema::OneOf(one_of)) = schema else { continue };
            for item in &mut one_of.items {
                if let RefOr::T(Schema::Object(object)) = item {
                    object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
                }
            }
        }
    }
}

fn for_each_operation(document: &mut utoipa::openapi::OpenApi, mut change: impl FnMut(&str, &mut Operation)) {
    for (path, item) in &mut document.paths.paths {
        let PathItem { get, put, post, delete, patch, .. } = item;
        for operation in [get, put, post, delete, patch].into_iter().flatten() {
            change(path, operation);
        }
    }
}

/// Builds the document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", operation_id = "document", tag = "service", security(()), responses((status = 200)))]
pub async fn served() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
