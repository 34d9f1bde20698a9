//! Which files a schedule writes, and what of them is kept.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::ops::client::tests::offline;

fn units_of(schedule: Schedule, home: &Path) -> Units {
    Units {
        id: Uuid::from_u128(7),
        name: "shop".to_owned(),
        schedule,
        program: "/usr/bin/sealkeep".into(),
        home: home.to_owned(),
        user: None,
    }
}

#[test]
fn files_are_current_outdated_or_edited() {
    let nightly = units_of(Schedule::Day { hour: 2, minute: 0 }, Path::new("/h"));
    let (service, timer) = (nightly.service().unwrap(), nightly.timer().unwrap());
    assert_eq!(state_of(&nightly, Some(&service), &timer), Files::Current);
    let edited = format!("{service}# mine\n");
    assert_eq!(state_of(&nightly, Some(&edited), &timer), Files::Edited);
    assert_eq!(state_of(&nightly, Some(&service), ""), Files::Edited);
    // Adding the schedule again writes what is missing.
    assert_eq!(state_of(&nightly, None, &timer), Files::Outdated);
    for other in [
        Units { name: "store".to_owned(), ..units_of(nightly.schedule, Path::new("/h")) },
        Units { program: "/opt/sealkeep".into(), ..units_of(nightly.schedule, Path::new("/h")) },
        Units { user: Some(1), ..units_of(nightly.schedule, Path::new("/h")) },
        units_of(nightly.schedule, Path::new("/elsewhere")),
        units_of(Schedule::Hour, Path::new("/h")),
        units_of(Schedule::Manual, Path::new("/h")),
        units_of(nightly.schedule, Path::new("/cannot\nbe named")),
    ] {
        assert_eq!(state_of(&other, Some(&service), &timer), Files::Outdated, "{}", other.name);
    }
}

#[test]
fn a_file_that_somebody_edited_is_recognized_in_any_encoding_and_kept_under_a_free_name() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place { folder: folder.path().to_owned() };
    let id = Uuid::from_u128(7);
    assert!(place.refuse_edited(id).is_ok() && read(&place.timer(id)).unwrap().is_none());
    let timer = units_of(Schedule::Hour, Path::new("/h")).timer().unwrap();
    fs::write(place.timer(id), &timer).unwrap();
    assert!(place.refuse_edited(id).is_ok());
    for number in 1..=3 {
        fs::write(place.timer(id), [timer.as_bytes(), b"# n\xe4chtlich\n"].concat()).unwrap();
        let error = place.refuse_edited(id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists);
        assert!(error.happened().contains(&timer_name(id)), "{error:?}");
        let kept = keep(&place.timer(id)).unwrap();
        let ending = if number == 1 { ".saved".to_owned() } else { format!(".saved{number}") };
        assert!(kept.display().to_string().ends_with(&format!(".timer{ending}")), "{kept:?}");
        assert!(fs::read(&kept).unwrap().ends_with(b"# n\xe4chtlich\n"));
        assert!(!place.timer(id).exists());
    }
    remove_file(&place.timer(id)).unwrap();
}

#[test]
fn what_an_administrator_pastes_names_the_files_whatever_the_home_is_called() {
    let parent = tempfile::tempdir().unwrap();
    let home = parent.path().join("Ada's $HOME; rm -r *");
    fs::create_dir(&home).unwrap();
    let texts = [("a.service".to_owned(), "one".to_owned()), ("a.timer".to_owned(), "two".to_owned())];
    let prepared = prepare(&offline(&home), "a.timer".to_owned(), &texts).unwrap();
    let commands = if let Outcome::Prepared { commands, .. } = prepared { commands } else { Vec::new() };
    assert_eq!(commands.len(), 3);
    let words = shlex::split(&commands[0]).unwrap();
    assert_eq!(words[..4], ["sudo", "install", "-m", "644"]);
    assert_eq!(words[6..], [format!("{SYSTEM_FOLDER}/")]);
    for ((_, text), path) in texts.iter().zip(&words[4..6]) {
        assert_eq!(fs::read_to_string(path).unwrap(), *text);
    }
    assert!(commands[2].ends_with("enable --now a.timer"));
}

#[test]
fn a_program_that_fails_says_why_in_a_line() {
    let said = |script: &str| run(Command::new("sh").arg("-c").arg(script));
    assert_eq!(said("exit 0"), Ok(()));
    assert_eq!(said("echo ' no bus '>&2; echo more >&2; exit 1"), Err("no bus".to_owned()));
    assert_eq!(said("exit 1"), Err("sh failed".to_owned()));
    assert!(run(&mut Command::new("/nonexistent/systemctl")).unwrap_err().contains("systemctl"));
}
