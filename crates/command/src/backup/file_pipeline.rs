//! The pipeline of one file: which stages it goes through, and which of their reports says what.
//!
//! Whether a file's pages are checked is decided in the manifest ([`FileJob::page_check`]). Here the check gets its place in
//! the pipeline and its settings. It runs where the file is, in the `page_check` of the pipeline crate, and its report
//! becomes warnings in `results`.

use pgkeep_pipeline::block::BlockSettings;
use pgkeep_pipeline::{CompressType, PageCheckSettings, Pipeline, Report, Stage};
use pgkeep_postgres::data_dir;

use super::copier::Copier;
use super::job::{CopyJob, FileJob, FileResult, Outcome};
use crate::error::{Error, ErrorCode, Result};

/// The stages of one file, and which report is whose. `block`: it is stored block by block.
pub(super) fn file_pipeline(
    copier: &Copier,
    job: &CopyJob,
    file: &FileJob,
    block: Option<BlockSettings>,
) -> (Pipeline, Places) {
    let raw = job.bundle_id != 0 && copier.bundle_raw;
    let mut stages = vec![Stage::Sha1, Stage::Size];
    let mut places = Places::default();
    if file.page_check {
        places.page = Some(stages.len());
        stages.push(Stage::PageCheck(page_check(copier, file)));
    }
    let plain = stages.len();
    if let Some(block) = block {
        places.block = Some(stages.len());
        stages.push(Stage::BlockIncremental(block));
    } else {
        if copier.compress != CompressType::None {
            stages.push(Stage::Compress {
                kind: copier.compress,
                level: copier.level,
                raw,
            });
        }
        if let Some(pass) = &copier.pass {
            stages.push(Stage::Encrypt {
                pass: pass.clone(),
                raw,
            });
        }
    }
    // A file that is stored as it is has the same checksum on both sides.
    if stages.len() > plain {
        places.repo_checksum = Some(stages.len());
        stages.push(Stage::Sha1);
        places.repo_size = Some(stages.len());
        stages.push(Stage::Size);
    }
    (Pipeline::new(stages), places)
}

fn page_check(copier: &Copier, file: &FileJob) -> PageCheckSettings {
    PageCheckSettings {
        page_size: copier.page_size as usize,
        segment_first_block: data_dir::first_page(&file.name, copier.page_size),
        header_check: copier.header_check,
        reread: true,
    }
}

/// Which of the reports of a file says what.
#[derive(Debug, Default)]
pub(super) struct Places {
    page: Option<usize>,
    block: Option<usize>,
    repo_checksum: Option<usize>,
    repo_size: Option<usize>,
}

impl Places {
    /// What was stored, by the reports. `offset`: where in the repository file the file begins.
    ///
    /// # Errors
    /// [`ErrorCode::Assert`] when a report is missing.
    pub(super) fn result(&self, reports: &[Report], offset: u64) -> Result<FileResult> {
        let at = |place: Option<usize>| place.and_then(|place| reports.get(place));
        let lost = || Error::new(ErrorCode::Assert, "a stage of the pipeline did not report");
        let checksum = at(Some(0)).and_then(Report::sha1).ok_or_else(lost)?;
        let size = at(Some(1)).and_then(Report::size).ok_or_else(lost)?;
        Ok(FileResult {
            repo_size: at(self.repo_size).and_then(Report::size).unwrap_or(size),
            repo_checksum: at(self.repo_checksum).and_then(Report::sha1),
            bundle_offset: offset,
            map_size: at(self.block)
                .and_then(Report::block)
                .map_or(0, |block| block.map_size),
            page: at(self.page).and_then(Report::page).cloned(),
            ..FileResult::new(Outcome::Stored, size, checksum)
        })
    }
}
