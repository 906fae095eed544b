//! What the main thread does with the result of a job: the manifest, the log, the progress.

use pgkeep_pipeline::PageReport;
use pgkeep_repo::manifest::{BundleSlice, Manifest, PageCheck, PageRange};

use super::from_standby::SourceHosts;
use super::job::{CopyJob, FileResult, Outcome};
use crate::DETAIL;
use crate::detail;
use crate::error::{Error, ErrorCode, Result};
use crate::jobs;
use crate::report::size_text::size_text;

/// How far the backup has come, and what must still be done to the manifest.
#[derive(Debug)]
pub(super) struct Fold<'a> {
    /// For names in messages.
    pub hosts: &'a SourceHosts,
    pub page_size: u32,
    /// Σ original size of all files and of those done, bytes.
    pub total: u64,
    pub done: u64,
    /// Positions of files that the server removed; they leave the manifest at the end, since that moves positions.
    pub vanished: Vec<u32>,
    /// Files with bad pages that were copied.
    pub page_warnings: u32,
    /// Bad pages end the backup.
    pub page_error: bool,
}

impl Fold<'_> {
    /// Takes the results of a job that the worker with number `process` did. Only what it did is logged under its number;
    /// warnings are the run's.
    pub(super) fn take(
        &mut self,
        manifest: &mut Manifest,
        job: &CopyJob,
        positions: &[u32],
        results: &[FileResult],
        process: u32,
    ) -> Result<()> {
        for ((position, file), result) in positions.iter().zip(&job.files).zip(results) {
            // The size at the build counts, whatever was copied: the total is made of it.
            self.done += file.size_original;
            let shown = || self.hosts.get(job.host).display(&file.path());
            if log::log_enabled!(target: DETAIL, log::Level::Debug) {
                jobs::as_process(process, || {
                    self.log(job, file.size_original, result, &shown())
                });
            }
            match result.outcome {
                Outcome::Vanished => self.vanished.push(*position),
                Outcome::Unchanged | Outcome::Resumed => {}
                Outcome::Stored | Outcome::Truncated => {
                    if result.repo_invalid {
                        let name = String::from_utf8_lossy(&file.name);
                        let checksum = file
                            .checksum
                            .map(|checksum| checksum.to_string())
                            .unwrap_or_default();
                        log::warn!(
                            "resumed backup file {name} did not have expected checksum {checksum}. The file was \
                             recopied and backup will continue but this may be an issue unless the resumed backup path \
                             in the repository is known to be corrupted.\n\
                             NOTE: this does not indicate a problem with the PostgreSQL page checksums."
                        );
                    }
                    let page_check = match &result.page {
                        None if file.page_check => PageCheck::Valid,
                        None => PageCheck::None,
                        Some(report) => self.page_check(report, result.size, &shown)?,
                    };
                    self.page_warnings += u32::from(matches!(page_check, PageCheck::Invalid(_)));
                    store(manifest, *position, job.bundle_id, result, page_check);
                }
            }
        }
        Ok(())
    }

    fn log(&self, job: &CopyJob, size_original: u64, result: &FileResult, file: &str) {
        let mut progress = String::new();
        if job.bundle_id != 0 && !matches!(result.outcome, Outcome::Unchanged | Outcome::Truncated)
        {
            progress.push_str(&format!(
                "bundle {}/{}, ",
                job.bundle_id, result.bundle_offset
            ));
        }
        if result.size != size_original {
            progress.push_str(&format!("{}->", size_text(size_original)));
        }
        progress.push_str(&format!(
            "{}, {}",
            size_text(result.size),
            percent_text(self.done, self.total)
        ));
        let checksum = if result.size == 0 {
            String::new()
        } else {
            format!(" checksum {}", result.checksum)
        };
        match result.outcome {
            Outcome::Unchanged => {
                detail!("match file from prior backup {file} ({progress}){checksum}")
            }
            Outcome::Resumed => detail!("checksum resumed file {file} ({progress}){checksum}"),
            Outcome::Vanished => detail!("skip file removed by database {file}"),
            Outcome::Stored => detail!("backup file {file} ({progress}){checksum}"),
            Outcome::Truncated => detail!("store truncated file {file} ({progress}){checksum}"),
        }
    }

    /// The result of the page check for the manifest; bad pages are warned about, and end the backup only when that was
    /// asked for (`checksum-page-error`).
    fn page_check(
        &self,
        report: &PageReport,
        size: u64,
        file: &dyn Fn() -> String,
    ) -> Result<PageCheck> {
        if report.valid {
            return Ok(PageCheck::Valid);
        }
        if report.misaligned {
            self.warn(format!(
                "page misalignment in file {}: file size {size} is not divisible by page size {}",
                file(),
                self.page_size
            ))?;
            return Ok(PageCheck::Invalid(None));
        }
        let range = |&(first, last): &(u32, u32)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        let several =
            report.errors.len() > 1 || report.errors.iter().any(|(first, last)| first != last);
        let plural = if several { "s" } else { "" };
        let pages: Vec<String> = report.errors.iter().map(range).collect();
        self.warn(format!(
            "invalid page checksum{plural} found in file {} at page{plural} {}",
            file(),
            pages.join(", ")
        ))?;
        let ranges = report.errors.iter().map(|&(first, last)| PageRange {
            first: first.into(),
            last: last.into(),
        });
        Ok(PageCheck::Invalid(Some(ranges.collect())))
    }

    fn warn(&self, message: String) -> Result<()> {
        if self.page_error {
            return Err(Error::new(ErrorCode::Checksum, message));
        }
        log::warn!("{message}");
        Ok(())
    }
}

/// Replaces what the manifest says of a file by what was stored.
fn store(
    manifest: &mut Manifest,
    position: u32,
    bundle_id: u64,
    result: &FileResult,
    page_check: PageCheck,
) {
    let mut data = manifest.file_at(position as usize).data;
    data.size = result.size;
    data.repo_size = result.repo_size;
    data.checksum = Some(result.checksum);
    data.repo_checksum = result.repo_checksum;
    data.reference = None;
    data.page_check = page_check;
    // What was truncated is in no bundle, since nothing was stored.
    let in_bundle = bundle_id != 0 && result.outcome != Outcome::Truncated;
    data.bundle = in_bundle.then_some(BundleSlice {
        id: bundle_id,
        offset: result.bundle_offset,
    });
    if let Some(block) = &mut data.block {
        block.map_size = result.map_size;
    }
    manifest.update_file_at(position as usize, &data);
}

/// `12.34%`: hundredths of a percent, rounded half up, 100% only when all is done.
pub(super) fn percent_text(done: u64, total: u64) -> String {
    let hundredths = if done >= total {
        10_000
    } else {
        (u128::from(done) * 100_000 / u128::from(total.max(1)) + 5) / 10
    };
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}
