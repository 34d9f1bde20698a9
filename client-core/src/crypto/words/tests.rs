//! Words however they are typed, and what is wrong with them.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn typing_is_forgiven_and_mistakes_are_found() {
    let words = RecoveryWords::from_entropy(&[7; 32]).unwrap();
    let phrase = words.phrase().expose_secret().to_owned();
    let short: Vec<String> =
        phrase.split(' ').map(|w| w.chars().take(4).collect::<String>().to_uppercase()).collect();
    let again = RecoveryWords::parse(&short.join(" \n ")).unwrap();
    assert_eq!(again.phrase().expose_secret(), phrase);

    let mut list: Vec<&str> = phrase.split(' ').collect();
    assert_eq!(RecoveryWords::parse(&list[..23].join(" ")).err(), Some(InvalidWords::Count(23)));
    let third = list[2];
    list[2] = "databse";
    assert_eq!(
        RecoveryWords::parse(&list.join(" ")).err().map(|e| e.to_string()).as_deref(),
        Some("word number 3, \"databse\", is not one of the 2048 recovery words: check its spelling")
    );
    list[2] = "abandn";
    let error = RecoveryWords::parse(&list.join(" ")).err().unwrap();
    assert!(matches!(error, InvalidWords::Unknown { number: 3, suggestion: Some("abandon"), .. }), "{error}");
    list[2] = if third == "zoo" { "abandon" } else { "zoo" };
    assert_eq!(RecoveryWords::parse(&list.join(" ")).err(), Some(InvalidWords::Checksum));
}

fn phrase(entropy: u8) -> (RecoveryWords, String) {
    let words =
        RecoveryWords::from_entropy(&std::array::from_fn(|at| entropy.wrapping_mul(at as u8 + 3))).unwrap();
    let phrase = words.phrase().expose_secret().to_owned();
    (words, phrase)
}

#[test]
fn words_are_read_however_they_are_pasted() {
    let (_, phrase) = phrase(7);
    let list: Vec<&str> = phrase.split(' ').collect();
    let with = |form: &dyn Fn(usize, &str) -> String, between: &str| {
        let parts: Vec<String> = (1..).zip(&list).map(|(n, word)| form(n, word)).collect();
        parts.join(between)
    };
    for pasted in [
        with(&|n, w| format!("{n} {w}"), " "),
        with(&|n, w| format!("{n:>2} {w:<10}"), "\n"),
        with(&|n, w| format!("{n}. {w}"), "\r\n"),
        with(&|n, w| format!("{n}) {w}"), "\t"),
        with(&|n, w| format!("({n}) {w},"), " "),
        with(&|n, w| format!("#{n}: {w};"), "\n\n"),
        with(&|n, w| format!("{n}{w}"), " "),
        with(&|n, w| format!("{n}\n{w}"), "\n"),
        with(&|_, w| w.to_uppercase(), ", "),
        with(&|_, w| format!("\"{w}\""), ","),
        with(&|_, w| w.to_owned(), "-"),
        with(&|_, w| w.to_owned(), "\u{a0}"),
        with(&|_, w| w.to_owned(), " \u{200b}"),
        with(&|_, w| format!("{w}\u{feff}"), "\u{2003}"),
        format!("\"{phrase}.\""),
    ] {
        let read = RecoveryWords::parse(&pasted).unwrap_or_else(|e| unreachable!("{e}: {pasted}"));
        assert_eq!(read.phrase().expose_secret(), phrase, "{pasted}");
    }
    // A page copied column by column.
    let mut columns: Vec<(usize, &str)> = (1..).zip(list).collect();
    columns.sort_by_key(|(n, _)| (n % 4, *n));
    let pasted: String = columns.iter().map(|(n, w)| format!("{n} {w}\n")).collect();
    assert_eq!(RecoveryWords::parse(&pasted).unwrap().phrase().expose_secret(), phrase);
}

#[test]
fn a_file_with_nothing_but_the_words_is_a_kit() {
    let (_, phrase) = phrase(5);
    let read = |text: &str| RecoveryWords::from_kit(text.as_bytes());
    for text in [phrase.clone(), phrase.replace(' ', "\n") + "\n", phrase.to_uppercase()] {
        assert_eq!(read(&text).unwrap().phrase().expose_secret(), phrase);
    }
    let cut = phrase.rsplit_once(' ').unwrap().0;
    assert_eq!(read(cut).err(), Some(InvalidWords::Count(23)));
    assert!(matches!(read(&format!("{cut} abandn")).err(), Some(InvalidWords::Unknown { number: 24, .. })));
    for other in [
        "",
        "24",
        "PASSWORD=abandon",
        "Dear all, this file is only a letter, and nobody should read words in it.",
    ] {
        assert_eq!(read(other).err(), Some(InvalidWords::NoKit), "{other}");
    }
}

#[test]
fn words_are_checked_while_they_are_typed() {
    let (_, phrase) = phrase(9);
    assert_eq!(check_typed(""), Typed { recognized: 0, problem: None });
    assert_eq!(check_typed(&phrase), Typed { recognized: 24, problem: None });
    assert_eq!(check_typed("1 abandon 2 zo"), Typed { recognized: 1, problem: None });
    let typed = check_typed("abandon bonnus zoo");
    assert_eq!(typed.recognized, 2);
    assert!(matches!(
        typed.problem,
        Some(InvalidWords::Unknown { number: 2, suggestion: Some("bonus"), .. })
    ));
    assert!(matches!(check_typed(&format!("{phrase} zoo")).problem, Some(InvalidWords::Count(25))));
}

#[test]
fn three_words_are_an_answer_however_they_are_typed() {
    for answer in ["zoo abandon bonus", "2 ZOO, 16 abandon 24) bonus", "zoo\nabandon\nbonus"] {
        assert!(is_answer(answer, &["zoo", "abandon", "bonus"]), "{answer}");
    }
    for answer in ["", "zoo abandon", "zoo abandon bonus zoo", "abandon zoo bonus", "x y z"] {
        assert!(!is_answer(answer, &["zoo", "abandon", "bonus"]), "{answer}");
    }
}
