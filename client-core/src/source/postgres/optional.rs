//! Optional questions: each is independent, and one that fails does not affect the others.

use std::time::Duration;

use super::{
    PgUrl,
    answers::Answers,
    psql,
    psql::{OnError, Output, Waiting},
    refusal,
    tools::Tool,
};
use crate::source::{SourceError, stopper::Stopper};

/// Asks in one transaction that changes nothing and leaves no setting behind, even on a pooled connection. Time limits
/// set for role or database do not apply: pg_dump turns them off for itself, too. Questions still open after `at_most`
/// become a remark.
///
/// # Errors
/// The server cannot be reached or refuses the login; [`SourceError::Cancelled`].
pub(super) fn ask(
    url: &PgUrl,
    psql: &Tool,
    questions: &[String],
    stopper: &Stopper,
    at_most: Option<Duration>,
) -> Result<Answers, SourceError> {
    let script = format!(
        "BEGIN READ ONLY;
SET LOCAL statement_timeout = 0;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SELECT count(set_config(name, '0', true)) FROM pg_settings
 WHERE name IN ('transaction_timeout', 'idle_session_timeout');
{}COMMIT;
SELECT 'end 00';
",
        questions.concat()
    );
    let Output { answer, ended, late } =
        psql::run(url, psql, &script, OnError::Continue, Waiting { stopper, at_most })?;
    let mut answers = Answers::read(&answer);
    let begun = !answers.is_empty();
    if !ended.status.success() && !begun && !late {
        return Err(refusal::refusal(url, &ended));
    }
    if late {
        answers.remark = Some(format!("no answer in {} seconds", at_most.unwrap_or_default().as_secs()));
    } else if !ended.stderr.trim().is_empty() {
        answers.remark = Some(refusal::detail(&ended));
    }
    Ok(answers)
}
