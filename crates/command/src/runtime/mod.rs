//! What every command shares: context, locks, workers, repositories. No command logic lives here.

pub mod cancel;
pub mod clock;
pub mod lock;
pub mod pool;
pub mod progress;
pub mod stop_file;
