use std::sync::Arc;

use super::*;
use crate::block::{BlockMap, BlockMapItem};
use crate::hash::Sha1Digest;
use crate::report::Report;

const PAGE: usize = 8192;

fn pass() -> SecretString {
    SecretString::from("a passphrase \"with\" a quote")
}

/// Every stage once, with settings that differ from each other.
fn every_stage() -> Vec<Stage> {
    let block = BlockMapItem {
        reference: 3,
        bundle_id: 7,
        offset: 4096,
        size: 900,
        super_block_size: 16_384,
        block: 1,
        checksum: [9; 16],
    };
    vec![
        Stage::Size,
        Stage::Sha1,
        Stage::PageCheck(PageCheckSettings {
            page_size: PAGE,
            segment_first_block: 131_072,
            header_check: false,
            reread: true,
        }),
        Stage::Compress {
            kind: CompressType::Zst,
            level: -7,
            raw: true,
        },
        Stage::Decompress {
            kind: CompressType::Lz4,
            raw: false,
        },
        Stage::Encrypt {
            pass: pass(),
            raw: true,
        },
        Stage::Decrypt {
            pass: pass(),
            raw: false,
        },
        Stage::BlockIncremental(BlockSettings {
            block_size: PAGE,
            super_block_size: u64::MAX,
            checksum_size: 6,
            reference: 4,
            bundle_id: 8,
            offset: 1,
            prior: Some(BlockMap::from_items(vec![block, block])),
            compress: CompressType::Bz2,
            level: 9,
            pass: Some(pass()),
        }),
        Stage::BlockIncremental(BlockSettings {
            block_size: 1,
            super_block_size: 1,
            checksum_size: 16,
            reference: 0,
            bundle_id: 0,
            offset: 0,
            prior: None,
            compress: CompressType::None,
            level: 0,
            pass: None,
        }),
    ]
}

/// What another host makes of a pipeline that was written down here.
fn sent(stages: Vec<Stage>) -> Pipeline {
    let text = serde_json::to_string(&Pipeline::new(stages)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn run(pipeline: Pipeline, input: &[u8]) -> (Vec<u8>, Vec<Report>) {
    let mut running = pipeline.start(1000);
    let mut out = Vec::new();
    running.push(input, &mut out).unwrap();
    let reports = running.finish(&mut out).unwrap();
    (out, reports)
}

#[test]
fn a_pipeline_is_the_same_after_it_was_written_down_and_read() {
    let written = serde_json::to_value(Pipeline::new(every_stage())).unwrap();
    let read = sent(every_stage());
    assert_eq!(serde_json::to_value(&read).unwrap(), written);
    assert_eq!(read.stages().len(), every_stage().len());
    let [.., Stage::BlockIncremental(block), _] = read.stages() else {
        panic!("{read:?}");
    };
    assert_eq!(block.prior.as_ref().unwrap().items()[1].block, 1);
    assert!(read.rereads());
    assert!(!Pipeline::new(vec![Stage::Sha1]).rereads());
}

#[test]
fn a_pipeline_that_was_sent_makes_the_same_bytes_and_reports() {
    let mut plain = vec![0; 5 * PAGE];
    // One page that is neither empty nor has a checksum.
    plain[2 * PAGE + 100] = 1;
    let there = sent(vec![
        Stage::Sha1,
        Stage::PageCheck(PageCheckSettings {
            page_size: PAGE,
            segment_first_block: 0,
            header_check: true,
            reread: true,
        }),
        Stage::Compress {
            kind: CompressType::Gz,
            level: 1,
            raw: true,
        },
        Stage::Encrypt {
            pass: pass(),
            raw: true,
        },
    ]);
    let mut running = there.clone().start_with(
        1000,
        Some(Arc::new(|_, page: &mut [u8]| {
            page.fill(0);
            Some(page.len())
        })),
    );
    let mut stored = Vec::new();
    running.push(&plain, &mut stored).unwrap();
    let reports = running.finish(&mut stored).unwrap();
    assert_eq!(reports[0].sha1(), Some(Sha1Digest::of(&plain)));
    assert!(reports[1].page().unwrap().valid);
    // On a host that cannot read the file again the page counts as bad.
    let (_, reports) = run(there, &plain);
    assert_eq!(reports[1].page().unwrap().errors, [(2, 2)]);
    let back = sent(vec![
        Stage::Decrypt {
            pass: pass(),
            raw: true,
        },
        Stage::Decompress {
            kind: CompressType::Gz,
            raw: true,
        },
    ]);
    assert!(run(back, &stored).0 == plain);
}

#[test]
fn reports_come_back_as_they_were() {
    let (_, reports) = run(
        Pipeline::new(vec![
            Stage::Size,
            Stage::Sha1,
            Stage::PageCheck(PageCheckSettings {
                page_size: PAGE,
                segment_first_block: 5,
                header_check: true,
                reread: false,
            }),
            Stage::BlockIncremental(BlockSettings {
                block_size: PAGE,
                super_block_size: 0,
                checksum_size: 8,
                reference: 0,
                bundle_id: 0,
                offset: 0,
                prior: None,
                compress: CompressType::None,
                level: 0,
                pass: None,
            }),
            Stage::Decompress {
                kind: CompressType::None,
                raw: false,
            },
        ]),
        &[1; PAGE + 600],
    );
    let text = serde_json::to_string(&reports).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Report>>(&text).unwrap(), reports);
    assert_eq!(reports.len(), 5);
    assert_eq!(reports[2].page().unwrap().errors, [(5, 6)]);
}

#[test]
fn a_passphrase_is_in_the_written_form_alone() {
    let pipeline = Pipeline::new(every_stage());
    assert!(!format!("{pipeline:?}").contains("passphrase"));
    assert!(!format!("{:?}", pipeline.clone().start(1)).contains("passphrase"));
    let text = serde_json::to_string(&pipeline).unwrap();
    assert_eq!(text.matches("a passphrase").count(), 3);
    // What cannot be read is refused, and the refusal does not repeat it.
    let cut = text.replace("\"raw\":true", "\"raw\":\"a passphrase\"");
    assert!(serde_json::from_str::<Pipeline>(&cut).is_err());
    let missing = r#"[{"Encrypt":{"raw":true}}]"#;
    let error = serde_json::from_str::<Pipeline>(missing).unwrap_err();
    assert!(
        error.to_string().contains("missing field `pass`"),
        "{error}"
    );
}
