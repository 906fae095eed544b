//! What reports about an SFTP server look like: the line that says which server, and tables without lines between rows.

use comfy_table::{ContentArrangement, LineStyle, Table, presets};
use pgkeep_storage::sftp::SftpSettings;
use pgkeep_storage::sftp::examine::Handshake;

/// Width of tables; lines of the guides and of terminals hold it.
const WIDTH: u16 = 100;

/// Whose report it is.
#[derive(Debug)]
pub struct Server {
    pub repo_key: u32,
    pub address: String,
    pub user: String,
    pub path: String,
}

impl Server {
    #[must_use]
    pub fn of(repo_key: u32, settings: &SftpSettings) -> Self {
        Self {
            repo_key,
            address: settings.address(),
            user: settings.user.clone(),
            path: settings.root.display().to_string(),
        }
    }

    /// `repo1: backup@host:22/upload, SSH-2.0-…`, and an empty line.
    #[must_use]
    pub fn heading(&self, handshake: &Handshake) -> String {
        let greeting = handshake
            .offer
            .as_ref()
            .map_or("unknown", |offer| offer.greeting.as_str());
        format!(
            "repo{}: {}@{}{}, {greeting}\n\n",
            self.repo_key, self.user, self.address, self.path
        )
    }
}

/// An empty table.
#[must_use]
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(header.to_vec());
    table
}
