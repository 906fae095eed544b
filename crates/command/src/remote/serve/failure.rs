//! Why a request was not served, in the form in which the client is told. The same for clusters and repositories.

use pgkeep_protocol::Raised;

use crate::error::{Error, ErrorCode};
use crate::remote::serve::raise::raise;
use crate::remote::wire::error::storage_detail;

/// Ends a session; carries what the client needs to make the same error of it.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Box<Raised>);

/// What serving comes to.
pub(super) type Served<T> = Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(Box::new(raise(&error)))
    }
}

impl From<pgkeep_storage::Error> for Failure {
    fn from(error: pgkeep_storage::Error) -> Self {
        let mut raised = raise(&Error::from(error.clone()));
        raised.detail = storage_detail(&error);
        Self(Box::new(raised))
    }
}

/// The client is gone, or has said something that is not understood.
impl From<pgkeep_protocol::Error> for Failure {
    fn from(error: pgkeep_protocol::Error) -> Self {
        Error::new(ErrorCode::Protocol, error.to_string()).into()
    }
}
