//! Tables that fit a terminal: spare columns are left out first, names are cut at their end only if that is not enough.

use unicode_width::UnicodeWidthStr;

use crate::{plain, plain::Plain};

/// No column that may be cut gets narrower.
const NARROWEST: usize = 12;
/// Between columns.
const GAP: &str = "  ";

/// A column's heading, and how its cells are set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    right: bool,
    cut: bool,
}

impl Column {
    /// For numbers: aligned on the right.
    pub(crate) const fn number(name: &'static str) -> Self {
        Self { name, right: true, cut: false }
    }

    /// For names: cut at their end if the terminal is too narrow.
    pub(crate) const fn name(name: &'static str) -> Self {
        Self { name, right: false, cut: true }
    }
}

impl From<&'static str> for Column {
    fn from(name: &'static str) -> Self {
        Self { name, right: false, cut: false }
    }
}

/// Sets a table in `width` columns, leaving out as many `spare` columns, in this order, as necessary. Empty columns are
/// left out, too.
pub(crate) fn within(width: usize, header: &[Column], rows: &[Vec<String>], spare: &[&str]) -> Plain {
    let says = |at: usize| rows.iter().any(|row| row.get(at).is_some_and(|cell| !cell.is_empty()));
    let mut kept: Vec<(Column, Vec<Plain>)> = Vec::new();
    for (at, column) in header.iter().enumerate().filter(|(at, _)| rows.is_empty() || says(*at)) {
        let cells = rows.iter().map(|row| row.get(at).map_or_else(Plain::default, Plain::name));
        kept.push((*column, std::iter::once(Plain::name(column.name)).chain(cells).collect()));
    }
    for name in spare {
        if total(&widths(&kept)) <= width {
            break;
        }
        kept.retain(|(column, _)| column.name != *name);
    }
    let mut widths = widths(&kept);
    while total(&widths) > width {
        let cuttable =
            kept.iter().zip(&mut widths).filter(|((column, _), _)| column.cut).map(|(_, width)| width);
        match cuttable.max_by_key(|width| **width) {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => break,
        }
    }
    Plain::join_lines((0..=rows.len()).map(|line| {
        let mut text = String::new();
        for ((column, cells), width) in kept.iter().zip(&widths) {
            let cell = cells.get(line).map_or_else(String::new, |cell| cut(cell.as_str(), *width));
            let blank = " ".repeat(width.saturating_sub(cell.width()));
            let (before, behind) = if column.right { (blank, String::new()) } else { (String::new(), blank) };
            for part in [before.as_str(), &cell, &behind, GAP] {
                text.push_str(part);
            }
        }
        plain!("{}", text.trim_end())
    }))
}

fn widths(columns: &[(Column, Vec<Plain>)]) -> Vec<usize> {
    let widest = |cells: &[Plain]| cells.iter().map(|cell| cell.as_str().width()).max().unwrap_or_default();
    columns.iter().map(|(_, cells)| widest(cells)).collect()
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
}

/// The beginning of a cell that is too wide. Characters may join into one that is wider than its parts, so it is the
/// text that is measured.
fn cut(cell: &str, columns: usize) -> String {
    if cell.width() <= columns {
        return cell.to_owned();
    }
    let fits = |end: &usize| cell[..*end].width() < columns;
    let end = cell.char_indices().map(|(at, _)| at).rfind(fits).unwrap_or_default();
    format!("{}…", &cell[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn spare_columns_go_first_and_then_names_are_cut() {
        let header: [Column; 4] = ["ID".into(), Column::name("NAME"), "FROM".into(), Column::number("SIZE")];
        let rows =
            [row(&["1234", "a-very-long-name", "far/away", "1 kB"]), row(&["5678", "b", "x", "100 MB"])];
        let shown = |width| within(width, &header, &rows, &["FROM"]).as_str().to_owned();
        assert_eq!(
            shown(80),
            "ID    NAME              FROM        SIZE\n1234  a-very-long-name  far/away    1 kB\n5678  b                 x         100 MB"
        );
        assert_eq!(
            shown(30),
            "ID    NAME                SIZE\n1234  a-very-long-name    1 kB\n5678  b                 100 MB"
        );
        assert_eq!(
            shown(28),
            "ID    NAME              SIZE\n1234  a-very-long-n…    1 kB\n5678  b               100 MB"
        );
        // Numbers and ids are never cut.
        assert!(shown(5).contains("100 MB") && shown(5).contains("1234"));
    }

    #[test]
    fn an_empty_column_is_left_out() {
        let header: [Column; 2] = ["ID".into(), "NOTE".into()];
        assert_eq!(within(80, &header, &[row(&["1", ""])], &[]).as_str(), "ID\n1");
        assert_eq!(within(80, &header, &[], &[]).as_str(), "ID  NOTE");
    }

    #[test]
    fn a_hostile_cell_stays_in_its_row_and_its_column() {
        let rows = [row(&["esc\x1b[2J\nname", "1"]), row(&["データ", "2"])];
        let table = within(usize::MAX, &["NAME".into(), "N".into()], &rows, &[]);
        assert_eq!(table.as_str(), "NAME                N\nesc\\u{1b}[2J\\nname  1\nデータ              2");
        // A wide letter takes two columns.
        assert_eq!(cut("データベース", 6), "デー…");
    }

    #[test]
    fn a_cell_is_cut_by_the_columns_that_it_takes() {
        for (cell, columns, shown) in [
            ("データベース", 6, "デー…"),
            ("データベース", 5, "デー…"),
            ("データベース", 12, "データベース"),
            // With its variation selector a heart takes two columns, without it one.
            ("❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}", 5, "❤\u{fe0f}❤\u{fe0f}…"),
            ("e\u{301}e\u{301}e\u{301}e\u{301}", 3, "e\u{301}e\u{301}…"),
        ] {
            assert_eq!(cut(cell, columns), shown);
            assert!(shown.width() <= columns, "{shown}");
        }
    }

    #[test]
    fn an_escape_sequence_takes_the_room_of_its_letters() {
        let rows = [row(&["\x1b]0;title\x07", "1"]), row(&["\u{9b}2J\u{202e}", "2"])];
        let table = within(80, &[Column::name("NAME"), "N".into()], &rows, &[]);
        assert_eq!(
            table.as_str(),
            "NAME                 N\n\\u{1b}]0;title\\u{7}  1\n\\u{9b}2J\\u{202e}     2"
        );
    }

    proptest! {
        /// Whatever the names are, 80 columns are enough for them and a few numbers.
        #[test]
        fn no_line_is_wider_than_the_terminal(
            names in proptest::collection::vec(("\\PC*|(?s:.{0,40})|[ぁ-ん❤\u{fe0f}\u{200d}👩-👪]{0,60}", "\\PC{0,90}"), 0..6),
        ) {
            let header: [Column; 4] =
                ["ID".into(), Column::name("SOURCE"), Column::number("SIZE"), Column::name("FROM")];
            let rows: Vec<Vec<String>> = names
                .into_iter()
                .map(|(name, place)| vec!["3f9a0b1c".to_owned(), name, "100 MB".to_owned(), place])
                .collect();
            let table = within(80, &header, &rows, &["FROM"]);
            for line in table.as_str().lines() {
                prop_assert!(line.width() <= 80, "{}", line);
            }
            prop_assert_eq!(table.as_str().lines().count(), rows.len() + 1);
        }
    }
}
