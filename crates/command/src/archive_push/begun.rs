//! A segment on its way into repositories that are still asked whether they have it.
//!
//! Where a question costs round trips, the file is begun under its temporary name meanwhile. Nothing gets its name before
//! all have answered; what turns out not to be wanted is dropped and leaves nothing.

use pgkeep_pipeline::Sha1Digest;

use super::existing::{self, Asked, Presence};
use super::pieces::Piece;
use super::settings::Settings;
use super::store::Writing;
use super::stored_content::{self, Content};
use super::target::{Target, repository_error};
use crate::error::{Error, ErrorCode, Result};
use crate::run::cancel::Cancel;

/// The file in one repository.
struct Begun<'t, 'scope> {
    target: &'t Target,
    asked: Asked<'scope>,
    /// What is there under this checksum, where that is known already.
    content: Option<Result<Content>>,
    /// An error counts only if the file is wanted. `None`: known not to be.
    writing: Option<Result<Writing>>,
}

/// The file in all repositories.
pub(super) struct AllBegun<'t, 'scope>(Vec<Begun<'t, 'scope>>);

/// What the repositories answered.
#[derive(Default)]
pub(super) struct Judged {
    pub wanted: Vec<Writing>,
    /// To be dropped when there is time to wait until it is gone.
    pub unwanted: Vec<Writing>,
    pub warnings: Vec<String>,
    pub errors: Vec<String>,
}

impl<'t, 'scope> AllBegun<'t, 'scope> {
    /// Begins the file of this name and checksum, in a repository that answers at once only if it does not have it.
    pub(super) fn open(
        settings: &Settings,
        targets: &'t [Target],
        asked: Vec<Asked<'scope>>,
        (name, checksum): (&str, Sha1Digest),
        cancel: &Cancel,
    ) -> Self {
        let begin = |(target, asked): (&'t Target, Asked<'scope>)| {
            let (mut asked, mut content, mut wanted) = (asked, None, true);
            if !target.repository.storage.has_latency() {
                let answer = asked.answer();
                content = match &answer {
                    Ok(Some(stored)) if stored.checksum == checksum.to_string() => {
                        Some(stored_content::look(settings, target, stored, cancel))
                    }
                    _ => None,
                };
                wanted =
                    matches!(answer, Ok(None)) || matches!(content, Some(Ok(Content::Damaged(_))));
                asked = Asked::Known(answer);
            }
            Begun {
                target,
                asked,
                content,
                writing: wanted.then(|| Writing::open(settings, target, name)),
            }
        };
        Self(targets.iter().zip(asked).map(begin).collect())
    }

    /// Writes as long as an answer is still to come.
    ///
    /// # Errors
    /// Those of the pieces; [`ErrorCode::Term`].
    pub(super) fn push(
        &mut self,
        pieces: &mut dyn Iterator<Item = Piece>,
        cancel: &Cancel,
    ) -> Result<()> {
        while self.0.iter().any(|begun| begun.asked.is_pending()) {
            cancel.check()?;
            let Some(piece) = pieces.next() else {
                self.each(Writing::stage);
                return Ok(());
            };
            let piece = piece?;
            self.each(|writing| writing.push(&piece));
        }
        Ok(())
    }

    fn each(&mut self, step: impl Fn(&mut Writing) -> Result<()>) {
        for begun in &mut self.0 {
            if let Some(Ok(writing)) = &mut begun.writing
                && let Err(error) = step(writing)
            {
                begun.writing = Some(Err(error));
            }
        }
    }

    /// Waits for the answers and says where the file is wanted.
    ///
    /// # Errors
    /// [`ErrorCode::ArchiveDuplicate`] when a repository has another segment of that name; [`ErrorCode::Term`].
    pub(super) fn judge(
        self,
        settings: &Settings,
        segment: &str,
        checksum: Sha1Digest,
        cancel: &Cancel,
    ) -> Result<Judged> {
        let mut judged = Judged::default();
        let mut not_begun = Vec::new();
        for Begun {
            target,
            asked,
            content,
            writing,
        } in self.0
        {
            let key = target.repository.key;
            let mut failed = |error: Error, writing: Option<Result<Writing>>| {
                if error.code == ErrorCode::Term {
                    return Err(error);
                }
                judged.errors.push(repository_error(key, &error));
                judged.unwanted.extend(writing.and_then(Result::ok));
                Ok(())
            };
            let stored = match asked.answer() {
                Ok(stored) => stored,
                Err(error) => {
                    failed(error, writing)?;
                    continue;
                }
            };
            let presence = existing::judge(settings, target, segment, stored.as_ref(), checksum)?;
            if let (Presence::Same(warning), Some(stored)) = (presence, &stored) {
                let content = content
                    .unwrap_or_else(|| stored_content::look(settings, target, stored, cancel))
                    .and_then(|content| match content {
                        Content::Sound => Ok(None),
                        Content::Damaged(why) => {
                            stored_content::replaced(settings, target, stored, &why).map(Some)
                        }
                    });
                match content {
                    Ok(None) => {
                        judged.warnings.extend(warning);
                        judged.unwanted.extend(writing.and_then(Result::ok));
                        continue;
                    }
                    Ok(Some(replaced)) => judged.warnings.push(replaced),
                    Err(error) => {
                        failed(error, writing)?;
                        continue;
                    }
                }
            }
            let lost = || Error::new(ErrorCode::Assert, "a missing segment was not begun");
            match writing.unwrap_or_else(|| Err(lost())) {
                Ok(writing) => judged.wanted.push(writing),
                Err(error) => not_begun.push(repository_error(key, &error)),
            }
        }
        judged.errors.extend(not_begun);
        Ok(judged)
    }
}
