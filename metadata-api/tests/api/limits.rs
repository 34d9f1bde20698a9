//! Limits per caller, the content of responses, and what the log must not contain.

use api_types::{
    ErrorCode,
    account::{ServiceInfo, SignInStart},
};
use metadata_api::config::Limits;

use crate::support::{
    client::{Call, Device},
    fixture::{Fixture, secrets, wide_limits},
};

fn start(device: &Device, email: &str) -> SignInStart {
    SignInStart { email: email.into(), ke1: vec![0; 96].into(), device: device.keys(), puzzle: None }
}

#[tokio::test]
async fn sign_in_requests_per_network() {
    let fixture = Fixture::with(Limits { auth_per_minute: 3, ..wide_limits() }).await;
    let device = Device::new();
    for _ in 0..3 {
        let reply = fixture.post(&device, "/v1/sign-in/start", &start(&device, "a@example.com")).await;
        reply.refused(ErrorCode::ContentInvalid);
    }
    let reply = fixture.post(&device, "/v1/sign-in/start", &start(&device, "b@example.com")).await;
    let problem = reply.refused(ErrorCode::RateLimited);
    assert!(problem.retry_after.unwrap() > 0);
    assert!(reply.headers.contains_key("retry-after"));
    // Other routes are not affected.
    let info = fixture.call(Call::new(&fixture, &device, "GET", "/v1/service")).await;
    assert_eq!(info.status, 200);
}

#[tokio::test]
async fn all_requests_per_network() {
    let fixture = Fixture::with(Limits { requests_per_second: 1, burst: 5, ..wide_limits() }).await;
    let device = Device::new();
    let mut refused = 0;
    for _ in 0..20 {
        let reply = fixture.call(Call::new(&fixture, &device, "GET", "/v1/service")).await;
        if reply.status == 429 {
            reply.refused(ErrorCode::RateLimited);
            refused += 1;
        }
    }
    assert!(refused >= 10, "{refused}");
}

/// Unknown paths, other methods and the operator's routes do not bypass the limits.
#[tokio::test]
async fn everything_is_rate_limited() {
    let gets =
        ["/nothing", "/readyz", "/metrics", "/healthz", "/v1/sign-in/start", "/v1/vaults/x/keys/password"];
    for path in gets {
        let fixture = Fixture::with(Limits { requests_per_second: 1, burst: 20, ..wide_limits() }).await;
        let asked = (0..40).map(|_| fixture.http.get(format!("{}{path}", fixture.origin)).send());
        let statuses: Vec<u16> = futures_util::future::join_all(asked)
            .await
            .into_iter()
            .map(|r| r.unwrap().status().as_u16())
            .collect();
        let passed = statuses.iter().filter(|status| **status != 429).count();
        assert!((20..=24).contains(&passed), "{path}: {statuses:?}");
    }
}

/// If a proxy hides callers and the operator confirmed that, a stranger must not use up everybody's share.
#[tokio::test]
async fn callers_that_cannot_be_told_apart_are_not_one_caller() {
    let callers = metadata_api::callers::Callers::Unknown;
    let limits = Limits { requests_per_second: 1, burst: 1, auth_per_minute: 1, callers, ..wide_limits() };
    let fixture = Fixture::with(limits).await;
    for _ in 0..20 {
        let reply = fixture.call(Call::new(&fixture, &Device::new(), "GET", "/v1/service")).await;
        assert_eq!(reply.status, 200);
    }
}

/// A label that callers can choose is memory that callers can fill.
#[tokio::test]
async fn invented_methods_become_neither_labels_nor_log_lines() {
    let fixture = Fixture::new().await;
    for n in 0..1000 {
        let method = reqwest::Method::from_bytes(format!("INVENTED{n}").as_bytes()).unwrap();
        let status =
            fixture.http.request(method, format!("{}/v1/service", fixture.origin)).send().await.unwrap();
        assert_eq!(status.status(), 405);
    }
    let numbers = metadata_api::telemetry::render();
    assert!(!numbers.contains("INVENTED"), "an unknown method became a label");
    assert!(numbers.contains(r#"method="other""#));
    let methods: std::collections::BTreeSet<_> =
        numbers.split("method=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(methods.len() <= 10, "{methods:?}");
    let log = crate::support::fixture::log();
    let ours = log.lines().filter(|line| line.contains("metadata_api") && line.contains("INVENTED"));
    assert_eq!(ours.count(), 0, "an unknown method was logged");
    // A second with a thousand refusals yields ten lines and a count.
    let lines = log.lines().filter(|line| line.contains(r#""method":"other""#) && line.contains("responded"));
    assert!(lines.count() < 500);
}

#[tokio::test]
async fn readiness_costs_the_database_nothing() {
    let fixture = Fixture::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let routes = metadata_api::operations(fixture.state.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let get = async |path: &str| {
        let response = fixture.http.get(format!("{origin}{path}")).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(get("/healthz").await.0, 200);
    assert_eq!(get("/readyz").await, (503, "not looked yet\n".into()));
    metadata_api::handlers::health::check(&fixture.state).await;
    // The test's stores do not exist.
    let (status, said) = get("/readyz").await;
    assert_eq!(status, 503);
    assert!(said.contains("storage of"), "{said}");
    // Requests never trigger a check.
    fixture.state.db().close().await;
    for _ in 0..50 {
        assert_eq!(get("/readyz").await, (status, said.clone()));
    }
    assert_eq!(get("/metrics").await.0, 200);
    assert_eq!(get("/v1/service").await.0, 404, "the service itself is not here");
}

/// A well-formed first message.
pub(crate) fn well_formed(device: &Device, email: &str) -> SignInStart {
    let client =
        opaque_ke::ClientLogin::<api_types::opaque::Suite>::start(&mut opaque_ke::rand::rngs::OsRng, b"any")
            .unwrap();
    SignInStart { ke1: client.message.serialize().to_vec().into(), ..start(device, email) }
}

/// A client from this address of 127.0.0.0/8; each address counts as a network of its own.
async fn from(
    fixture: &Fixture,
    address: [u8; 4],
    device: &Device,
    body: &SignInStart,
) -> crate::support::client::Reply {
    let http =
        reqwest::Client::builder().no_proxy().local_address(std::net::IpAddr::from(address)).build().unwrap();
    let call = Call::new(fixture, device, "POST", "/v1/sign-in/start").json(body);
    let url = format!("{}{}", fixture.origin, call.path);
    let response = http.post(url).headers(call.sign()).body(call.body.clone()).send().await.unwrap();
    crate::support::client::Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap().to_vec(),
    }
}

/// A thousand junk sign-ins from a hundred networks stop neither a device in the directory nor a new machine that
/// solves a puzzle: nobody can lock an account. All replicas count together.
#[tokio::test]
async fn a_name_under_attack_is_never_locked() {
    let limits =
        Limits { sign_ins_per_hour: 10, failures_before_puzzle: 30, puzzle_bits: 10, ..wide_limits() };
    let shared = secrets();
    let database = crate::support::fixture::Database::new().await;
    let one = Fixture::on(database.clone(), limits.clone(), &shared, None).await;
    let two = Fixture::on(database, limits, &shared, None).await;
    let person = one.member().await;
    two.clock.shift(one.clock.now() - two.clock.now());
    let stranger = Device::new();
    let rows = |fixture: &Fixture| {
        let admin = fixture.admin.clone();
        async move {
            sqlx::query_scalar::<_, i64>(
                "SELECT (SELECT count(*) FROM app.pending_sign_in) + (SELECT count(*) FROM app.rate_counter)",
            )
            .fetch_one(&admin)
            .await
            .unwrap()
        }
    };
    // Malformed requests do not count, wherever they come from.
    for _ in 0..50 {
        one.post(&stranger, "/v1/sign-in/start", &start(&stranger, &person.email))
            .await
            .refused(ErrorCode::ContentInvalid);
    }
    let before = rows(&one).await;
    let (mut passed, mut puzzled) = (0, 0);
    for n in 0..1000_u32 {
        let replica = if n % 2 == 0 { &one } else { &two };
        let address = [127, 7, 7, u8::try_from(n % 100 + 1).unwrap()];
        let reply = from(replica, address, &stranger, &well_formed(&stranger, &person.email)).await;
        if reply.status == 200 {
            passed += 1;
        } else {
            let problem = reply.refused(ErrorCode::PuzzleRequired);
            assert_eq!(problem.puzzle.unwrap().bits, 10);
            puzzled += 1;
        }
    }
    assert_eq!((passed, puzzled), (30, 970));
    assert!(rows(&one).await - before <= 2 * 30 + 1, "a refused stranger leaves no row");

    // A device in the directory is exempt; a new machine gets in by solving a puzzle.
    let session = two.sign_in(&person, &person.device).await;
    assert_eq!(session.account_id, person.account);
    let newcomer = Device::new();
    let mut start = well_formed(&newcomer, &person.email);
    let problem = two.post(&newcomer, "/v1/sign-in/start", &start).await.refused(ErrorCode::PuzzleRequired);
    start.puzzle = problem.puzzle.unwrap().solve();
    assert_eq!(one.post(&newcomer, "/v1/sign-in/start", &start).await.status, 200, "any replica takes it");
    // A solution works once, for its machine and name, within its lifetime.
    let mut again = well_formed(&newcomer, &person.email);
    again.puzzle.clone_from(&start.puzzle);
    let fresh = two
        .post(&newcomer, "/v1/sign-in/start", &again)
        .await
        .refused(ErrorCode::PuzzleRequired)
        .puzzle
        .unwrap();
    let mut stolen = well_formed(&stranger, &person.email);
    stolen.puzzle = fresh.solve();
    one.post(&stranger, "/v1/sign-in/start", &stolen).await.refused(ErrorCode::PuzzleRequired);
    // The other replica's clock has moved on by a code's half minute.
    one.clock.shift(340);
    again.puzzle = fresh.solve();
    one.post(&newcomer, "/v1/sign-in/start", &again).await.refused(ErrorCode::PuzzleRequired);
    // Unknown names are treated alike: nothing reveals whether there is an account.
    for n in 0..31_u8 {
        let reply =
            from(&one, [127, 7, 8, n % 4 + 1], &stranger, &well_formed(&stranger, "nobody@example.com"))
                .await;
        if n == 30 { drop(reply.refused(ErrorCode::PuzzleRequired)) } else { assert_eq!(reply.status, 200) }
    }
    // After the hour nobody needs a puzzle.
    one.clock.shift(3601);
    assert_eq!(
        one.post(&newcomer, "/v1/sign-in/start", &well_formed(&newcomer, &person.email)).await.status,
        200
    );
    // The counters reveal no names.
    let keys: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT key FROM app.rate_counter").fetch_all(&one.admin).await.unwrap();
    assert!(keys.iter().all(|key| key.len() == 32));
}

/// Puzzles get harder, but never so hard that the owner gives up.
#[tokio::test]
async fn solving_puzzles_makes_the_next_one_harder() {
    let limits = Limits { failures_before_puzzle: 2, puzzle_bits: 4, ..wide_limits() };
    let fixture = Fixture::with(limits).await;
    let device = Device::new();
    let mut bits = Vec::new();
    for _ in 0..40 {
        let mut start = well_formed(&device, "a@example.com");
        let reply = fixture.post(&device, "/v1/sign-in/start", &start).await;
        if reply.status != 200 {
            let puzzle = reply.refused(ErrorCode::PuzzleRequired).puzzle.unwrap();
            bits.push(puzzle.bits);
            start.puzzle = puzzle.solve();
            assert_eq!(fixture.post(&device, "/v1/sign-in/start", &start).await.status, 200);
        }
    }
    assert_eq!((bits[0], *bits.last().unwrap()), (4, 8), "{bits:?}");
    assert!(bits.is_sorted());
}

#[tokio::test]
async fn failed_sign_ins_per_name_and_network() {
    let fixture = Fixture::with(Limits { sign_ins_per_hour: 2, ..wide_limits() }).await;
    let person = fixture.member().await;
    let device = Device::new();
    // Successful sign-ins do not count.
    for _ in 0..4 {
        fixture.half_sign_in(&person, &device).await;
    }
    for _ in 0..2 {
        fixture.sign_in_start(&device, &person.email, "any").await;
    }
    let before = fixture.fingerprint(&[]).await;
    for _ in 0..3 {
        let body = well_formed(&device, &person.email);
        let problem = fixture.post(&device, "/v1/sign-in/start", &body).await.refused(ErrorCode::RateLimited);
        assert!((3500..=3600).contains(&problem.retry_after.unwrap()), "{problem:?}");
    }
    assert_eq!(fixture.fingerprint(&[]).await, before);
    // Other networks, other names and the owner's own device are not affected.
    assert_eq!(
        from(&fixture, [127, 7, 9, 1], &device, &well_formed(&device, &person.email)).await.status,
        200
    );
    fixture.sign_in_start(&device, "nobody@example.com", "any").await;
    fixture.sign_in(&person, &person.device).await;
    fixture.clock.shift(3601);
    fixture.sign_in_start(&device, &person.email, "any").await;
}

#[tokio::test]
async fn headers_of_every_response() {
    let fixture = Fixture::new().await;
    let device = Device::new();
    let ok = fixture.call(Call::new(&fixture, &device, "GET", "/v1/service")).await;
    let info: ServiceInfo = ok.ok();
    assert_eq!(info.regions, [api_types::Region::Ca, api_types::Region::Eu]);
    let missing = fixture.call(Call::new(&fixture, &device, "GET", "/nothing")).await;
    missing.refused(ErrorCode::NotFound);
    let method = fixture.call(Call::new(&fixture, &device, "POST", "/v1/service")).await;
    method.refused(ErrorCode::MethodNotAllowed);
    for reply in [&ok, &missing, &method] {
        assert!(reply.headers["strict-transport-security"].to_str().unwrap().contains("max-age"));
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert_eq!(reply.headers["x-request-id"].len(), 32);
        assert!(!reply.headers.contains_key("access-control-allow-origin"));
    }
    // No browser gets CORS permission.
    let preflight = fixture
        .http
        .request(reqwest::Method::OPTIONS, format!("{}/v1/service", fixture.origin))
        .header("origin", "https://elsewhere.example")
        .header("access-control-request-method", "GET")
        .send()
        .await
        .unwrap();
    assert!(!preflight.headers().contains_key("access-control-allow-origin"));

    for path in ["/readyz", "/metrics"] {
        fixture.call(Call::new(&fixture, &device, "GET", path)).await.refused(ErrorCode::NotFound);
    }
    let text = metadata_api::telemetry::render();
    assert!(text.contains(r#"route="/v1/service""#), "{text}");
    // Only route templates become labels.
    assert!(!text.contains("/nothing"), "{text}");
}

/// A lost database yields a plain error without internal details.
#[tokio::test]
async fn a_lost_database_is_unavailable() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    sqlx::query("ALTER TABLE app.nonce RENAME TO gone").execute(&fixture.admin).await.unwrap();
    let reply = fixture.call(person.request(&fixture, "GET", "")).await;
    reply.refused(ErrorCode::Internal);
    let text = String::from_utf8(reply.body).unwrap();
    assert!(!text.contains("nonce") && !text.contains("SQLSTATE") && !text.contains("42P01"), "{text}");
}

/// Searches everything that all tests of this process log, at the most verbose level, for one person's secrets.
#[tokio::test]
async fn nothing_secret_is_logged() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let session = fixture.sign_in(&person, &person.device).await;
    fixture.refresh(&person.device, &session.refresh_token, [1; 16]).await;
    fixture.sign_in_start(&person.device, &person.email, "another-password").await;
    let code = fixture.code(&person.otpauth_url, 0);
    let started = fixture.half_sign_in(&person, &person.device).await;
    let second_factor = api_types::account::SecondFactor::Totp(code.clone());
    fixture
        .second_factor(&person.device, &started, second_factor)
        .await
        .refused(ErrorCode::SecondFactorFailed);
    let log = crate::support::fixture::log();
    // The search works: expected content is found.
    for public in ["/v1/sign-in/second-factor", "SecondFactorFailed", "responded"] {
        assert!(log.contains(public), "{public}");
    }
    let secret = person.otpauth_url.split("secret=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let refresh = serde_json::to_string(&session.refresh_token).unwrap();
    let hidden = [
        ("address", person.email.clone()),
        ("password", person.password.clone()),
        ("seed", secret),
        ("recovery code", person.recovery_codes[0].clone()),
        ("access token", session.access_token.split('.').nth(2).unwrap().to_owned()),
        ("refresh token", refresh.trim_matches('"').to_owned()),
        ("wrapped key", "AQEBAQEBAQEBAQEB".to_owned()),
    ];
    for (what, secret) in hidden {
        assert!(!log.contains(&secret), "the {what} is in the log");
    }
}
