//! The WAL that a repository holds: its archives, waiting for a segment, and the moments that it leads to.

pub mod archive;
pub mod find;
pub mod small_file;
pub mod stored_content;
pub mod window;
