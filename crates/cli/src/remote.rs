//! The roles `…:remote`: serves the client on standard input and output until it leaves.

use std::fs::File;
use std::os::fd::BorrowedFd;

use pgkeep_command::error::{Error, ErrorCode};
use pgkeep_command::remote::rights::Rights;
use pgkeep_command::remote::serve::{Entrance, Visit, serve};
use pgkeep_command::run::Context;
use pgkeep_protocol::Streams;

/// Serves until the client has gone.
pub(crate) fn run(context: &Context) -> Result<(), Error> {
    let streams = Streams::new(
        file(rustix::stdio::stdin())?,
        file(rustix::stdio::stdout())?,
        // The end of this process ends a read that waits.
        |_| {},
    );
    let entrance = Entrance {
        takes_options: true,
        // Whoever could log in has the rights of the account.
        admit: &|_| Ok(Rights::admin()),
    };
    match serve(context, streams, &entrance)? {
        Visit::Over => Ok(()),
        // It was told, and tells its user.
        Visit::Refused(error) => {
            ::log::info!("{}", error.text());
            Ok(())
        }
        Visit::Lost(error) => Err(error),
    }
}

/// A stream without a buffer of its own, since the protocol has one.
fn file(stream: BorrowedFd<'_>) -> Result<File, Error> {
    let copy = stream.try_clone_to_owned().map_err(|error| {
        Error::new(
            ErrorCode::Kernel,
            format!("unable to use standard input and output: {error}"),
        )
    })?;
    Ok(File::from(copy))
}
