//! What a server works with between two reloads: settings, certificates, and what its configuration was made from.
//!
//! Each connection gets a copy. So files that change, or become unusable, make no difference until the next reload, and a reload
//! that fails changes nothing.

use super::files_read::FilesRead;
use super::settings::Settings;
use crate::error::Result;
use crate::remote::tls::{Identity, load_authorities};
use crate::run::context::Context;

/// What a configuration was made from: the words of the command line and the files. The environment stays the same.
#[derive(Clone)]
pub struct Origin {
    pub args: Vec<String>,
    pub files: FilesRead,
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Origin")
    }
}

/// What a server works with.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) identity: Identity,
    pub(super) authorities: Vec<u8>,
    pub(super) origin: Origin,
}

impl State {
    /// Reads everything.
    pub(super) fn load(context: &Context, origin: Origin) -> Result<Self> {
        let settings = Settings::from(&context.config)?;
        let identity = Identity::load(&settings.certificate, &settings.key, &context.user)?;
        let authorities = load_authorities(&settings.authorities)?;
        // A list of ciphers is wrong for every client.
        settings.ciphers.check()?;
        for name in settings.clients.without_any() {
            log::warn!("client '{name}' is listed in 'tls-server-auth' without a stanza");
        }
        Ok(Self {
            settings,
            identity,
            authorities,
            origin,
        })
    }
}
