//! Signals: the first one asks the run to stop, a second SIGINT ends the process at once.
//!
//! A thread waits for them, so no code ever runs inside a signal handler.

use pgkeep_command::run::cancel::Cancel;
use pgkeep_command::run::hangup::Hangup;
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::iterator::Signals;

/// Exit status of a run that a signal ended.
const TERM: i32 = 63;

/// Starts to listen for SIGHUP, SIGINT and SIGTERM, and ignores SIGPIPE. With `hangup` SIGHUP ends nothing.
pub(crate) fn listen(cancel: Cancel, hangup: Option<Hangup>) -> std::io::Result<()> {
    // Rust already ignores SIGPIPE; a registered no-op keeps that true for any child that resets it.
    let ignored = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    signal_hook::flag::register(SIGPIPE, ignored)?;
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("signal".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if let (SIGHUP, Some(hangup)) = (signal, &hangup) {
                    hangup.hang_up();
                    continue;
                }
                if signal == SIGINT && cancel.signal() == Some(SIGINT) {
                    exit_now();
                }
                cancel.cancel(signal);
            }
        })?;
    Ok(())
}

/// Gives up waiting for an orderly end: the user asked twice.
#[allow(clippy::disallowed_methods)] // this crate alone exits
fn exit_now() -> ! {
    std::process::exit(TERM)
}
