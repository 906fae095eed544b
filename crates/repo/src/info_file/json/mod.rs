//! JSON as pgBackRest writes and reads it: strings are bytes, numbers are decimal integers (`docs/format/info-files.md`).
//!
//! The writer never writes `\u` (readers of old versions stumble over it) and never a space. The reader takes what pgBackRest
//! takes: white space, `\/`, `\u00XX`, unknown keys. It does not depend on the order of keys. Bad input is an error, however
//! deep or long.

mod fields;
mod read;
mod write;

pub use fields::parse_sha1;
pub use read::{JsonReader, validate};
pub use write::{ObjectWriter, bool_text, write_hex, write_i64, write_string, write_u64};
