//! The options of `manifest`. The only file of this command that names options.

use pgkeep_config::Source;
use pgkeep_config::option::{self, Group};
use pgkeep_repo::{BackupLabel, Stanza};

use crate::error::Result;
use crate::hosts::repository;
use crate::run::{Context, label};

/// Whose files are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reference {
    /// Those that this backup stored itself.
    Latest,
    /// Those that the backup with this label stored.
    Of(String),
}

/// Typed options of `manifest`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub stanza: Stanza,
    pub repo_key: u32,
    pub set: BackupLabel,
    pub json: bool,
    /// Manifest name of the only file to show.
    pub filter: Option<String>,
    pub reference: Option<Reference>,
    /// The cluster to compare blocks with, if one was named.
    pub pg_key: Option<u32>,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// A `--set` that is no label.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &*context.config;
        let set = config.string(option::SET).unwrap_or_default();
        let named_pg = config.source(option::PG, 0) != Source::Default;
        Ok(Self {
            stanza: Stanza::new(context.stanza()?)?,
            repo_key: repository::default_key(config),
            set: label::parse(set)?,
            json: config.string(option::OUTPUT) == Some("json"),
            filter: config.string(option::FILTER).map(str::to_owned),
            reference: config.string(option::REFERENCE).map(|text| match text {
                "latest" => Reference::Latest,
                text => Reference::Of(text.to_owned()),
            }),
            pg_key: named_pg.then(|| config.default_key(Group::Pg)),
        })
    }
}
