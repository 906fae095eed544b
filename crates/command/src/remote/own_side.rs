//! What this program brings to a connection with another host.

use pgkeep_protocol::Settings;

/// Network compression: a pipeline may have the stage lz4 that the receiver undoes.
pub const LZ4: &str = "lz4";

/// Name and version of this program, as the other side is told.
pub const PROGRAM: &str = concat!("pgkeep ", env!("CARGO_PKG_VERSION"));

/// Name, capabilities and limits of this side, the same for a client and a server.
#[must_use]
pub fn settings() -> Settings {
    let mut settings = Settings::new(PROGRAM);
    settings.capabilities = vec![LZ4.to_owned()];
    // Whoever has a file under way may wait for another one, so there must be room for several files of every worker.
    settings.limits.sessions = 512;
    settings
}
