//! How findings, sizes and times are written for people, and findings for programs.

pub mod advice;
pub(crate) mod check;
pub(crate) mod finding;
pub(crate) mod findings;
pub(crate) mod json;
pub(crate) mod json_string;
pub(crate) mod lock_text;
pub(crate) mod pin_text;
pub mod sftp_server;
pub mod size_text;
pub(crate) mod table;
pub(crate) mod text;
pub mod time_text;
pub(crate) mod wording;
