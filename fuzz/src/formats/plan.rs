//! What a restore and a backup make of a manifest that may say anything.

use pgkeep_command::restore::rehearse;
use pgkeep_repo::manifest::ResumedFile;
use pgkeep_repo::{BackupType, Manifest, Stanza};

use super::repository::parse_with_true_checksum;

/// A restore from it, a backup that builds on it of a cluster with the same files, and a backup that resumes it.
pub fn plan(data: &[u8]) {
    let Some(manifest) = parse_with_true_checksum(data, &|input| Manifest::parse(input)) else {
        return;
    };
    restore(&manifest);
    backup(&manifest);
    resume(&manifest);
}

fn restore(manifest: &Manifest) {
    let label = manifest.backup.label.as_ref();
    let Some(Ok(stored)) = label.map(|label| rehearse(manifest, label)) else {
        return;
    };
    let totals = manifest.totals();
    assert!(stored <= totals.repo_size, "no file is read twice");
    assert!(totals.size_delta <= totals.size && totals.repo_size_delta <= totals.repo_size);
    let stanza = Stanza::new("demo").expect("a good name");
    for file in manifest.files() {
        let range = manifest.stored_range(&file);
        let end = range.offset.checked_add(range.length.unwrap_or(0));
        assert!(end.is_some_and(|end| i64::try_from(end).is_ok()));
        assert!(manifest.stored_path(&stanza, &file).is_some());
        if let Some(block) = file.block {
            assert!(block.size <= 1 << 30 && block.checksum_size <= 16);
            assert!(block.map_size <= file.repo_size);
        }
    }
}

/// Of every file it has not changed, has changed, or has grown.
fn backup(prior: &Manifest) {
    for delta in [false, true] {
        let mut current = prior.clone();
        for at in 0..current.file_count() {
            let mut data = current.file_at(at).data;
            data.copy = true;
            data.reference = None;
            match at % 3 {
                0 => {}
                1 => data.timestamp = data.timestamp.wrapping_add(1),
                _ => data.size += 8192,
            }
            current.update_file_at(at, &data);
        }
        let start = prior.backup.timestamp_start;
        let compress = prior.options.compress_type;
        let _ = current.start_copy(delta, start, compress);
        let archive_start = prior.backup.archive_start.as_deref();
        if current
            .increment(prior.clone(), BackupType::Incr, archive_start)
            .is_err()
        {
            continue;
        }
        let totals = current.totals();
        assert!(totals.size < u64::MAX && totals.repo_size < u64::MAX);
        let _ = current.backup_entry();
        let mut text = Vec::new();
        if current.validate(false).is_ok() {
            let _ = current.write(&mut text, &current.version);
        }
    }
}

fn resume(resumed: &Manifest) {
    // A new backup, of which all but its files is known.
    let mut current = resumed.clone();
    current.backup.backup_type = BackupType::Full;
    current.backup.prior = None;
    let compress = resumed.options.compress_type;
    let _ = current.resume_obstacle(resumed, compress);
    for at in 0..resumed.file_count() {
        let name = resumed.file_at(at).name.to_vec();
        for end in [compress.extension(), ".pgbi", ""] {
            let stored = [&name, end.as_bytes()].concat();
            let kept = current.resume_file(resumed, &stored, compress, true, Some(8192));
            if kept == ResumedFile::Keep {
                assert!(current.file(&name).is_some_and(|file| file.size > 0));
            }
        }
    }
}
