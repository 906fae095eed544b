//! Damages: where and how a file is changed, and how it is made whole again.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Numbers that a seed decides (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What happens to a file.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// The byte at a position is combined with a mask that is not 0.
    Flip { at: usize, mask: u8 },
    /// Only so many bytes stay.
    Truncate { length: usize },
    /// So many bytes come after the end.
    Append { count: usize },
}

/// One file, and what happens to it.
#[derive(Debug, Clone)]
pub struct Damage {
    /// Below the repository.
    file: PathBuf,
    change: Change,
    /// Its copy (`.copy`) is damaged alike, so that nothing whole is left to fall back on.
    with_copy: bool,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?}{}",
            self.file.display(),
            self.change,
            if self.with_copy { " and its copy" } else { "" }
        )
    }
}

/// Draws damages of these files (path below the repository, length): the first and the last byte, cuts and additions,
/// and flips at random positions.
pub fn plan(files: &[(PathBuf, usize)], count: usize, random: &mut Random) -> Result<Vec<Damage>> {
    let mut plan = Vec::new();
    for number in 0..count {
        let (file, length) = &files[usize::try_from(random.below(files.len() as u64))?];
        let mask = 1_u8 << random.below(8);
        let change = match (number, *length) {
            (0, 1..) => Change::Flip { at: 0, mask },
            (1, 1..) => Change::Flip {
                at: length - 1,
                mask,
            },
            (2, 1..) => Change::Truncate { length: 0 },
            (3, 1..) => Change::Truncate { length: length - 1 },
            (4, 1..) => Change::Truncate {
                length: usize::try_from(random.below(*length as u64))?,
            },
            (5, _) | (_, 0) => Change::Append { count: 1 },
            (6, _) => Change::Append { count: 8192 },
            _ => Change::Flip {
                at: usize::try_from(random.below(*length as u64))?,
                mask,
            },
        };
        plan.push(Damage {
            file: file.clone(),
            change,
            with_copy: number % 2 == 0,
        });
    }
    Ok(plan)
}

/// What was there before a damage.
pub struct Undo(Vec<(PathBuf, Vec<u8>)>);

impl Damage {
    /// Damages the file below `repo`; owner and mode stay, as it is written in place.
    pub fn apply(&self, repo: &Path) -> Result<Undo> {
        let main = repo.join(&self.file);
        let copy = PathBuf::from(format!("{}.copy", main.display()));
        let mut undo = Vec::new();
        for path in [main, copy] {
            if path.exists() && (undo.is_empty() || self.with_copy) {
                let whole = fs::read(&path)?;
                let mut bytes = whole.clone();
                match self.change {
                    Change::Flip { at, mask } => {
                        if let Some(byte) = bytes.get_mut(at) {
                            *byte ^= mask;
                        }
                    }
                    Change::Truncate { length } => bytes.truncate(length),
                    Change::Append { count } => bytes.extend((0..count).map(|at| (at % 251) as u8)),
                }
                fs::write(&path, bytes)?;
                undo.push((path, whole));
            }
        }
        Ok(Undo(undo))
    }
}

impl Undo {
    /// Makes the files whole again.
    pub fn undo(self) -> Result<()> {
        for (path, whole) in self.0 {
            fs::write(path, whole)?;
        }
        Ok(())
    }
}
