//! Rules of the source tree that no compiler checks: sizes, direction of layers, circles of imports, names, headers, links,
//! foreign words, commit messages.
//!
//! One file for each kind of rule; every exception is listed there with its reason. Needs nothing but the sources.

#![allow(clippy::disallowed_methods)] // reads the source tree

mod circles;
mod commits;
mod foreign_words;
mod fuzz_lock;
mod headers;
mod layers;
mod links;
mod must_run;
mod names;
mod several;
mod size;
mod tree;
mod unsafe_code;
