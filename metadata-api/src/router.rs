//! Every route, and the gate in front of it.

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{get, post},
};

use crate::{auth::gate, handlers as h, middleware, openapi, state::AppState};

/// For the operator, on a separate listener that is not public: nothing here touches tenants' data or costs the
/// database anything.
pub fn operations(state: AppState) -> Router {
    Router::new()
        .route("/healthz", get(h::health::alive))
        .route("/readyz", get(h::health::ready))
        .route("/metrics", get(h::health::metrics))
        .with_state(state)
}

/// The whole service. Serve it with connect info (`into_make_service_with_connect_info::<SocketAddr>()`), or rate
/// limits treat all callers as one.
pub fn app(state: AppState) -> Router {
    // Open to everybody.
    let open = Router::new()
        .route("/healthz", get(h::health::alive))
        .route("/v1/service", get(h::service::info))
        .route("/v1/openapi.json", get(openapi::served));

    // Signed with the key named in the exchange: the `PreAuth` extractor.
    let before_sign_in = Router::new()
        .route("/v1/sign-up/start", post(h::sign_up::start))
        .route("/v1/sign-up/finish", post(h::sign_up::finish))
        .route("/v1/sign-up/confirm", post(h::sign_up::confirm))
        .route("/v1/sign-in/start", post(h::sign_in::start))
        .route("/v1/sign-in/finish", post(h::sign_in::finish))
        .route("/v1/sign-in/second-factor", post(h::sign_in::second_factor))
        .route("/v1/account/password/start", post(h::account::password_start))
        .route("/v1/account/password/finish", post(h::account::password_finish))
        .route("/v1/account/recovery-codes", post(h::account::recovery_codes))
        .route("/v1/account/authenticator/start", post(h::account::authenticator_start))
        .route("/v1/account/authenticator/confirm", post(h::account::authenticator_confirm))
        .route("/v1/token/refresh", post(h::token::refresh))
        .route_layer(from_fn_with_state(state.clone(), middleware::rate_limit::sign_in));

    // Token and device signature; then membership and device state: the `TenantTx` extractor.
    let signed = Router::new()
        .route("/v1/sign-out", post(h::token::sign_out))
        .route("/v1/vaults/{vault}", get(h::vault::get))
        .route("/v1/vaults/{vault}/init", post(h::vault::init))
        .route("/v1/vaults/{vault}/keys/{kind}", get(h::keys::get))
        .route("/v1/vaults/{vault}/directory", get(h::directory::get).post(h::directory::append))
        .route("/v1/vaults/{vault}/devices", get(h::devices::list))
        .route("/v1/vaults/{vault}/devices/{device}/revoke", post(h::devices::revoke))
        .route("/v1/vaults/{vault}/runs", get(h::runs::list).post(h::backups::start))
        .route("/v1/vaults/{vault}/runs/{run}/objects", post(h::objects::want_upload))
        .route("/v1/vaults/{vault}/runs/{run}/confirm", post(h::objects::confirm))
        .route("/v1/vaults/{vault}/runs/{run}/commit", post(h::snapshots::commit))
        .route("/v1/vaults/{vault}/runs/{run}/abort", post(h::backups::abort))
        .route("/v1/vaults/{vault}/objects", get(h::objects::list))
        .route("/v1/vaults/{vault}/objects/read-urls", post(h::objects::read_urls))
        .route("/v1/vaults/{vault}/snapshots", get(h::snapshots::list))
        .route("/v1/vaults/{vault}/audit", get(h::audit::list))
        .route_layer(from_fn_with_state(state.clone(), gate::signed));

    let all = open
        .merge(before_sign_in)
        .merge(signed)
        .fallback(middleware::problem::not_found)
        .method_not_allowed_fallback(middleware::problem::method_not_allowed);
    middleware::around(all, &state).with_state(state)
}
