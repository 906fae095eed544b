//! What went wrong on a connection, as an error of the run: with the name of the host and its own words.

use pgkeep_protocol::{ErrorKind, Raised};

use super::Link;
use crate::error::{Error, ErrorCode};
use crate::remote::dial::Carrier;

impl Link {
    pub(super) fn explain(
        &self,
        error: &pgkeep_protocol::Error,
        carrier: Option<&dyn Carrier>,
    ) -> Error {
        let fate = || carrier.and_then(|carrier| carrier.fate(error));
        match (error.kind(), error.raised()) {
            (_, Some(raised)) => self.raised(raised),
            (ErrorKind::Cancelled, _) => match self.cancel.check() {
                Err(stopped) => stopped,
                Ok(()) => self.own(error, ErrorCode::Protocol),
            },
            (ErrorKind::Unsendable, _) => self.own(error, ErrorCode::Assert),
            (ErrorKind::Lost | ErrorKind::Greeting | ErrorKind::Silent, _) => {
                fate().unwrap_or_else(|| self.own(error, ErrorCode::Protocol))
            }
            _ => self.own(error, ErrorCode::Protocol),
        }
    }

    /// An error that the other host reports: its code, its words and its hints.
    fn raised(&self, raised: &Raised) -> Error {
        let code = match raised.code {
            // The protocol's own words have no code.
            0 => ErrorCode::Protocol,
            number => ErrorCode::from_number(number).unwrap_or(ErrorCode::Unknown),
        };
        Error {
            code,
            message: format!("{}{}", self.name().raised_from(), raised.text),
            hints: raised.hints.clone(),
        }
    }

    /// An error that this side has found.
    fn own(&self, error: &pgkeep_protocol::Error, code: ErrorCode) -> Error {
        Error {
            code,
            message: format!("{}: {error}", self.name()),
            hints: error.hints().to_vec(),
        }
    }
}
