//! Tables whose columns line up under Chinese headings.

use comfy_table::{ContentArrangement, Table, presets};

/// A plain table with a heading.
pub(crate) fn table(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heading.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    table
}
