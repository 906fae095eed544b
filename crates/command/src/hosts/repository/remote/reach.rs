//! The host that has the repository: how it is asked, and what becomes of its errors.

use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};

use pgkeep_protocol::{Client, ErrorKind as ProtocolKind, Lane};
use pgkeep_storage::{Error, ErrorKind, Operation, Result, StoragePath};
use serde::de::DeserializeOwned;

use crate::error::ErrorCode;
use crate::remote::link::{self, Link};
use crate::remote::wire::error::storage_error;
use crate::remote::wire::greeting::{Answer, RepositoryAnswer};
use crate::remote::wire::path::WireBytes;
use crate::remote::wire::storage::{MOST_PATH_BYTES, MOST_PATHS, StorageRequest};

/// What is being done, for an error.
pub(super) type Doing<'a> = (Operation, &'a StoragePath);

/// The host of one repository.
#[derive(Debug)]
pub(super) struct Reach {
    pub(super) link: Arc<Link>,
    /// How messages name its root as long as it was not asked.
    shown: String,
    answer: OnceLock<RepositoryAnswer>,
}

impl Reach {
    pub(super) fn new(link: Arc<Link>, shown: String) -> Self {
        Self {
            link,
            shown,
            answer: OnceLock::new(),
        }
    }

    /// Full name of a path for messages.
    pub(super) fn display(&self, path: &StoragePath) -> String {
        let root = match self.answer.get() {
            Some(answer) => &answer.path,
            None => &self.shown,
        };
        match path.is_root() {
            true => root.clone(),
            false => format!("{}/{path}", root.trim_end_matches('/')),
        }
    }

    /// The connection.
    pub(super) fn client(&self, doing: Doing<'_>) -> Result<Arc<Client>> {
        self.answer(doing)?;
        self.link
            .client()
            .map_err(|error| self.unreachable(error, doing))
    }

    /// What the host said of its repository when it was first asked.
    pub(super) fn answer(&self, doing: Doing<'_>) -> Result<&RepositoryAnswer> {
        if let Some(answer) = self.answer.get() {
            return Ok(answer);
        }
        let said = self.link.answer().and_then(|answer| match answer {
            Answer::Repo(repository) => Ok(repository),
            Answer::Pg(_) | Answer::Pong => Err(link::wrong_side(self.link.name())),
        });
        match said {
            Ok(said) => Ok(self.answer.get_or_init(|| said)),
            Err(error) => Err(self.unreachable(error, doing)),
        }
    }

    /// The host could not be asked. Trying again makes a new connection.
    fn unreachable(&self, error: crate::error::Error, (operation, path): Doing<'_>) -> Error {
        let kind = match error.code {
            ErrorCode::Term => ErrorKind::Cancelled,
            _ => ErrorKind::Connect,
        };
        storage_error(None, error, kind, (operation, &self.display(path)))
    }

    /// An error of the conversation as one of this storage.
    pub(super) fn error(
        &self,
        error: &pgkeep_protocol::Error,
        (operation, path): Doing<'_>,
    ) -> Error {
        let lowered = self.link.error(error);
        let kind = match error.kind() {
            _ if lowered.code == ErrorCode::Term => ErrorKind::Cancelled,
            ProtocolKind::Violation | ProtocolKind::Unsendable | ProtocolKind::Raised => {
                ErrorKind::Broken
            }
            ProtocolKind::Lost
            | ProtocolKind::Silent
            | ProtocolKind::Greeting
            | ProtocolKind::Version
            | ProtocolKind::Cancelled => ErrorKind::Connect,
        };
        let object = self.display(path);
        storage_error(error.raised(), lowered, kind, (operation, &object))
    }

    /// The host has said something that cannot be.
    pub(super) fn nonsense(&self, what: &str, (operation, path): Doing<'_>) -> Error {
        let text = format!("{}: {what}", self.link.name());
        let error = crate::error::Error::new(ErrorCode::Protocol, text);
        let object = self.display(path);
        storage_error(None, error, ErrorKind::Broken, (operation, &object))
    }

    /// Asks and waits for the answer.
    pub(super) fn ask<A: DeserializeOwned>(
        &self,
        request: &StorageRequest,
        doing: Doing<'_>,
    ) -> Result<A> {
        self.client(doing)?
            .call(Lane::Own, request)
            .map_err(|error| self.error(&error, doing))
    }

    /// Asks the same about many paths: as many requests as they need, all of which are under way at the same time. The
    /// answers are in the order of the paths.
    pub(super) fn ask_many<A: DeserializeOwned + Send + 'static>(
        &self,
        paths: &[StoragePath],
        operation: Operation,
        request: impl Fn(Vec<WireBytes>) -> StorageRequest,
    ) -> Result<Vec<(usize, A)>> {
        let Some(first) = paths.first() else {
            return Ok(Vec::new());
        };
        let client = self.client((operation, first))?;
        let (send, answers) = channel();
        let mut asked: Vec<&[StoragePath]> = Vec::new();
        for some in batches(paths) {
            let request = request(some.iter().map(WireBytes::from).collect());
            let pending = client
                .ask::<_, A>(Lane::Own, &request)
                .map_err(|error| self.error(&error, (operation, &some[0])))?;
            let (send, number) = (send.clone(), asked.len());
            // Told when it is there, so that no session is kept while the next is opened.
            pending.notify(move |answer| {
                let _ = send.send((number, answer));
            });
            asked.push(some);
        }
        drop(send);
        let mut came: Vec<(usize, A)> = Vec::new();
        for (number, answer) in answers {
            let some = asked[number];
            match answer {
                Ok(answer) => came.push((number, answer)),
                Err(error) => return Err(self.error(&error, (operation, &some[0]))),
            }
        }
        came.sort_by_key(|(number, _)| *number);
        let sized = came.into_iter().zip(&asked);
        Ok(sized
            .map(|((_, answer), some)| (some.len(), answer))
            .collect())
    }
}

/// Cuts paths into what one request may hold.
fn batches(paths: &[StoragePath]) -> impl Iterator<Item = &[StoragePath]> {
    let mut rest = paths;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest.iter().take(MOST_PATHS).take_while(|path| {
            bytes += path.as_bytes().len();
            bytes <= MOST_PATH_BYTES
        });
        // One alone always fits.
        let count = fitting.count().max(1).min(rest.len());
        let (some, others) = rest.split_at(count);
        rest = others;
        (!some.is_empty()).then_some(some)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_by_number_and_by_length() {
        let counts = |paths: &[StoragePath]| -> Vec<usize> {
            batches(paths).map(<[StoragePath]>::len).collect()
        };
        assert_eq!(counts(&[]), [0_usize; 0]);
        assert_eq!(counts(&vec![StoragePath::from("a"); 1001]), [500, 500, 1]);
        let long = StoragePath::from("x".repeat(MOST_PATH_BYTES / 2 + 1));
        assert_eq!(counts(&vec![long; 3]), [1, 1, 1]);
        let longer = StoragePath::from("x".repeat(MOST_PATH_BYTES + 1));
        assert_eq!(counts(&[longer, "a".into()]), [1, 1]);
    }
}
