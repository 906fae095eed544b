//! The manifest as JSON, keys in pgBackRest's order.

use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::FileRef;

use super::block_delta::BlockDelta;
use crate::error::Result;
use crate::report::json_string::write_string;
use crate::run::Context;

/// Prints the head and the files at `files`, one after the other.
pub(super) fn print(
    context: &Context,
    manifest: &Manifest,
    files: &[usize],
    delta: &dyn Fn(&FileRef<'_>) -> Result<Option<BlockDelta>>,
) -> Result<()> {
    let backup = &manifest.backup;
    let label = backup
        .label
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let references: Vec<String> = manifest
        .references
        .iter()
        .map(|label| format!("\"{label}\""))
        .collect();
    context.output.text(&format!(
        "{{\"label\":\"{label}\",\"reference\":[{}],\"type\":\"{}\",\"time\":{{\"start\":{},\"copy\":{},\"stop\":{}}},\
         \"bundle\":{{\"bundle\":{},\"raw\":{}}},\"block\":{{\"block\":{}}},\"fileList\":[",
        references.join(","),
        backup.backup_type,
        backup.timestamp_start,
        backup.timestamp_copy_start,
        backup.timestamp_stop,
        backup.bundle,
        backup.bundle_raw,
        backup.block_incr,
    ))?;
    for (number, at) in files.iter().enumerate() {
        context.cancel.check()?;
        let file = manifest.file_at(*at);
        let mut out = Vec::new();
        if number > 0 {
            out.push(b',');
        }
        render(&mut out, &file, delta(&file)?.as_ref());
        context.output.write(&out)?;
    }
    context.output.text("]}")
}

fn render(out: &mut Vec<u8>, file: &FileRef<'_>, delta: Option<&BlockDelta>) {
    out.extend_from_slice(b"{\"name\":");
    write_string(out, &file.name.to_vec());
    if let Some(label) = file.reference_label() {
        out.extend_from_slice(format!(",\"reference\":\"{label}\"").as_bytes());
    }
    let checksum = file
        .checksum
        .map(|checksum| checksum.to_string())
        .unwrap_or_default();
    let (size, repo_size) = (file.size, file.repo_size);
    out.extend_from_slice(
        format!(",\"size\":{size},\"checksum\":\"{checksum}\",\"repo\":{{\"size\":{repo_size}}}")
            .as_bytes(),
    );
    if let Some(bundle) = file.bundle {
        let text = format!(
            ",\"bundle\":{{\"id\":{},\"offset\":{}}}",
            bundle.id, bundle.offset
        );
        out.extend_from_slice(text.as_bytes());
    }
    if let Some(block) = file.block {
        let text = format!(
            ",\"block\":{{\"size\":{},\"map\":{{\"size\":{}",
            block.size, block.map_size
        );
        out.extend_from_slice(text.as_bytes());
        if let Some(delta) = delta {
            out.extend_from_slice(format!(",\"delta\":{}", delta_text(delta)).as_bytes());
        }
        let text = format!("}},\"checksum\":{{\"size\":{}}}}}", block.checksum_size);
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'}');
}

fn delta_text(delta: &BlockDelta) -> String {
    let BlockDelta::Changed { references, .. } = delta else {
        return "null".to_owned();
    };
    let shown: Vec<String> = references
        .iter()
        .map(|reference| {
            format!(
                "{{\"reference\":{},\"read\":{{\"total\":{},\"size\":{}}},\"superBlock\":{{\"total\":{},\"size\":{}}},\
                 \"block\":{{\"total\":{}}}}}",
                reference.index,
                reference.reads,
                reference.read_size,
                reference.super_blocks,
                reference.super_block_size,
                reference.blocks
            )
        })
        .collect();
    format!("[{}]", shown.join(","))
}
