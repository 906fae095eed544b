//! Free space as the server says it (`statvfs@openssh.com`), where it has the extension.

use std::sync::Arc;

use bytes::Bytes;

use super::engine::pool::{Pool, unexpected};
use super::place::Place;
use super::protocol::extension::STATVFS;
use super::protocol::message::{EXTENDED, Request, Response};
use super::protocol::packet::{PacketReader, PacketWriter};
use crate::{Operation, Result, Space};

/// One round trip.
pub(super) async fn space(pool: &Arc<Pool>, place: &Place) -> Result<Option<Space>> {
    let mut writer = PacketWriter::new(0);
    writer.string(STATVFS).string(&place.bytes);
    let packet = writer.finish();
    let mut retry = pool.retry();
    loop {
        let channel = pool.channel().await?;
        if !channel.server().statvfs {
            return Ok(None);
        }
        let request = Request::Plain {
            kind: EXTENDED,
            // Behind length and kind.
            body: &packet[5..],
        };
        match channel.ask(&request).wait().await {
            Ok(Response::Extended(answer)) => return Ok(decode(answer)),
            Ok(Response::Status(status)) if status.is_missing() => return Ok(None),
            Ok(other) => return Err(unexpected(Operation::Info, &place.text(), &other)),
            Err(lost) => retry.lost(&lost, Operation::Info, &place.text()).await?,
        }
    }
}

/// Reads the answer; `None`: it is none.
pub(super) fn decode(answer: Bytes) -> Option<Space> {
    let mut reader = PacketReader(answer);
    let mut numbers = [0; 11];
    for number in &mut numbers {
        *number = reader.u64().ok()?;
    }
    let [
        _,
        unit,
        blocks,
        _,
        available,
        files,
        _,
        files_available,
        _,
        flags,
        _,
    ] = numbers;
    Some(Space {
        total: unit.saturating_mul(blocks),
        free: unit.saturating_mul(available),
        files,
        files_free: files_available,
        read_only: flags & 1 != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_blocks_times_the_fragment_size() {
        let fields = [4096u64, 1024, 1000, 600, 500, 70, 60, 50, 9, 1, 255];
        let bytes: Vec<u8> = fields
            .iter()
            .flat_map(|field| field.to_be_bytes())
            .collect();
        assert_eq!(
            decode(Bytes::from(bytes)),
            Some(Space {
                total: 1_024_000,
                free: 512_000,
                files: 70,
                files_free: 50,
                read_only: true
            })
        );
        assert_eq!(decode(Bytes::from_static(&[0; 9])), None);
    }
}
