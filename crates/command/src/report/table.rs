//! What a table of a report looks like: no lines between rows, and no wider than the guides and most terminals are.

use comfy_table::{ContentArrangement, LineStyle, Table, presets};

/// Width of tables.
const WIDTH: u16 = 100;

/// An empty table.
#[must_use]
pub(crate) fn new(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(header.to_vec());
    table
}
