//! The server's errors in a restore that continues after errors.

use std::sync::{Arc, Mutex, PoisonError};

/// Maximum number of distinct errors listed.
const MAX_LISTED: usize = 1000;
/// Maximum length of an error, characters.
const MAX_LEN: usize = 500;

/// Distinct errors in the order in which psql reported them. Clones share one list.
#[derive(Clone, Default)]
pub(super) struct Failures(Arc<Mutex<List>>);

#[derive(Default)]
struct List {
    /// Text, and number of occurrences.
    errors: Vec<(String, u64)>,
    /// Index of the last one.
    last: Option<usize>,
    /// Number of distinct ones that did not fit.
    more: u64,
}

impl Failures {
    /// Takes a line of psql's output: `psql:<stdin>:7: ERROR:  relation "a" does not exist`, or an explanation of the
    /// last one.
    pub(super) fn add_line(&self, line: &str) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match error(line) {
            // Its cause is already listed.
            Some(text) if text.contains("current transaction is aborted") => list.last = None,
            Some(text) => list.add(text.chars().take(MAX_LEN).collect()),
            None => list.explain(line),
        }
    }

    /// Takes the errors collected so far, with the number of those that did not fit.
    pub(super) fn take(&self) -> Vec<String> {
        let List { errors, more, .. } =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut all: Vec<String> = errors
            .into_iter()
            .map(|(text, times)| if times > 1 { format!("{text} ({times} times)") } else { text })
            .collect();
        if more > 0 {
            all.push(format!("{more} more errors"));
        }
        all
    }
}

impl List {
    fn add(&mut self, text: String) {
        self.last = None;
        // An explanation may be appended to it.
        let known = |(other, _): &(String, u64)| {
            other.strip_prefix(&text).is_some_and(|rest| rest.is_empty() || rest.starts_with("; "))
        };
        if let Some((_, times)) = self.errors.iter_mut().find(|error| known(error)) {
            *times += 1;
        } else if self.errors.len() < MAX_LISTED {
            self.last = Some(self.errors.len());
            self.errors.push((text, 1));
        } else {
            self.more += 1;
        }
    }

    /// Adds details, and which row of which table it was.
    fn explain(&mut self, line: &str) {
        let context = line.strip_prefix("CONTEXT:  ").unwrap_or(line);
        let text = line.strip_prefix("DETAIL:  ").or_else(|| context.starts_with("COPY ").then_some(context));
        if let Some((text, (error, _))) = text.zip(self.last.and_then(|at| self.errors.get_mut(at))) {
            error.push_str("; ");
            error.extend(text.chars().take(MAX_LEN));
            if context.starts_with("COPY ") {
                self.last = None;
            }
        }
    }
}

/// The text after `psql:<stdin>:7: ` if it is an error.
fn error(line: &str) -> Option<&str> {
    let (number, text) = line.strip_prefix("psql:<stdin>:")?.split_once(": ")?;
    let is_error = ["ERROR:", "FATAL:", "PANIC:", "error:"].iter().any(|word| text.starts_with(word));
    (is_error && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_listed_once_with_what_explains_them() {
        let failures = Failures::default();
        for line in [
            "psql:<stdin>:7: NOTICE:  psql:<stdin>:8: ERROR:  not one",
            "psql:<stdin>:7: ERROR:  relation \"a\" does not exist",
            "LINE 1: SELECT 1",
            "CONTEXT:  SQL function \"f\" during inlining",
            "COPY b, line 1, column v: \"3\"",
            "psql:<stdin>:9: ERROR:  duplicate key",
            "DETAIL:  Key (x)=(1) already exists.",
            "psql:<stdin>:11: ERROR:  duplicate key",
            "psql:<stdin>:12: ERROR:  current transaction is aborted, commands ignored until end of transaction block",
            "ERROR:  a line of a message",
        ] {
            failures.add_line(line);
        }
        assert_eq!(
            failures.take(),
            [
                "ERROR:  relation \"a\" does not exist; COPY b, line 1, column v: \"3\"",
                "ERROR:  duplicate key; Key (x)=(1) already exists. (2 times)"
            ]
        );
    }

    #[test]
    fn a_list_has_an_end() {
        let failures = Failures::default();
        for number in 0..MAX_LISTED + 3 {
            failures.add_line(&format!("psql:<stdin>:1: ERROR:  {number} {}", "x".repeat(2 * MAX_LEN)));
        }
        let listed = failures.take();
        assert_eq!(
            (listed.len(), listed.last().map(String::as_str)),
            (MAX_LISTED + 1, Some("3 more errors"))
        );
        assert!(listed.iter().all(|text| text.len() <= MAX_LEN));
    }
}
