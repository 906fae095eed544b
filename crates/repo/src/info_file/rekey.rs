//! Gives info files another pass-phrase (`docs/format/compression-and-encryption.md`).
//!
//! The invariant: at every instant either the old or the new pass-phrase alone opens every file or its copy. First all copies
//! get the new one, while the files themselves keep the old; from then on the new one opens all. Then the files follow.

use std::io::{Read as _, Write as _};

use pgkeep_storage::{
    InfoLevel, ReadOptions, Storage, StoragePath, StorageWrite, WriteOptions, in_parallel,
};
use secrecy::SecretString;

use super::cipher::{encrypt, plain_reader};
use super::read::read;
use crate::closed;
use crate::error::{Error, ErrorType, Result};
use crate::layout::copy_of;

/// The largest info file that is taken for one: a `backup.info` of ten thousand backups has a tenth of it.
const LIMIT: u64 = 256 << 20;

/// Files are opened in two to the power of this many rows at the same time, each with its copy.
const SPLITS: u32 = 4;

/// What has to be written, in groups: all of a group may be written at the same time, but the next begins only when all of
/// it is durable.
type Groups = Vec<Vec<(StoragePath, Vec<u8>)>>;

/// Info files as they are to be written with another pass-phrase.
pub struct Rekey(Groups);

impl Rekey {
    /// Reads the files at `paths` and their copies, to give them the pass-phrase `new`. Those that have it already, from a run
    /// that was cut off, are no hindrance, and neither are paths where there is nothing. Fails unless one of the two
    /// pass-phrases opens each file or its copy.
    pub fn plan(
        storage: &dyn Storage,
        paths: &[StoragePath],
        old: &SecretString,
        new: &SecretString,
    ) -> Result<Self> {
        plan(storage, paths, old, new).map(Self)
    }

    /// The number of files to be written.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// Writes them.
    pub fn write(self, storage: &dyn Storage) -> Result<()> {
        for group in self.0 {
            let mut tickets = Vec::new();
            let paths: Vec<StoragePath> = group.iter().map(|(path, _)| path.clone()).collect();
            let found = storage.info_many(&paths, InfoLevel::Detail)?;
            for ((path, bytes), found) in group.iter().zip(found) {
                let is_closed = found.as_ref().is_some_and(closed::is_closed);
                let options = WriteOptions {
                    expect: Some(bytes.len() as u64),
                    // It says when the list of backups was written, or keys were changed.
                    modified: found.map(|found| found.modified),
                    ..closed::options(is_closed && closed::can_be(storage))
                };
                let mut write = storage.open_write(path, &options)?;
                write.write_all(bytes)?;
                tickets.push(StorageWrite::finish(write)?);
            }
            for ticket in tickets {
                ticket.wait()?;
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Rekey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Rekey").field(&self.count()).finish()
    }
}

fn plan(
    storage: &dyn Storage,
    paths: &[StoragePath],
    old: &SecretString,
    new: &SecretString,
) -> Result<Groups> {
    let (mut mended, mut copies, mut mains) = (Vec::new(), Vec::new(), Vec::new());
    // Whether all copies have the new pass-phrase, so that a former run has come to the files themselves.
    let mut all_copies_new = true;
    let mut found = Vec::new();
    let opened = open_all(storage, paths, (old, new), SPLITS)?;
    for (path, (main, copy)) in paths.iter().zip(opened) {
        if matches!((&main, &copy), (Opened::Missing, Opened::Missing)) {
            // The directory is of no stanza, or what is left of one.
            continue;
        }
        all_copies_new &= matches!(copy, Opened::With { is_new: true, .. });
        found.push((path, main, copy));
    }
    for (path, main, copy) in found {
        let (plain, main_is_old) = match (main, copy) {
            (Opened::With { plain, is_new }, _) => (plain, !is_new),
            (_, Opened::With { plain, .. }) => (plain, false),
            (Opened::Not(error), Opened::Missing) | (_, Opened::Not(error)) => return Err(error),
            (Opened::Missing, Opened::Missing) => continue,
        };
        if !main_is_old && !all_copies_new {
            // Its copy is about to change, so the old pass-phrase must open the file itself.
            mended.push((path.clone(), encrypt(plain.clone(), Some(old))?));
        }
        let stored = encrypt(plain, Some(new))?;
        copies.push((copy_of(path), stored.clone()));
        mains.push((path.clone(), stored));
    }
    Ok(vec![mended, copies, mains])
}

/// Files and their copies, many at the same time where each is mostly waiting.
fn open_all(
    storage: &dyn Storage,
    paths: &[StoragePath],
    (old, new): (&SecretString, &SecretString),
    splits: u32,
) -> Result<Vec<(Opened, Opened)>> {
    if splits > 0 && paths.len() > 1 {
        let (one, other) = paths.split_at(paths.len() / 2);
        let open = |paths| open_all(storage, paths, (old, new), splits - 1);
        let (mut opened, others) = in_parallel(storage, || open(one), || open(other))?;
        opened.extend(others);
        return Ok(opened);
    }
    let both = |path: &StoragePath| {
        let copy = copy_of(path);
        in_parallel(
            storage,
            || Opened::of(storage, path, old, new),
            || Opened::of(storage, &copy, old, new),
        )
    };
    paths.iter().map(both).collect()
}

/// One file, tried with both pass-phrases.
enum Opened {
    With { plain: Vec<u8>, is_new: bool },
    Missing,
    Not(Error),
}

impl Opened {
    fn of(
        storage: &dyn Storage,
        path: &StoragePath,
        old: &SecretString,
        new: &SecretString,
    ) -> Result<Self> {
        let mut failure = None;
        for (pass, is_new) in [(old, false), (new, true)] {
            match plain(storage, path, pass) {
                Ok(plain) => return Ok(Self::With { plain, is_new }),
                Err(error) if error.kind.is_unreachable() => return Err(error),
                Err(error) if error.kind.name() == "FileMissingError" => return Ok(Self::Missing),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let why = failure.map(|error| error.message).unwrap_or_default();
        let error = Error {
            kind: ErrorType::Crypto,
            message: format!(
                "neither the old nor the new pass-phrase opens '{}': {why}",
                storage.display(path)
            ),
            hints: Vec::new(),
            storage: None,
        };
        Ok(Self::Not(error.with_hint(
            "nothing has been changed; the old pass-phrase is the one in repo-cipher-pass.",
        )))
    }
}

/// The text of a file that is whole: its checksum is right.
fn plain(storage: &dyn Storage, path: &StoragePath, pass: &SecretString) -> Result<Vec<u8>> {
    let read_file = storage.open_read(path, &ReadOptions::default())?;
    let mut text = Vec::new();
    plain_reader(read_file, Some(pass))
        .take(LIMIT + 1)
        .read_to_end(&mut text)
        .map_err(Error::from)?;
    if text.len() as u64 > LIMIT {
        return Err(Error::format(format!(
            "'{}' is too large for an info file",
            storage.display(path)
        )));
    }
    read(&mut &text[..], &mut |_, _, _| Ok(()))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::memory::MemoryStorage;

    use super::super::load_one;
    use super::super::tests::ARCHIVE_INFO;
    use super::*;

    /// Plans and writes; the number of files.
    fn rekey(
        storage: &dyn Storage,
        paths: &[StoragePath],
        old: &SecretString,
        new: &SecretString,
    ) -> Result<usize> {
        let rekey = Rekey::plan(storage, paths, old, new)?;
        let count = rekey.count();
        rekey.write(storage).map(|()| count)
    }

    fn pass(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn paths() -> Vec<StoragePath> {
        [
            "archive/a/archive.info",
            "backup/a/backup.info",
            "archive/b/archive.info",
        ]
        .map(StoragePath::new)
        .to_vec()
    }

    fn put(storage: &dyn Storage, path: &StoragePath, bytes: &[u8]) {
        let mut write = storage.open_write(path, &WriteOptions::default()).unwrap();
        write.write_all(bytes).unwrap();
        StorageWrite::finish(write).unwrap().wait().unwrap();
    }

    fn stored(pass_text: &str) -> Vec<u8> {
        encrypt(ARCHIVE_INFO.as_bytes().to_vec(), Some(&pass(pass_text))).unwrap()
    }

    fn repository() -> MemoryStorage {
        let storage = MemoryStorage::new();
        for path in paths() {
            put(&storage, &path, &stored("old"));
            put(&storage, &copy_of(&path), &stored("old"));
        }
        storage
    }

    /// Whether this pass-phrase opens each file, or its copy.
    fn opens_all(storage: &dyn Storage, text: &str) -> bool {
        let opens = |path: &StoragePath| {
            load_one(storage, path, Some(&pass(text)), |input| {
                read(input, &mut |_, _, _| Ok(()))
            })
            .is_ok()
        };
        paths()
            .iter()
            .all(|path| opens(path) || opens(&copy_of(path)))
    }

    /// Every state that a run can leave when it dies, the writes of a group in either order.
    fn each_state(start: impl Fn() -> MemoryStorage, mut check: impl FnMut(MemoryStorage, &str)) {
        let groups = plan(&start(), &paths(), &pass("old"), &pass("new")).unwrap();
        for backward in [false, true] {
            let writes: Vec<_> = groups
                .iter()
                .flat_map(|group| {
                    let mut group = group.clone();
                    if backward {
                        group.reverse();
                    }
                    group
                })
                .collect();
            for died_after in 0..=writes.len() {
                let storage = start();
                for (path, bytes) in &writes[..died_after] {
                    put(&storage, path, bytes);
                }
                check(
                    storage,
                    &format!("{died_after} writes, backward: {backward}"),
                );
            }
        }
    }

    #[test]
    fn whenever_a_run_dies_one_pass_phrase_opens_all_and_the_next_run_ends_it() {
        each_state(repository, |storage, when| {
            let opens = opens_all(&storage, "old") || opens_all(&storage, "new");
            assert!(opens, "{when}");
            // Again from that state, and that run may die too.
            let groups = plan(&storage, &paths(), &pass("old"), &pass("new")).unwrap();
            for (path, bytes) in groups.concat() {
                put(&storage, &path, &bytes);
                let opens = opens_all(&storage, "old") || opens_all(&storage, "new");
                assert!(opens, "{when}, then again");
            }
            assert!(!opens_all(&storage, "old"), "{when}");
            assert!(opens_all(&storage, "new"), "{when}");
        });
    }

    #[test]
    fn a_file_that_is_missing_or_damaged_is_made_anew_from_its_copy_first() {
        for damage in [None, Some(&b"damaged"[..])] {
            let start = || {
                let storage = repository();
                let path = &paths()[0];
                match damage {
                    None => storage.remove(path).map(|_| ()).unwrap(),
                    Some(bytes) => put(&storage, path, bytes),
                }
                storage
            };
            each_state(start, |storage, when| {
                assert!(
                    opens_all(&storage, "old") || opens_all(&storage, "new"),
                    "{when}"
                );
            });
        }
    }

    #[test]
    fn a_directory_without_info_files_is_no_hindrance() {
        let storage = repository();
        let mut all = paths();
        all.push(StoragePath::new("archive/lost+found/archive.info"));
        assert_eq!(
            rekey(&storage, &all, &pass("old"), &pass("new")).unwrap(),
            6
        );
        assert!(opens_all(&storage, "new"));
        let nothing = MemoryStorage::new();
        assert_eq!(
            rekey(&nothing, &all, &pass("old"), &pass("new")).unwrap(),
            0
        );
    }

    #[test]
    fn files_keep_their_times() {
        let storage = repository();
        storage.set_now(2_000_000_000);
        let modified = |path: &StoragePath| {
            let found = storage.info(path, InfoLevel::Basic).unwrap();
            found.unwrap().modified
        };
        let all = paths();
        let before: Vec<i64> = all.iter().map(modified).collect();
        rekey(&storage, &all, &pass("old"), &pass("new")).unwrap();
        assert_eq!(all.iter().map(modified).collect::<Vec<_>>(), before);
    }

    #[test]
    fn with_a_wrong_pass_phrase_nothing_changes() {
        let storage = repository();
        let error = rekey(&storage, &paths(), &pass("wrong"), &pass("new")).unwrap_err();
        assert_eq!(error.kind, ErrorType::Crypto);
        assert!(error.message.contains("archive.info"), "{}", error.message);
        assert!(opens_all(&storage, "old"));
        assert_eq!(
            rekey(&storage, &paths(), &pass("old"), &pass("new")).unwrap(),
            6
        );
        assert!(opens_all(&storage, "new") && !opens_all(&storage, "old"));
    }
}
