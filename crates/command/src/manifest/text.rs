//! The manifest as text.

use std::fmt::Write as _;

use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::FileRef;

use super::block_delta::BlockDelta;
use crate::error::Result;
use crate::report::size_text::size_text;
use crate::run::Context;

/// Prints the head and the files at `files`, one after the other, so that a million files need no memory.
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
    let references: Vec<&str> = manifest.references.iter().map(AsRef::as_ref).collect();
    let duration = backup.timestamp_stop - backup.timestamp_start;
    context.output.text(&format!(
        "label: {label}\nreference: {}\ntype: {}\ntime: start: {}, stop: {}, duration: {}:{:02}:{:02}\nbundle: {}\n\
         block: {}\n\nfile list:\n",
        references.join(", "),
        backup.backup_type,
        context.clock.local_text(backup.timestamp_start),
        context.clock.local_text(backup.timestamp_stop),
        duration / 3600,
        duration % 3600 / 60,
        duration % 60,
        backup.bundle,
        backup.block_incr,
    ))?;
    for (number, at) in files.iter().enumerate() {
        context.cancel.check()?;
        let file = manifest.file_at(*at);
        let mut text = String::from(if number > 0 { "\n" } else { "" });
        render(&mut text, &file);
        if let Some(delta) = delta(&file)? {
            render_delta(&mut text, &delta);
        }
        context.output.text(&text)?;
    }
    Ok(())
}

fn render(text: &mut String, file: &FileRef<'_>) {
    let _ = writeln!(text, "  - {}", file.name);
    if let Some(label) = file.reference_label() {
        let _ = writeln!(text, "      reference: {label}");
    }
    let checksum = file
        .checksum
        .map(|checksum| checksum.to_string())
        .unwrap_or_default();
    let _ = writeln!(
        text,
        "      size: {}, repo {}",
        size_text(file.size),
        size_text(file.repo_size)
    );
    let _ = writeln!(text, "      checksum: {checksum}");
    if let Some(bundle) = file.bundle {
        let _ = writeln!(text, "      bundle: {}", bundle.id);
    }
    if let Some(block) = file.block {
        let _ = writeln!(
            text,
            "      block: size {}, map size {}, checksum size {}",
            size_text(block.size),
            size_text(block.map_size),
            size_text(block.checksum_size.into())
        );
    }
}

fn render_delta(text: &mut String, delta: &BlockDelta) {
    text.push_str("      block delta:");
    let BlockDelta::Changed {
        references,
        block_size,
    } = delta
    else {
        text.push_str(" file is up-to-date\n");
        return;
    };
    text.push('\n');
    let (mut reads, mut super_blocks, mut blocks) = ((0, 0), (0, 0), 0);
    for reference in references {
        let _ = writeln!(
            text,
            "        reference: {}, read: {}/{}, superBlock: {}/{}, block: {}/{}",
            reference.file,
            reference.reads,
            size_text(reference.read_size),
            reference.super_blocks,
            size_text(reference.super_block_size),
            reference.blocks,
            size_text(reference.blocks * block_size)
        );
        reads = (reads.0 + reference.reads, reads.1 + reference.read_size);
        super_blocks = (
            super_blocks.0 + reference.super_blocks,
            super_blocks.1 + reference.super_block_size,
        );
        blocks += reference.blocks;
    }
    let _ = writeln!(
        text,
        "        total read: {}/{}, superBlock: {}/{}, block: {blocks}/{}",
        reads.0,
        size_text(reads.1),
        super_blocks.0,
        size_text(super_blocks.1),
        size_text(blocks * block_size)
    );
}
