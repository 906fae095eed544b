//! What may come next on a command line that is being typed; the scripts in `completion` ask for it.
//!
//! Offered is only what the program takes: options of the command, with their conditions fulfilled, nothing that is refused,
//! no secrets. Invariant: a line without sense gives nothing, never an error.

mod line;
mod offer;
#[cfg(test)]
mod tests;

pub use line::Line;
pub use offer::Wanted;
