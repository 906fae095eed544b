//! Whole connections: two sides in threads over pipes of memory and real socket pairs, and a hand-made other side that lies.

mod carry;
mod end;
mod lying;
mod requests;
mod service;
mod silence;
