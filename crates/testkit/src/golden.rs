//! Golden files: what is expected stands in a file, and a mismatch shows the first line that differs.
//!
//! With `PGKEEP_GOLDEN=write` in the environment the files are written instead; look at the change before committing it.

use std::fs;
use std::path::Path;

use crate::error::{During, Error, Result};

/// Compares text with the golden file at `path`.
pub fn check(path: &Path, actual: &str) -> Result<()> {
    if std::env::var("PGKEEP_GOLDEN").is_ok_and(|wish| wish == "write") {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).during(format!("make {}", parent.display()))?;
        }
        return fs::write(path, actual).during(format!("write {}", path.display()));
    }
    let expected = fs::read_to_string(path).during(format!("read {}", path.display()))?;
    same(&path.display().to_string(), &expected, actual)
}

/// Reads the file at `path`, passes it through `rewrite` (parse, then write) and requires the very same bytes.
pub fn round_trip(
    path: &Path,
    rewrite: impl FnOnce(&[u8]) -> std::result::Result<Vec<u8>, Box<dyn std::error::Error>>,
) -> Result<()> {
    let original = fs::read(path).during(format!("read {}", path.display()))?;
    let written = rewrite(&original).during(format!("rewrite {}", path.display()))?;
    if written == original {
        return Ok(());
    }
    same(
        &path.display().to_string(),
        &String::from_utf8_lossy(&original),
        &String::from_utf8_lossy(&written),
    )?;
    Err(Error::Failed(format!(
        "{}: bytes that are not UTF-8 differ",
        path.display()
    )))
}

/// Requires equal texts; the error names the first line that differs.
pub fn same(name: &str, expected: &str, actual: &str) -> Result<()> {
    if expected == actual {
        return Ok(());
    }
    let (mut left, mut right, mut number) = (expected.split('\n'), actual.split('\n'), 1);
    loop {
        let (want, have) = (left.next(), right.next());
        if want != have {
            let show = |line: Option<&str>| {
                line.map_or_else(|| "(end)".to_owned(), |line| format!("{line:?}"))
            };
            return Err(Error::Failed(format!(
                "{name}, line {number}:\n  expected {}\n  actual   {}",
                show(want),
                show(have)
            )));
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_shown() {
        assert!(same("x", "a\nb", "a\nb").is_ok());
        let error = same("x", "a\nb\n", "a\nc\n").unwrap_err().to_string();
        assert_eq!(error, "x, line 2:\n  expected \"b\"\n  actual   \"c\"");
        assert!(
            same("x", "a", "a\n")
                .unwrap_err()
                .to_string()
                .contains("expected (end)")
        );
    }

    #[test]
    fn a_round_trip_that_changes_a_byte_fails() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, [b'a', 0xFF]).unwrap();
        assert!(round_trip(&path, |bytes| Ok(bytes.to_vec())).is_ok());
        assert!(round_trip(&path, |_| Ok(vec![b'a', 0xFE])).is_err());
    }
}
