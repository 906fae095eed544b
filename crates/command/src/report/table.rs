//! What a table of a report looks like: no lines between rows, no wider than the guides and most terminals are, and of letters that
//! every locale has.

use comfy_table::{ContentArrangement, LineStyle, Table, presets};

/// Width of tables.
const WIDTH: u16 = 100;

/// An empty table.
#[must_use]
pub(crate) fn new(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(header.to_vec());
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_shown_in_every_locale() {
        let mut table = new(&["check", "result"]);
        table.add_row(["a", "b"]);
        let text = table.trim_fmt();
        assert!(text.is_ascii() && text.contains("==="), "{text}");
    }
}
