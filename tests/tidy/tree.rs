//! The files of the project as the rules see them: path relative to the root, and text.
//!
//! Build output and what git ignores by convention (`target`) is left out; so are files that are not text.

use std::fs;
use std::path::{Path, PathBuf};

/// One text file.
pub(crate) struct SourceFile {
    /// Path relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    /// File name without directories.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// True for code that only tests see: suites, `tests` modules beside the code, the test kit.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.name();
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || name == "tests.rs"
            || name.ends_with("_tests.rs")
            || self.path.starts_with("crates/testkit/")
    }
}

/// The project's root.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .ancestors()
        .nth(2)
        .expect("the crate lies two folders below the root")
        .to_owned()
}

/// All text files, sorted by path.
pub(crate) fn files() -> Vec<SourceFile> {
    let root = root();
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(
        found.len() > 50,
        "the tree was not found at {}",
        root.display()
    );
    found
}

/// All Rust files.
pub(crate) fn rust_files() -> Vec<SourceFile> {
    files()
        .into_iter()
        .filter(|file| file.path.ends_with(".rs"))
        .collect()
}

/// Fails with all findings at once.
pub(crate) fn no_findings(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

fn walk(root: &Path, directory: &Path, found: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(directory).expect("the tree is readable") {
        let path = entry.expect("the tree is readable").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_symlink() || name == ".git" || name.starts_with("target") {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path
                .strip_prefix(root)
                .expect("it lies below the root")
                .to_string_lossy()
                .into_owned();
            found.push(SourceFile { path, text });
        }
    }
}
