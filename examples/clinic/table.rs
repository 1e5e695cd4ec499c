//! Aligned columns for a terminal. Widths are counted in characters.

use std::fmt::Write;

const TOTAL_WIDTH: usize = 120;
const COLUMN_WIDTH: usize = 40;
const LAST_COLUMN_AT_LEAST: usize = 40;
const GAP: &str = "  ";

/// More rows than this are cut; the whole is in the JSON.
pub(crate) const MOST_ROWS: usize = 40;

/// What stands in one place of a table, line by line; long lines are broken at spaces.
pub(crate) struct Cell(Vec<String>);

impl From<Vec<String>> for Cell {
    fn from(lines: Vec<String>) -> Self {
        Self(lines)
    }
}

impl From<String> for Cell {
    fn from(line: String) -> Self {
        Self(vec![line])
    }
}

impl From<&str> for Cell {
    fn from(line: &str) -> Self {
        line.to_owned().into()
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        number.to_string().into()
    }
}

/// A head, a rule and the first [`MOST_ROWS`] rows, with a line that counts the others; `none` if there are no rows.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: Vec<[Cell; N]>) -> String {
    if rows.is_empty() {
        return "  none\n".to_owned();
    }
    let left_out = rows.len().saturating_sub(MOST_ROWS);
    let rows: Vec<_> = rows.into_iter().take(MOST_ROWS).collect();
    let widths = widths(&head, &rows);
    let mut out = String::new();
    push_row(&mut out, widths, head.map(Cell::from));
    push_row(&mut out, widths, widths.map(|width| "-".repeat(width).into()));
    rows.into_iter().for_each(|row| push_row(&mut out, widths, row));
    if left_out > 0 {
        let _ = writeln!(out, "… and {left_out} more; `--json` has all of them");
    }
    out
}

/// The text without control characters and those that turn its direction, so that no name steers the terminal.
pub(crate) fn plain(text: &str) -> String {
    let turns =
        |one| matches!(one, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let steers = |one: char| one.is_control() || matches!(one, '\u{2028}' | '\u{2029}') || turns(one);
    text.replace(steers, "?")
}

/// As wide as the longest line, within limits; the last column has what the others leave.
fn widths<const N: usize>(head: &[&str; N], rows: &[[Cell; N]]) -> [usize; N] {
    let mut widths = head.map(chars);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.0.iter().map(|line| chars(line)).fold(*width, usize::max);
        }
    }
    if let Some((last, others)) = widths.split_last_mut() {
        others.iter_mut().for_each(|width| *width = (*width).min(COLUMN_WIDTH));
        let taken: usize = others.iter().map(|width| width + GAP.len()).sum();
        *last = (*last).min(TOTAL_WIDTH.saturating_sub(taken).max(LAST_COLUMN_AT_LEAST));
    }
    widths
}

fn push_row<const N: usize>(out: &mut String, widths: [usize; N], row: [Cell; N]) {
    let mut columns: Vec<_> = row.iter().zip(widths).map(|(cell, width)| wrapped(cell, width).into_iter()).collect();
    let height = columns.iter().map(ExactSizeIterator::len).max().unwrap_or_default();
    for _ in 0..height {
        let mut line = String::new();
        for (column, width) in columns.iter_mut().zip(widths) {
            let _ = write!(line, "{:width$}{GAP}", column.next().unwrap_or_default());
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// The cell's lines, none longer than `width`; continued lines are indented.
fn wrapped(cell: &Cell, width: usize) -> Vec<String> {
    cell.0.iter().flat_map(|line| wrapped_line(&plain(line), width)).collect()
}

fn wrapped_line(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        if !line.trim().is_empty() && chars(&line) + 1 + chars(word) > width {
            lines.push(std::mem::replace(&mut line, "  ".to_owned()));
        } else if !line.is_empty() {
            line.push(' ');
        }
        for letter in word.chars() {
            if chars(&line) >= width {
                lines.push(std::mem::replace(&mut line, "  ".to_owned()));
            }
            line.push(letter);
        }
    }
    lines.push(line);
    lines
}

fn chars(text: &str) -> usize {
    text.chars().count()
}
