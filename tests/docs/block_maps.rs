//! The worked block maps of the format page decode to the tables below them, and encode to the same bytes.

use pgkeep_pipeline::block::map::{BlockMap, BlockMapItem};

use crate::text;

const BLOCK_SIZE: usize = 8192;
const CHECKSUM_SIZE: usize = 6;

#[test]
fn worked_block_maps_of_the_format_page_are_right() {
    let page = text("docs/format/block-incremental.md");
    let (_, worked) = page
        .split_once("## Worked maps")
        .expect("the section is there");
    // Between fences: text, map, text, map, …
    let parts: Vec<&str> = worked.split("```\n").collect();
    let mut checked = 0;
    for (at, hex) in parts.iter().enumerate().filter(|(at, _)| at % 2 == 1) {
        let bytes = unhex(&hex.replace([' ', '\n'], ""));
        let map = BlockMap::decode(&bytes, BLOCK_SIZE, CHECKSUM_SIZE).expect("the map is valid");
        assert_eq!(map.items(), rows(parts[at + 1]), "{hex}");
        let encoded = map.encode(BLOCK_SIZE, CHECKSUM_SIZE).expect("it was valid");
        assert_eq!(encoded, bytes, "{hex}");
        checked += 1;
    }
    assert_eq!(checked, 4);
}

/// The first table of eight columns.
fn rows(text: &str) -> Vec<BlockMapItem> {
    let cells = |line: &str| {
        line.split('|')
            .map(|cell| cell.trim().to_owned())
            .collect::<Vec<_>>()
    };
    text.lines()
        .skip_while(|line| !line.starts_with("| block |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells = cells(line);
            let number = |at: usize| cells[at].parse::<u64>().expect("a number");
            let mut checksum = [0; 16];
            checksum[..CHECKSUM_SIZE].copy_from_slice(&unhex(&cells[8]));
            BlockMapItem {
                reference: u32::try_from(number(2)).expect("a small number"),
                bundle_id: number(3),
                offset: number(4),
                size: number(5),
                super_block_size: number(6),
                block: number(7),
                checksum,
            }
        })
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}
