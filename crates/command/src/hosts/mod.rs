//! What a run works on: the storages of its repositories are chosen here, and the clusters it backs up or restores are found here.

pub mod added_sets;
pub mod archive_command;
pub mod cluster;
pub mod clusters;
#[cfg(feature = "faulty")]
pub mod fault;
pub mod links;
pub mod new_stanza;
pub(crate) mod output_file;
pub mod pg_host;
pub(crate) mod pg_programs;
pub mod rate_limits;
pub mod repository;
pub mod shared_limits;
pub mod stanza_info;
pub mod storages;
pub mod this_host;
pub mod unanswered;

pub use pg_host::PgHost;
pub use repository::Repository;
