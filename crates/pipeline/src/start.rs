//! From the list of stages to the stages at work: which code serves each [`Stage`].

use crate::block::BlockWriter;
use crate::cipher::{Decryptor, Encryptor};
use crate::compress;
use crate::hash::Sha1;
use crate::page_check::{PageCheck, Reread};
use crate::run::{Observer, Running};
use crate::stage::{Pipeline, Stage};

impl Pipeline {
    /// Makes the running form. `buffer_size`: bytes that may gather between two stages (softly: a codec may hand out
    /// one block more).
    pub fn start(self, buffer_size: usize) -> Running {
        self.start_with(buffer_size, None)
    }

    /// As [`start`](Self::start), with a way to read the source again for the stages that ask for it
    /// ([`rereads`](Self::rereads)). Where they ask and there is none, a bad page counts as bad at once.
    pub fn start_with(self, buffer_size: usize, reread: Option<Reread>) -> Running {
        let mut running = Running::new(buffer_size);
        for stage in self.into_stages() {
            match stage {
                Stage::Size => running.observe(Observer::Size(0)),
                Stage::Sha1 => running.observe(Observer::Sha1(Sha1::new())),
                Stage::PageCheck(settings) => {
                    let check = PageCheck::new(settings, reread.clone());
                    running.observe(Observer::PageCheck(Box::new(check)));
                }
                Stage::Compress { kind, level, raw } => {
                    running.transform(compress::compressor(kind, level, raw));
                }
                Stage::Decompress { kind, raw } => {
                    running.transform(compress::decompressor(kind, raw));
                }
                Stage::Encrypt { pass, raw } => {
                    running.transform(Some(Box::new(Encryptor::new(pass, raw))));
                }
                Stage::Decrypt { pass, raw } => {
                    running.transform(Some(Box::new(Decryptor::new(pass, raw))));
                }
                Stage::BlockIncremental(settings) => {
                    running.transform(Some(Box::new(BlockWriter::new(settings))));
                }
            }
        }
        running
    }
}
