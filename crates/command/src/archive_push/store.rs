//! Writing one file into the archives of repositories: encrypted for each, published whole, durable on success.

use pgkeep_pipeline::{Pipeline, Running, Stage};
use pgkeep_repo::layout;
use pgkeep_storage::{StorageWrite, Ticket, WriteOptions};

use super::settings::Settings;
use super::target::{Target, panicked, repository_error};
use crate::error::{Error, ErrorCode, Result};
use crate::run::cancel::Cancel;

/// A file on its way into one repository; dropped unfinished it leaves nothing.
pub(super) struct Writing {
    key: u32,
    /// Encrypts, where the repository is encrypted; `None` once the bytes have ended.
    running: Option<Running>,
    write: Box<dyn StorageWrite>,
}

impl Writing {
    /// Begins to write the file of this name in the archive.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn open(settings: &Settings, target: &Target, stored_name: &str) -> Result<Self> {
        let path = layout::archive_file(&settings.stanza, &target.archive_id, stored_name);
        let write = target
            .repository
            .storage
            .open_write(&path, &WriteOptions::default())?;
        let encrypt = target
            .pass
            .clone()
            .map(|pass| Stage::Encrypt { pass, raw: false });
        let running = Pipeline::new(encrypt.into_iter().collect()).start(settings.buffer_size);
        Ok(Self {
            key: target.repository.key,
            running: Some(running),
            write,
        })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<()> {
        match &mut self.running {
            Some(running) => Ok(running.push_into(piece, &mut self.write)?),
            None => Err(Error::new(ErrorCode::Assert, "the file has ended")),
        }
    }

    /// Ends the bytes and brings them to the storage; the name has to wait. Does not wait itself.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn stage(&mut self) -> Result<()> {
        self.end()?;
        Ok(self.write.stage()?)
    }

    fn end(&mut self) -> Result<()> {
        if let Some(running) = self.running.take() {
            running.finish_into(&mut self.write)?;
        }
        Ok(())
    }

    /// Ends the file; it is in the archive once the ticket has resolved.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn finish(mut self) -> Result<Ticket> {
        self.end()?;
        Ok(self.write.finish()?)
    }
}

/// Writes the pieces to all of these repositories and returns the errors of those that failed.
///
/// # Errors
/// An error of the pieces themselves ends everything, and nothing is published.
pub(super) fn write_to_all(
    mut writings: Vec<Writing>,
    pieces: &mut dyn Iterator<Item = Result<std::sync::Arc<Vec<u8>>>>,
    cancel: &Cancel,
) -> Result<Vec<String>> {
    let mut errors = Vec::new();
    for piece in pieces {
        cancel.check()?;
        let piece = piece?;
        writings.retain_mut(|writing| match writing.push(&piece) {
            Ok(()) => true,
            Err(error) => {
                errors.push(repository_error(writing.key, &error));
                false
            }
        });
        if writings.is_empty() {
            break;
        }
    }
    errors.extend(finish_all(writings));
    cancel.check()?;
    Ok(errors)
}

/// All at once: making a file durable is mostly waiting.
fn finish_all(mut writings: Vec<Writing>) -> Vec<String> {
    let finish = |writing: Writing| {
        let key = writing.key;
        let done = writing.finish().and_then(|ticket| Ok(ticket.wait()?));
        done.err().map(|error| repository_error(key, &error))
    };
    if writings.len() < 2 {
        return writings.pop().and_then(finish).into_iter().collect();
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = writings
            .into_iter()
            .map(|writing| (writing.key, scope.spawn(move || finish(writing))))
            .collect();
        let ended = threads.into_iter().map(|(key, thread)| {
            thread
                .join()
                .unwrap_or_else(|_| Some(repository_error(key, &panicked())))
        });
        ended.flatten().collect()
    })
}
