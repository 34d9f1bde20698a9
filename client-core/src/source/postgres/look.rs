//! Questions whose answers are wished for, not needed: each stands by itself, and one that fails takes no other with it.

use std::time::Duration;

use super::{
    PgUrl,
    answers::Answers,
    psql,
    psql::{OnError, Said, Waiting},
    refusal,
    tools::Tool,
};
use crate::source::{SourceError, stopper::Stopper};

/// Asks in one transaction that changes nothing and leaves no setting behind, also not on a connection that a pooler
/// hands on. Time limits that role or database carry do not count: pg_dump turns them off for itself, too. What has not
/// been answered after `at_most` is a remark.
///
/// # Errors
/// The server cannot be reached or does not let us in; [`SourceError::Cancelled`].
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
    let Said { answer, ended, late } =
        psql::run(url, psql, &script, OnError::GoOn, Waiting { stopper, at_most })?;
    let mut answers = Answers::read(&answer);
    let begun = !answers.is_empty();
    if !ended.status.success() && !begun && !late {
        return Err(refusal::refusal(url, &ended));
    }
    if late {
        answers.remark = Some(format!("no answer in {} seconds", at_most.unwrap_or_default().as_secs()));
    } else if !ended.said.trim().is_empty() {
        answers.remark = Some(refusal::detail(&ended));
    }
    Ok(answers)
}
