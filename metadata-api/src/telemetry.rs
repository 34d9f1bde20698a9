//! Logs and metrics. Both contain routes, codes and request ids; never bodies, addresses, tokens or keys.

use std::{
    io::{self, Write},
    sync::OnceLock,
};

use api_types::unseen;
use axum::http::Method;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{
    EnvFilter,
    filter::LevelFilter,
    fmt::{MakeWriter, format::FmtSpan},
};

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
const SECONDS: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// The S3 library logs each refusal as an error, so it is silenced: our store logs its own failures.
const DEFAULT_FILTER: &str = "info,s3s=off";

/// The filter of `SEALKEEP_LOG`, or else of `RUST_LOG`.
fn filter(variable: impl Fn(&str) -> Option<String>) -> EnvFilter {
    ["SEALKEEP_LOG", "RUST_LOG"]
        .into_iter()
        .filter_map(variable)
        .filter(|directives| !directives.is_empty())
        .find_map(|directives| EnvFilter::try_new(directives).ok())
        .unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER))
}

/// Installs JSON logging on standard error. From level debug on it also logs how long each stage of a request was busy
/// and idle; not below, because strangers could then fill the log. The first call wins.
pub fn install_logs() {
    let filter = filter(|name| std::env::var(name).ok());
    let verbose = filter.max_level_hint() >= Some(LevelFilter::DEBUG);
    // Fails only if a subscriber is already installed, which then stays.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_span_events(if verbose { FmtSpan::CLOSE } else { FmtSpan::NONE })
        .with_writer(Log)
        .try_init();
}

/// Standard error, line by line, with control characters escaped so that a log line cannot control a terminal.
#[derive(Debug, Clone, Copy)]
struct Log;

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(safe(line).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn safe(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut safe = unseen::json(text.trim_end_matches('\n'));
    safe.push('\n');
    safe
}

/// One recorder per process.
fn recorder() -> Option<&'static PrometheusHandle> {
    RECORDER
        .get_or_init(|| {
            PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Full("http_request_seconds".into()), &SECONDS)
                .and_then(PrometheusBuilder::install_recorder)
                .inspect_err(|e| tracing::error!(error = %e, "no metrics"))
                .ok()
        })
        .as_ref()
}

/// Metrics in Prometheus format.
#[must_use]
pub fn render() -> String {
    recorder().map(PrometheusHandle::render).unwrap_or_default()
}

/// The method for a label or a log line: only known names, never the caller's text.
pub(crate) fn method_label(method: &Method) -> &'static str {
    const KNOWN: [(Method, &str); 9] = [
        (Method::GET, "GET"),
        (Method::HEAD, "HEAD"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::DELETE, "DELETE"),
        (Method::OPTIONS, "OPTIONS"),
        (Method::PATCH, "PATCH"),
        (Method::TRACE, "TRACE"),
        (Method::CONNECT, "CONNECT"),
    ];
    KNOWN.iter().find(|(known, _)| known == method).map_or("other", |(_, word)| word)
}

/// Counts and times a request.
pub(crate) fn record_request(route: &str, method: &'static str, status: u16, seconds: f64) {
    if recorder().is_none() {
        return;
    }
    let labels = [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_seconds", "route" => route.to_owned(), "method" => method)
        .record(seconds);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_own_variable_precedes_the_usual_one() {
        let of = |ours: &str, usual: &str| {
            filter(|name| Some(if name == "RUST_LOG" { usual } else { ours }.to_owned())).to_string()
        };
        assert_eq!(of("warn", "debug"), "warn");
        assert_eq!(of("", "debug"), "debug");
        assert_eq!(filter(|_| None).to_string(), EnvFilter::new(DEFAULT_FILTER).to_string());
    }

    #[test]
    fn log_lines_control_no_terminal() {
        let hostile = "{\"cause\":\"\u{9b}2J\u{202e}x\"}\n";
        assert_eq!(safe(hostile.as_bytes()), "{\"cause\":\"\\u009b2J\\u202ex\"}\n");
    }
}
