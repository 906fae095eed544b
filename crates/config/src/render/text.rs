//! Breaks running text into lines.
//!
//! Texts of definitions are paragraphs separated by empty lines, with `code` in backticks. Invariant: no line is longer than asked for
//! unless a single word is.

/// Columns of a terminal; fixed, so that output is the same everywhere.
pub(crate) const COLUMNS: usize = 80;

/// Breaks `text` into lines that leave `indent` columns free on the left; the first line is not indented, the others are.
pub(crate) fn wrap(text: &str, indent: usize) -> String {
    let width = COLUMNS.saturating_sub(indent);
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    let separator = format!("\n{:indent$}", "");
    let mut result = String::new();
    for (position, line) in lines.iter().enumerate() {
        if position > 0 {
            result.push_str(if line.is_empty() { "\n" } else { &separator });
        }
        result.push_str(line);
    }
    result
}

/// Text for a terminal: without the backticks around code.
pub(crate) fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// A summary inside of a list: no full stop, and a small first letter unless the first word is a name or an abbreviation.
pub(crate) fn lower_summary(summary: &str) -> String {
    let text = summary.strip_suffix('.').unwrap_or(summary);
    let first_word = text.split(' ').next().unwrap_or_default();
    let letters = first_word.chars().filter(|c| c.is_alphabetic()).count();
    let capitals = first_word.chars().filter(|c| c.is_uppercase()).count();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if capitals == 1 && letters > 1 => {
            first.to_lowercase().collect::<String>() + characters.as_str()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_kept_and_lines_fit() {
        let text = format!("{}\n\nlast one", "word ".repeat(40).trim_end());
        let wrapped = wrap(&text, 10);
        assert!(wrapped.lines().all(|line| line.len() <= COLUMNS));
        assert!(wrapped.ends_with("\n\n          last one"));
        assert!(wrapped.starts_with("word word"));
    }

    #[test]
    fn a_word_longer_than_the_line_stands_alone() {
        let long = "x".repeat(100);
        assert_eq!(wrap(&format!("a {long} b"), 0), format!("a\n{long}\nb"));
    }

    #[test]
    fn names_and_abbreviations_keep_their_capitals() {
        assert_eq!(lower_summary("Back up a cluster."), "back up a cluster");
        assert_eq!(lower_summary("SSH client command."), "SSH client command");
        assert_eq!(lower_summary("WAL."), "WAL");
        assert_eq!(lower_summary("pgBackRest server."), "pgBackRest server");
        assert_eq!(lower_summary("A b."), "A b");
    }
}
