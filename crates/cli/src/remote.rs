//! The roles `…:remote`: serves the client on standard input and output until it leaves.

use std::fs::File;
use std::os::fd::BorrowedFd;

use pgkeep_command::error::{Error, ErrorCode};
use pgkeep_command::remote::relay::Again;
use pgkeep_command::remote::rights::{self, Grants, Rights};
use pgkeep_command::remote::serve::{Entrance, Visit, serve};
use pgkeep_command::run::Context;
use pgkeep_config::option;
use pgkeep_protocol::Streams;

/// Serves until the client has gone.
pub(crate) fn run(context: &Context) -> Result<(), Error> {
    let streams = Streams::new(
        file(rustix::stdio::stdin())?,
        file(rustix::stdio::stdout())?,
        // The end of this process ends a read that waits.
        |_| {},
    );
    let grants = match context.config.string(option::REMOTE_RIGHTS) {
        Some(list) => Some(Grants::read(option::REMOTE_RIGHTS.name, list)?),
        None => None,
    };
    let again = Again {
        program: context.program_path.clone(),
        arguments: std::env::args_os().skip(1).collect(),
    };
    let entrance = Entrance {
        again: Some(&again),
        // Whoever has fewer rights than the account says nothing about places either.
        takes_options: grants.is_none(),
        admit: &|greeting| match &grants {
            Some(grants) => grants
                .rights(greeting.stanza.as_deref())
                .ok_or_else(rights::denied),
            // Whoever could log in has the rights of the account.
            None => Ok(Rights::admin()),
        },
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
