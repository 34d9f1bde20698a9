//! `sealkeep schedule`.

use client_core::{
    error::{Error, ErrorKind},
    keystore::KeptIn,
    ops::{
        due::{self, Turn},
        find_source,
        schedule::Schedule as When,
        scheduled::{self, Scheduled},
        sources,
        timer::{self, Crontab, Outcome, Scope, Timer},
    },
    text,
    text::Text,
};

use super::{
    Context, backup,
    source::{schedule_document, schedule_words, timer_document, timer_words, timers_removed},
};
use crate::{
    args::{Schedule, ScheduleAction, ScheduleAdd, time},
    documents, plain, prompt, render,
    table::Column,
};

pub(crate) async fn run(context: &Context, arguments: Schedule) -> Result<(), Error> {
    match arguments.action {
        ScheduleAction::Add(arguments) => add(context, arguments).await,
        ScheduleAction::List => list(context),
        ScheduleAction::Remove { source } => remove(context, &source),
        ScheduleAction::Run { source } => run_now(context, &source).await,
    }
}

async fn add(context: &Context, arguments: ScheduleAdd) -> Result<(), Error> {
    let ScheduleAdd { source, hourly: _, daily, weekly, system } = arguments;
    let source = find_source::find(&context.client, &source)?;
    let schedule = match (daily, weekly.as_deref()) {
        (Some(at), _) => When::Day { hour: at.hour(), minute: at.minute() },
        (None, Some([day, at])) => week(day, at)?,
        (None, _) => When::Hour,
    };
    let scope = if system { Scope::System } else { Scope::User };
    let outcome = timer::schedule(&context.client, source.id, schedule, scope, super::program()?)?;
    let (unit, files, signed_out) = match outcome {
        Outcome::Enabled { unit, files, signed_out } => (unit, files, signed_out),
        Outcome::Prepared { commands, .. } => {
            return by_hand(
                context,
                &commands,
                "a timer of the system needs an administrator",
                "the schedule is saved; until these commands ran, only the open app follows it",
                "run these commands",
            );
        }
        Outcome::NoSystemd { why, crontab } => {
            return by_hand(
                context,
                &[crontab],
                &format!("systemd cannot run a timer here ({why})"),
                "the schedule is saved; until cron has this line, only the open app follows it",
                "add this line with `crontab -e`",
            );
        }
    };
    context.output.result(
        &documents::ScheduleAdded {
            source: source.name.clone(),
            schedule: schedule_document(schedule),
            unit: unit.clone(),
            files,
            while_signed_out: signed_out,
        },
        || {
            let mut text =
                plain!("{} is backed up {}\n  by the timer {}", source.name, schedule_words(schedule), unit);
            text.push(&match signed_out {
                Some(true) => plain!("\n  It also runs while you are logged out."),
                Some(false) => plain!(
                    "\n  It does NOT run while you are logged out: `loginctl enable-linger` changes that. \
                     A missed backup runs when you log in."
                ),
                None => plain!(
                    "\n  It may stop while you are logged out: `loginctl enable-linger` prevents that."
                ),
            });
            if context
                .client
                .account()
                .is_ok_and(|account| matches!(account.keys_kept_in, KeptIn::SealedFile(_)))
            {
                text.push(&plain!(
                    "\n  The key file is sealed: the timer needs its passphrase as the systemd credential \
                     sealkeep-passphrase."
                ));
            }
            text
        },
    )?;
    if signed_out == Some(false) && !context.output.is_json() && prompt::can_ask() {
        let answer =
            context.secrets.ask_line(&plain!("Let it run while you are logged out, too? [y/N] ")).await?;
        if answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes") {
            timer::enable_linger()?;
            render::remark(&plain!("It runs from the start of this machine on."))?;
        }
    }
    Ok(())
}

/// Prints what the user has to run, and fails: nothing is scheduled yet.
fn by_hand(
    context: &Context,
    lines: &[String],
    happened: &str,
    meaning: &str,
    next: &str,
) -> Result<(), Error> {
    if !context.output.is_json() {
        for line in lines {
            render::print(plain!("{}\n", line).as_str().as_bytes())?;
        }
    }
    let next =
        if context.output.is_json() { format!("{next}: {}", lines.join(" && ")) } else { next.to_owned() };
    Err(Error::new(ErrorKind::Usage, Text::verbatim(happened.to_owned()), meaning, next))
}

fn week(day: &str, at: &str) -> Result<When, Error> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let weekday = DAYS.iter().zip(1..).find(|(name, _)| day.to_ascii_lowercase() == **name);
    let (_, weekday) = weekday
        .ok_or_else(|| Error::usage(text!("`{day}` is not a day of the week: use mon to sun", day)))?;
    let at = time(at).map_err(|why| Error::usage(Text::verbatim(why)))?;
    Ok(When::Week { weekday, hour: at.hour(), minute: at.minute() })
}

fn list(context: &Context) -> Result<(), Error> {
    let (program, crontab, mut found) = (super::program()?, Crontab::read(), Vec::new());
    for source in sources::list(&context.client)? {
        let timer = timer::of(&context.client, &source, &program)?;
        let in_crontab = crontab.starts(&source);
        if source.schedule == When::Manual && timer.is_none() && !in_crontab {
            continue;
        }
        let next = match due::at_timer(&context.client, &source)? {
            Turn::Done(next) => Some(next),
            Turn::Due | Turn::Unscheduled => None,
        };
        found.push((source, timer, in_crontab, next));
    }
    let schedules = found.iter().map(|(source, timer, in_crontab, next)| documents::Scheduled {
        id: source.id.to_string(),
        source: source.name.clone(),
        schedule: schedule_document(source.schedule),
        next: *next,
        timer: timer.as_ref().map(timer_document),
        crontab: *in_crontab,
    });
    let lingers = timer::lingers();
    let document = documents::Schedules { schedules: schedules.collect(), while_signed_out: lingers };
    context.output.result(&document, || {
        if found.is_empty() {
            return plain!(
                "Nothing is scheduled. Schedule a saved source: sealkeep schedule add shop --daily 02:00"
            );
        }
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|(source, timer, in_crontab, next)| {
                vec![
                    source.name.clone(),
                    schedule_words(source.schedule),
                    next.map_or_else(|| "–".to_owned(), render::when),
                    started_by(timer.as_ref(), *in_crontab),
                ]
            })
            .collect();
        let header: [Column; 4] =
            [Column::name("SOURCE"), "SCHEDULE".into(), "NOT DUE BEFORE".into(), Column::name("TIMER")];
        let mut text = render::fitting(&header, &rows, &[]);
        if found.iter().any(|(_, timer, in_crontab, _)| timer.is_none() && !in_crontab) {
            text.push(&plain!(
                "\nTimer \"none\": backed up while the app is open, or by a scheduler that\nSealkeep does not know."
            ));
        }
        let yours = found.iter().filter_map(|(_, timer, ..)| timer.as_ref()).any(|t| t.scope == Scope::User);
        if yours && lingers == Some(false) {
            text.push(&plain!(
                "\nYour timers run while you are logged in; with\n`loginctl enable-linger` they always run."
            ));
        }
        text
    })
}

/// What starts the backups while the app is closed.
fn started_by(timer: Option<&Timer>, in_crontab: bool) -> String {
    match (timer, in_crontab) {
        (Some(timer), false) => timer_words(timer),
        (Some(timer), true) => format!("{}, and your crontab", timer_words(timer)),
        (None, true) => "your crontab".to_owned(),
        (None, false) => "none".to_owned(),
    }
}

fn remove(context: &Context, typed: &str) -> Result<(), Error> {
    let source = find_source::find(&context.client, typed)?;
    let removed = timer::unschedule(&context.client, source.id)?;
    let in_crontab = Crontab::read().starts(&source);
    context.output.result(
        &documents::ScheduleRemoved {
            source: source.name.clone(),
            timers: removed.units.clone(),
            kept: removed.kept.clone(),
            crontab: in_crontab,
        },
        || {
            let mut text =
                plain!("{} is no longer backed up on a schedule; its snapshots stay.", source.name);
            text.push(&timers_removed(&removed));
            if in_crontab {
                text.push(&plain!("\n  Your crontab still has its line: remove it with `crontab -e`."));
            }
            text
        },
    )
}

async fn run_now(context: &Context, typed: &str) -> Result<(), Error> {
    let source = find_source::find(&context.client, typed)?;
    let limit = context.limit_upload.map(|limit| u64::from(limit) * backup::KB);
    match scheduled::run(&context.client, source.id, limit).await? {
        Scheduled::Done(report) => backup::show(context, &report),
        Scheduled::Skipped(turn) => {
            let next = if let Turn::Done(next) = turn { Some(next) } else { None };
            let skipped = if next.is_some() { "not_due" } else { "not_scheduled" };
            let document = documents::Skipped { source: source.name.clone(), skipped, next };
            context.output.result(&document, || match next {
                Some(next) => {
                    plain!("{} is backed up already; due again {}", source.name, render::when(next))
                }
                None => plain!("{} has no schedule: nothing to do", source.name),
            })
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_what_starts_a_backup() {
        let timer = Timer { scope: Scope::User, unit: "a.timer".into(), files: timer::Files::Current };
        assert_eq!(started_by(Some(&timer), false), "yours");
        assert_eq!(started_by(Some(&timer), true), "yours, and your crontab");
        assert_eq!(started_by(None, true), "your crontab");
        assert_eq!(started_by(None, false), "none");
    }

    #[test]
    fn days_and_times_are_read_and_others_refused() {
        assert_eq!(week("Sun", "04:05").unwrap(), When::Week { weekday: 7, hour: 4, minute: 5 });
        assert_eq!(week("mon", "23:59").unwrap(), When::Week { weekday: 1, hour: 23, minute: 59 });
        for (day, at) in [("sunday", "04:00"), ("", "04:00"), ("sun", "25:00"), ("sun", "")] {
            assert_eq!(week(day, at).unwrap_err().kind(), ErrorKind::Usage, "{day} {at}");
        }
    }
}
