//! One combination of programs and settings.

use pgkeep_testkit::object_server::Kind;

/// Which program does a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// This project's binary, started as pgbackrest.
    Ours,
    /// pgBackRest from Debian 13.
    Stable,
    /// The newest pgBackRest.
    Newest,
}

/// A row of the array.
#[derive(Debug, Clone)]
pub struct Row {
    /// Makes the stanza, the full backup, and archives up to it.
    pub writer: Who,
    /// Makes the differential and the incremental backup, and archives from then on.
    pub continuer: Who,
    /// Restores.
    pub restorer: Who,
    pub compress: &'static str,
    pub cipher: bool,
    pub layout: Layout,
    /// PostgreSQL major.
    pub pg: u32,
    pub tablespace: bool,
    pub process_max: u32,
    pub delta: bool,
    /// Where the repository is, for every program.
    pub place: Place,
}

/// Where a repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Posix,
    /// A directory that is taken for a mounted share.
    Cifs,
    Sftp,
    /// A bucket of an object store.
    Bucket(Kind),
}

/// How files lie in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Plain,
    Hardlink,
    Bundle,
    Block,
}

impl Who {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Stable => "stable",
            Self::Newest => "newest",
        }
    }
}

impl Row {
    /// Reads as a sentence and names every setting.
    pub fn name(&self) -> String {
        format!(
            "{}_writes_{}_continues_{}_restores_pg{}_{}{}_{:?}{}{}_p{}{}",
            self.writer.name(),
            self.continuer.name(),
            self.restorer.name(),
            self.pg,
            self.compress,
            if self.cipher { "_aes" } else { "" },
            self.layout,
            if self.tablespace { "_tablespace" } else { "" },
            if self.delta { "_delta" } else { "" },
            self.process_max,
            match self.place {
                Place::Posix => "",
                Place::Cifs => "_cifs",
                Place::Sftp => "_sftp",
                Place::Bucket(Kind::S3s | Kind::Moto) => "_s3",
                Place::Bucket(Kind::Garage) => "_garage",
                Place::Bucket(Kind::Gcs) => "_gcs",
                Place::Bucket(Kind::Azurite) => "_azure",
            },
        )
        .to_lowercase()
    }
}
