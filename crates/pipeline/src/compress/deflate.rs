//! Deflate for gz, by whichever of two encoders suits the bytes at hand.
//!
//! zlib-rs does the work. On bytes that hardly compress it searches long for little; there the fastest level of
//! miniz_oxide writes as few bytes in a third of the time. So every mebibyte a sample is tried with both. Levels 7 to 9
//! ask for size at any price and are left to zlib-rs. The invariant: what comes out is one deflate stream, since an
//! encoder that yields flushes to a byte boundary and the other refers to nothing before it.

use flate2::{Compress, Compression, FlushCompress, Status};
use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output, create_comp_flags_from_zip_params,
};

use super::room::make_room;
use crate::error::{Error, Result};

const WINDOW_BITS: u8 = 15;
/// Plain bytes between two choices of an encoder.
const STRETCH: usize = 1024 * 1024;
/// Bytes that are tried. Smaller ones tell little, bigger ones cost more than they bring.
const SAMPLE: usize = 32 * 1024;
/// Input that must be at hand for a trial to be worth its while: four samples.
const TRIAL_MIN: usize = 4 * SAMPLE;

/// A deflate stream being written.
pub(super) struct Deflate {
    search: Compress,
    quick: Quick,
    /// Which encoder has the stream.
    in_quick: bool,
    /// What trials are made with; `None` where the level or the wrapper leaves no choice.
    trial: Option<Trial>,
    /// Bytes that go to the present encoder before the next trial.
    until_trial: usize,
}

/// miniz_oxide's fastest level, made when it is first needed: its state is large.
#[derive(Default)]
struct Quick(Option<Box<CompressorOxide>>);

struct Trial {
    level: Compression,
    search: Option<Compress>,
    quick: Quick,
    out: Vec<u8>,
}

/// The level of zlib-rs that comes close to zlib's in size.
///
/// Measured on heap pages, indexes, catalogs and WAL: its 1 is up to 40 % larger than zlib's 1 while its 2 is smaller;
/// its 5 is within 0.6 % of its 6 (within 3.5 % of zlib's 6, 2 % smaller over all) at up to twice the speed. -1 stands for
/// the default, 6.
fn codec_level(level: i32) -> Compression {
    Compression::new(match level {
        -1 | 6 => 5,
        1 => 2,
        other => other.clamp(0, 9).unsigned_abs(),
    })
}

impl Deflate {
    /// A stream without a wrapper. `level`: -1 (the default, 6) to 9.
    pub(super) fn bare(level: i32) -> Deflate {
        let trial = (level != 0 && level < 7).then(|| Trial {
            level: codec_level(level),
            search: None,
            quick: Quick::default(),
            out: Vec::new(),
        });
        Deflate::new(level, false, trial)
    }

    /// A stream in zlib's wrapper, which is zlib-rs's alone.
    pub(super) fn zlib(level: i32) -> Deflate {
        Deflate::new(level, true, None)
    }

    fn new(level: i32, wrapped: bool, trial: Option<Trial>) -> Deflate {
        Deflate {
            search: Compress::new_with_window_bits(codec_level(level), wrapped, WINDOW_BITS),
            quick: Quick::default(),
            in_quick: false,
            trial,
            until_trial: 0,
        }
    }

    /// Takes all of the input.
    pub(super) fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        while !input.is_empty() {
            if self.until_trial == 0 && input.len() >= TRIAL_MIN {
                self.choose(input, out)?;
            }
            let stretch = match self.until_trial {
                0 => input.len(),
                left => left.min(input.len()),
            };
            self.encode(&input[..stretch], out)?;
            self.until_trial = self.until_trial.saturating_sub(stretch);
            input = &input[stretch..];
        }
        Ok(())
    }

    /// Ends the stream.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.in_quick {
            self.quick.run(&[], TDEFLFlush::Finish, out)
        } else {
            search(&mut self.search, &[], FlushCompress::Finish, out)
        }
    }

    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if self.in_quick {
            self.quick.run(input, TDEFLFlush::None, out)
        } else {
            search(&mut self.search, input, FlushCompress::None, out)
        }
    }

    /// Tries a sample of what comes and hands the stream to the encoder it speaks for.
    fn choose(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let Some(trial) = &mut self.trial else {
            return Ok(());
        };
        self.until_trial = STRETCH;
        // From the middle, since a file's first page may be of another kind than the rest.
        let quick = trial.prefers_quick(&input[input.len() / 2..][..SAMPLE])?;
        if quick == self.in_quick {
            return Ok(());
        }
        if self.in_quick {
            self.quick.run(&[], TDEFLFlush::Sync, out)?;
            self.quick.reset();
        } else {
            search(&mut self.search, &[], FlushCompress::Sync, out)?;
            self.search.reset();
        }
        self.in_quick = quick;
        Ok(())
    }
}

impl Trial {
    /// Whether the quick encoder makes little more of the sample than the level asked for does.
    fn prefers_quick(&mut self, sample: &[u8]) -> Result<bool> {
        self.out.clear();
        self.quick.reset();
        self.quick.run(sample, TDEFLFlush::Finish, &mut self.out)?;
        let quick = self.out.len();
        // What halves is worth the search, and the search is fast there: no second trial.
        if quick * 2 < sample.len() {
            return Ok(false);
        }
        self.out.clear();
        let level = self.level;
        let codec = self
            .search
            .get_or_insert_with(|| Compress::new_with_window_bits(level, false, WINDOW_BITS));
        codec.reset();
        search(codec, sample, FlushCompress::Finish, &mut self.out)?;
        // At most 2 % more.
        Ok(quick * 50 <= self.out.len() * 51)
    }
}

impl Quick {
    fn reset(&mut self) {
        if let Some(codec) = &mut self.0 {
            codec.reset();
        }
    }

    fn run(&mut self, input: &[u8], flush: TDEFLFlush, out: &mut Vec<u8>) -> Result<()> {
        let codec = self.0.get_or_insert_with(|| {
            let flags = create_comp_flags_from_zip_params(1, -i32::from(WINDOW_BITS), 0);
            Box::new(CompressorOxide::new(flags))
        });
        let (status, taken) = compress_to_output(codec, input, flush, |bytes| {
            out.extend_from_slice(bytes);
            true
        });
        let expected = match flush {
            TDEFLFlush::Finish => TDEFLStatus::Done,
            _ => TDEFLStatus::Okay,
        };
        if status == expected && taken == input.len() {
            Ok(())
        } else {
            Err(stream_error())
        }
    }
}

/// Runs zlib-rs until it has taken the input and, when flushing, given all its output.
fn search(
    codec: &mut Compress,
    mut input: &[u8],
    flush: FlushCompress,
    out: &mut Vec<u8>,
) -> Result<()> {
    loop {
        make_room(out);
        let before = codec.total_in();
        let status = codec
            .compress_vec(input, out, flush)
            .map_err(|_| stream_error())?;
        input = &input[(codec.total_in() - before) as usize..];
        // Room left means that nothing more was to be written.
        let done = match flush {
            FlushCompress::None => input.is_empty(),
            FlushCompress::Finish => status == Status::StreamEnd,
            _ => input.is_empty() && out.len() < out.capacity(),
        };
        if done {
            return Ok(());
        }
    }
}

fn stream_error() -> Error {
    Error::internal("zlib threw error: [-2] stream error")
}

#[cfg(test)]
mod tests {
    use flate2::{Decompress, FlushDecompress};

    use super::*;

    /// Rows of a short regular head and a payload, as a table of hashes or pictures has them.
    fn rows(len: usize, payload: usize) -> Vec<u8> {
        let mut state = 7u64;
        let mut bytes = Vec::with_capacity(len);
        for row in 0u32.. {
            bytes.extend_from_slice(&[0, 0, 0, 0, 2, 0, 2, 8, 24, 0]);
            bytes.extend_from_slice(&row.to_le_bytes());
            for _ in 0..payload {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
                bytes.push((state >> 56) as u8);
            }
            if bytes.len() >= len {
                break;
            }
        }
        bytes.truncate(len);
        bytes
    }

    /// The stream of `input` and how often it changed hands.
    fn deflated(mut deflate: Deflate, input: &[u8], piece: usize) -> (Vec<u8>, usize) {
        let (mut out, mut changes) = (Vec::new(), 0);
        for piece in input.chunks(piece) {
            let before = deflate.in_quick;
            deflate.push(piece, &mut out).unwrap();
            changes += usize::from(deflate.in_quick != before);
        }
        deflate.finish(&mut out).unwrap();
        (out, changes)
    }

    fn inflated(stream: &[u8], len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len + 1);
        let status = Decompress::new(false)
            .decompress_vec(stream, &mut out, FlushDecompress::Finish)
            .unwrap();
        assert_eq!(status, Status::StreamEnd);
        out
    }

    fn alone(level: i32) -> Deflate {
        Deflate::new(level, false, None)
    }

    #[test]
    fn stream_that_changes_hands_is_one_stream() {
        let mut input = Vec::new();
        for _ in 0..3 {
            input.extend_from_slice(&rows(STRETCH + 1000, 0));
            input.extend_from_slice(&rows(STRETCH + 1000, 100));
        }
        for level in [-1, 1, 6] {
            for piece in [TRIAL_MIN, 256 * 1024, input.len()] {
                let (stream, changes) = deflated(Deflate::bare(level), &input, piece);
                assert!(changes > 3 || piece == input.len(), "{level} {piece}");
                assert!(inflated(&stream, input.len()) == input, "{level} {piece}");
            }
        }
    }

    #[test]
    fn quick_encoder_costs_at_most_three_percent() {
        for payload in [0, 10, 30, 60, 100, 200] {
            let input = rows(2 * STRETCH, payload);
            let (stream, _) = deflated(Deflate::bare(6), &input, 256 * 1024);
            let (searched, _) = deflated(alone(6), &input, 256 * 1024);
            assert!(
                stream.len() * 100 <= searched.len() * 103,
                "{payload}: {} against {}",
                stream.len(),
                searched.len()
            );
        }
    }

    #[test]
    fn levels_that_ask_for_size_are_searched_throughout() {
        let input = rows(STRETCH, 200);
        assert_eq!(deflated(Deflate::bare(6), &input, 256 * 1024).1, 1);
        for level in 7..=9 {
            assert_eq!(
                deflated(Deflate::bare(level), &input, 256 * 1024),
                deflated(alone(level), &input, 256 * 1024)
            );
        }
    }

    #[test]
    fn trial_is_made_only_of_enough_input() {
        let input = rows(STRETCH, 200);
        assert_eq!(deflated(Deflate::bare(6), &input, TRIAL_MIN - 1).1, 0);
    }
}
