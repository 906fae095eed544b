//! What the fuzz targets run. The work is in `formats`, which the corpus suite of the main workspace includes as well.
#![allow(clippy::disallowed_methods)]

pub mod formats;
