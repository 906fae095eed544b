//! Writing one file into the archives of repositories: encrypted for each, published whole, durable on success.
//!
//! Where it costs round trips to learn whether a segment is there already, it is written under its temporary name meanwhile
//! ([`SpeculativeWrites`]). Nothing gets its name before all repositories have answered; what turns out not to be wanted is
//! dropped and leaves nothing.

use pgkeep_pipeline::{CompressType, Pipeline, Running, Sha1Digest, Stage};
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::layout;
use pgkeep_storage::{StorageWrite, WriteOptions};

use super::duplicate::{self, Content, Lookup, Presence};
use super::read::Chunk;
use super::taken::{MayBeTaken, Storing};
use crate::archive_push::repositories::{Target, repository_error};
use crate::archive_push::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::cancel::Cancel;

/// A file on its way into one repository; dropped unfinished it leaves nothing.
pub(crate) struct ArchiveWrite {
    key: u32,
    /// Encrypts, where the repository is encrypted; `None` once the bytes have ended.
    running: Option<Running>,
    write: Box<dyn StorageWrite>,
    taken: MayBeTaken,
}

impl ArchiveWrite {
    /// Begins to write the file of this name in the archive.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) fn open(settings: &Settings, target: &Target, stored_name: &str) -> Result<Self> {
        // Small files are not worth it.
        let compressible = StoredSegment::parse(stored_name)
            .is_some_and(|_| CompressType::from_extension(stored_name) == CompressType::None);
        let write = match (&target.repository.elsewhere, &target.told) {
            (Some(elsewhere), Some(told)) => {
                elsewhere.push_segment(told, stored_name, compressible)?
            }
            _ => {
                let path = layout::archive_file(&settings.stanza, &target.archive_id, stored_name);
                let storage = &target.repository.storage;
                let options = WriteOptions {
                    compressible: compressible && target.pass.is_none(),
                    ..WriteOptions::default()
                };
                storage.open_write(&path, &options)?
            }
        };
        let encrypt = target
            .pass
            .clone()
            .map(|pass| Stage::Encrypt { pass, raw: false });
        let running = Pipeline::new(encrypt.into_iter().collect()).start(settings.buffer_size);
        Ok(Self {
            key: target.repository.key,
            running: Some(running),
            write,
            taken: MayBeTaken::of(settings, target, stored_name),
        })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<()> {
        match &mut self.running {
            Some(running) => {
                self.taken.pass_by(chunk);
                Ok(running.push_into(chunk, &mut self.write)?)
            }
            None => Err(Error::new(ErrorCode::Assert, "the file has ended")),
        }
    }

    /// Ends the bytes and brings them to the storage; the name has to wait. Does not wait itself.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) fn stage(&mut self) -> Result<()> {
        self.end()?;
        Ok(self.write.stage()?)
    }

    fn end(&mut self) -> Result<()> {
        if let Some(running) = self.running.take() {
            running.finish_into(&mut self.write)?;
        }
        Ok(())
    }

    /// Ends the file; it is in the archive once that has been waited for.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) fn finish(mut self) -> Result<Storing> {
        self.end()?;
        Ok(self.taken.with(self.write.finish()?))
    }
}

/// Writes the chunks to all of these repositories and returns the errors of those that failed.
///
/// # Errors
/// An error of the chunks themselves ends everything, and nothing is published; [`ErrorCode::ArchiveDuplicate`] when another
/// host has pushed another segment of that name meanwhile.
pub(crate) fn write_to_all(
    mut writes: Vec<ArchiveWrite>,
    chunks: &mut dyn Iterator<Item = Result<Chunk>>,
    cancel: &Cancel,
) -> Result<Vec<String>> {
    let mut errors = Vec::new();
    for chunk in chunks {
        cancel.check()?;
        let chunk = chunk?;
        writes.retain_mut(|write| match write.push(&chunk) {
            Ok(()) => true,
            Err(error) => {
                errors.push((write.key, error));
                false
            }
        });
        if writes.is_empty() {
            break;
        }
    }
    errors.extend(finish_all(writes));
    cancel.check()?;
    let mut texts = Vec::new();
    for (key, error) in errors {
        if error.code == ErrorCode::ArchiveDuplicate {
            return Err(error);
        }
        texts.push(repository_error(key, &error));
    }
    Ok(texts)
}

/// All at the same time: making a file durable is mostly waiting.
fn finish_all(mut writes: Vec<ArchiveWrite>) -> Vec<(u32, Error)> {
    let finish = |write: ArchiveWrite| {
        let key = write.key;
        let done = write.finish().and_then(Storing::wait);
        done.err().map(|error| (key, error))
    };
    if writes.len() < 2 {
        return writes.pop().and_then(finish).into_iter().collect();
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = writes
            .into_iter()
            .map(|write| (write.key, scope.spawn(move || finish(write))))
            .collect();
        let ended = threads.into_iter().map(|(key, thread)| {
            thread
                .join()
                .unwrap_or_else(|_| Some((key, Error::panicked())))
        });
        ended.flatten().collect()
    })
}

/// A write into one repository that may not be wanted.
struct SpeculativeWrite<'t, 'scope> {
    target: &'t Target,
    lookup: Lookup<'scope>,
    /// What is there under this checksum, where that is known already.
    content: Option<Result<Content>>,
    /// An error counts only if the file is wanted. `None`: known not to be.
    write: Option<Result<ArchiveWrite>>,
}

/// A segment on its way into repositories of which it is not known yet whether they have it.
pub(crate) struct SpeculativeWrites<'t, 'scope>(Vec<SpeculativeWrite<'t, 'scope>>);

/// What became of them once every repository has answered.
#[derive(Default)]
pub(crate) struct Decided {
    pub wanted: Vec<ArchiveWrite>,
    /// To be dropped when there is time to wait until it is gone.
    pub unwanted: Vec<ArchiveWrite>,
    pub warnings: Vec<String>,
    pub errors: Vec<String>,
}

impl<'t, 'scope> SpeculativeWrites<'t, 'scope> {
    /// Begins the file of this name and checksum, in a repository that answers at once only if it does not have it.
    pub(crate) fn open(
        settings: &Settings,
        targets: &'t [Target],
        lookups: Vec<Lookup<'scope>>,
        (name, checksum): (&str, Sha1Digest),
        cancel: &Cancel,
    ) -> Self {
        let open = |(target, lookup): (&'t Target, Lookup<'scope>)| {
            let (mut lookup, mut content, mut wanted) = (lookup, None, true);
            if !target.repository.storage.has_latency() {
                let found = lookup.wait();
                content = match &found {
                    Ok(Some(stored)) if stored.checksum == checksum.to_string() => {
                        Some(duplicate::check_content(settings, target, stored, cancel))
                    }
                    _ => None,
                };
                wanted =
                    matches!(found, Ok(None)) || matches!(content, Some(Ok(Content::Damaged(_))));
                lookup = Lookup::Done(found);
            }
            SpeculativeWrite {
                target,
                lookup,
                content,
                write: wanted.then(|| ArchiveWrite::open(settings, target, name)),
            }
        };
        Self(targets.iter().zip(lookups).map(open).collect())
    }

    /// Writes as long as an answer is still to come.
    ///
    /// # Errors
    /// Those of the chunks; [`ErrorCode::Term`].
    pub(crate) fn push(
        &mut self,
        chunks: &mut dyn Iterator<Item = Result<Chunk>>,
        cancel: &Cancel,
    ) -> Result<()> {
        while self.0.iter().any(|write| write.lookup.is_running()) {
            cancel.check()?;
            let Some(chunk) = chunks.next() else {
                self.each(ArchiveWrite::stage);
                return Ok(());
            };
            let chunk = chunk?;
            self.each(|write| write.push(&chunk));
        }
        Ok(())
    }

    fn each(&mut self, step: impl Fn(&mut ArchiveWrite) -> Result<()>) {
        for speculative in &mut self.0 {
            if let Some(Ok(write)) = &mut speculative.write
                && let Err(error) = step(write)
            {
                speculative.write = Some(Err(error));
            }
        }
    }

    /// Waits for the answers and says where the file is wanted.
    ///
    /// # Errors
    /// [`ErrorCode::ArchiveDuplicate`] when a repository has another segment of that name; [`ErrorCode::Term`].
    pub(crate) fn decide(
        self,
        settings: &Settings,
        segment: &str,
        checksum: Sha1Digest,
        cancel: &Cancel,
    ) -> Result<Decided> {
        let mut decided = Decided::default();
        let mut not_opened = Vec::new();
        for SpeculativeWrite {
            target,
            lookup,
            content,
            write,
        } in self.0
        {
            let key = target.repository.key;
            let mut failed = |error: Error, write: Option<Result<ArchiveWrite>>| {
                if error.code == ErrorCode::Term {
                    return Err(error);
                }
                decided.errors.push(repository_error(key, &error));
                decided.unwanted.extend(write.and_then(Result::ok));
                Ok(())
            };
            let stored = match lookup.wait() {
                Ok(stored) => stored,
                Err(error) => {
                    failed(error, write)?;
                    continue;
                }
            };
            let presence =
                duplicate::compare(settings, target, segment, stored.as_ref(), checksum)?;
            if let (Presence::Same(warning), Some(stored)) = (presence, &stored) {
                let replaced = content
                    .unwrap_or_else(|| duplicate::check_content(settings, target, stored, cancel))
                    .and_then(|content| match content {
                        Content::Intact => Ok(None),
                        Content::Damaged(why) => {
                            duplicate::replaced_warning(settings, target, stored, &why).map(Some)
                        }
                    });
                match replaced {
                    Ok(None) => {
                        decided.warnings.extend(warning);
                        decided.unwanted.extend(write.and_then(Result::ok));
                        continue;
                    }
                    Ok(Some(replaced)) => decided.warnings.push(replaced),
                    Err(error) => {
                        failed(error, write)?;
                        continue;
                    }
                }
            }
            let no_write =
                || Error::new(ErrorCode::Assert, "a missing segment is not being written");
            match write.unwrap_or_else(|| Err(no_write())) {
                Ok(write) => decided.wanted.push(write),
                Err(error) => not_opened.push(repository_error(key, &error)),
            }
        }
        decided.errors.extend(not_opened);
        Ok(decided)
    }
}
