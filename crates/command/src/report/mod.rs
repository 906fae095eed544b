//! How findings, sizes and times are written for people.

pub mod advice;
pub mod sftp_report;
pub mod size_text;
pub mod time_text;
