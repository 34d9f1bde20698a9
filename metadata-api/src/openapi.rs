//! The OpenAPI document, from the handlers. `openapi.json` is checked in; a test fails when it drifts.

use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::handlers as h;

#[derive(OpenApi)]
#[openapi(
    info(title = "Sealkeep metadata service", description = "Every request but those of `service` and `operation` is signed by a device: see docs/security.md."),
    paths(
        h::health::alive, h::health::ready, h::health::metrics,
        h::service::info, h::service::document,
        h::signup::start, h::signup::finish, h::signup::confirm,
        h::login::start, h::login::finish, h::login::mfa,
        h::account::password_start, h::account::password_finish, h::account::recovery_codes,
        h::account::authenticator_start, h::account::authenticator_confirm,
        h::token::refresh, h::token::logout,
        h::vault::get, h::vault::init,
        h::keys::get, h::keys::put,
        h::directory::get, h::directory::append,
        h::devices::list, h::devices::revoke,
        h::runs::list, h::backups::start, h::backups::abort,
        h::objects::want_upload, h::objects::confirm, h::objects::list, h::objects::read_urls,
        h::snapshots::commit, h::snapshots::list,
        h::audit::list,
    ),
    modifiers(&Security),
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        components.add_security_scheme("access_token", SecurityScheme::Http(token));
        let signature =
            ApiKeyValue::with_description("Signature", "RFC 9421, with Signature-Input and Content-Digest");
        components.add_security_scheme("device_signature", SecurityScheme::ApiKey(ApiKey::Header(signature)));
    }
}

/// The document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
