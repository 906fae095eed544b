//! Compressed, encrypted and block incremental bytes.

use std::io::{self, Write};

use pgkeep_pipeline::block::delta::{DeltaBlocks, DeltaSettings, plan};
use pgkeep_pipeline::{CompressType, Pipeline, Stage, block::BlockMap};
use secrecy::SecretString;

/// More than this is not taken out of one input.
const LIMIT: usize = 8 << 20;

/// Takes bytes and forgets them, up to the limit.
struct Bounded(usize);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A piece is about as long as the buffer and one block of a codec, however well the input was compressed.
        assert!(
            bytes.len() <= 17 << 20,
            "{} bytes were handed out at once",
            bytes.len()
        );
        self.0 += bytes.len();
        if self.0 > LIMIT {
            Err(io::Error::other("enough"))
        } else {
            Ok(bytes.len())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The first byte says which decoder, the second how many bytes it gets at a time, less one. The rest is decoded.
pub fn decode(data: &[u8]) {
    let [kind, step, stored @ ..] = data else {
        return;
    };
    let raw = kind & 1 == 1;
    let decompress = |kind| Stage::Decompress { kind, raw };
    let decrypt = || Stage::Decrypt {
        pass: SecretString::from("sesame"),
        raw,
    };
    let stages = match (kind >> 1) % 6 {
        0 => vec![decompress(CompressType::Gz)],
        1 => vec![decompress(CompressType::Lz4)],
        2 => vec![decompress(CompressType::Zst)],
        3 => vec![decompress(CompressType::Bz2)],
        4 => vec![decrypt()],
        _ => vec![decrypt(), decompress(CompressType::Gz)],
    };
    let mut running = Pipeline::new(stages).start(4096);
    let mut out = Bounded(0);
    for piece in stored.chunks(usize::from(*step) + 1) {
        if running.push_into(piece, &mut out).is_err() {
            return;
        }
    }
    let _ = running.finish_into(&mut out);
}

/// The first byte is the block size, the second the checksum size. The rest is a map.
pub fn block_map(data: &[u8]) {
    let Some((map, block_size, checksum_size, bytes)) = read_map(data) else {
        return;
    };
    // Each block costs at least its checksum, so a map cannot be larger than its bytes allow.
    assert!(map.len() * checksum_size <= bytes.len());
    let _ = map.check(1 << 20, block_size, 3);
    let Ok(written) = map.encode(block_size, checksum_size) else {
        return;
    };
    let again =
        BlockMap::decode(&written, block_size, checksum_size).expect("what was written is a map");
    assert_eq!(map, again, "a map changes when it is written");
}

/// A map and the bytes of the only repository file, which are the map itself: 2 bytes of sizes, then as `block_map`.
pub fn block_delta(data: &[u8]) {
    let Some((map, block_size, _, bytes)) = read_map(data) else {
        return;
    };
    let Ok(files) = plan(&map, |number, _| number % 3 != 1, 16) else {
        return;
    };
    let compress = [
        CompressType::None,
        CompressType::Gz,
        CompressType::Zst,
        CompressType::Lz4,
    ][map.len() % 4];
    let settings = DeltaSettings {
        block_size,
        compress,
        pass: None,
    };
    for read in files.iter().flat_map(|file| &file.reads) {
        let source = usize::try_from(read.offset)
            .ok()
            .and_then(|at| bytes.get(at..))
            .unwrap_or_default();
        let mut blocks = DeltaBlocks::new(&settings, read, source);
        while let Ok(Some((number, block))) = blocks.next_block() {
            assert!(
                block.len() <= block_size,
                "block {number} has {} bytes",
                block.len()
            );
        }
    }
}

fn read_map(data: &[u8]) -> Option<(BlockMap, usize, usize, &[u8])> {
    let [size, checksum_size, bytes @ ..] = data else {
        return None;
    };
    let (block_size, checksum_size) = (usize::from(*size) * 64, usize::from(*checksum_size) % 20);
    let map = BlockMap::decode(bytes, block_size, checksum_size).ok()?;
    Some((map, block_size, checksum_size, bytes))
}
