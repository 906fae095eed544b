//! Which files are compressed for the way between the hosts: those that nothing else has made smaller.

use pgkeep_storage::Result;

use super::reach::Doing;
use super::storage::RemoteStorage;
use crate::remote::own_side::LZ4;

impl RemoteStorage {
    /// The same where files that nothing has compressed are compressed for the way between the hosts.
    #[must_use]
    pub fn with_network_level(mut self, network_level: i32) -> Self {
        self.network_level = network_level;
        self
    }

    /// Level of the compression for the way; `None`: the bytes go as they are.
    pub(super) fn lz4(&self, compressible: bool, doing: Doing<'_>) -> Result<Option<i32>> {
        let wanted = compressible && self.network_level != 0;
        let can = wanted && self.reach.client(doing)?.peer().can(LZ4);
        Ok(can.then_some(self.network_level))
    }

    /// The same for a file of the repository, which is no use where all of them are encrypted.
    pub(super) fn lz4_of_file(&self, compressible: bool, doing: Doing<'_>) -> Result<Option<i32>> {
        let plain = compressible && self.reach.answer(doing)?.cipher == "none";
        self.lz4(plain, doing)
    }
}
