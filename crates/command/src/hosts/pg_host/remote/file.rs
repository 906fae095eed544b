//! A file that another host reads: asked for at once, taken when its turn comes.
//!
//! Between hosts bytes are compressed by the network's own stage when nothing else makes them small. It is undone here, and
//! whoever asked for the file does not see it.

use std::sync::Arc;

use pgkeep_pipeline::{CompressType, Pipeline, Report, Running, Stage};
use pgkeep_protocol::{Client, Exchange, Lane};
use pgkeep_storage::RateLimit;

use super::settings::RemoteSettings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::pg_host::read_file::{FileReceiver, OpenFile, ReadOutcome, ReadRequest};
use crate::remote::link::Link;
use crate::remote::network_lz4;
use crate::remote::own_side::LZ4;
use crate::remote::wire::cluster::{
    ClusterRequest, FileEvent, FileOutcome, LONGEST_REPORTS, WireRead, check_reports,
};

/// A file that is under way.
pub(super) struct RemoteFile {
    link: Arc<Link>,
    exchange: Exchange,
    /// Stages of the pipeline that was asked for.
    stages: usize,
    /// Undoes the compression for the way between the hosts.
    expand: Option<Running>,
    reports_only: bool,
    limit: Option<Arc<RateLimit>>,
}

impl RemoteFile {
    /// Sends the request. Does not wait for its answer.
    pub(super) fn ask(
        link: &Arc<Link>,
        client: &Client,
        request: ReadRequest,
        settings: &RemoteSettings,
    ) -> Result<Self> {
        let ReadRequest {
            path,
            limit,
            mut pipeline,
            buffer_size,
            may_be_missing,
            skip_empty,
            reports_only,
        } = request;
        let stages = pipeline.stages().len();
        let network_level = settings.network_level;
        let compress = network_level != 0
            && !reports_only
            && client.peer().can(LZ4)
            && pipeline.stages().iter().all(leaves_bytes);
        if compress {
            pipeline.push(network_lz4::compress(network_level));
        }
        let wanted = WireRead {
            path: (&path).into(),
            limit,
            buffer_size: buffer_size as u64,
            may_be_missing,
            skip_empty,
            reports_only,
        };
        let exchange = send(client, wanted, &pipeline).map_err(|error| link.error(&error))?;
        Ok(Self {
            link: Arc::clone(link),
            exchange,
            stages,
            expand: compress.then(|| network_lz4::start(network_lz4::expand())),
            reports_only,
            limit: settings.limit.clone(),
        })
    }

    fn error(&self, error: &pgkeep_protocol::Error) -> Error {
        self.link.error(error)
    }

    fn violation(&self, what: &str) -> Error {
        Error::new(ErrorCode::Protocol, format!("{}: {what}", self.link.name()))
    }

    fn take(&mut self, chunk: &[u8], receiver: &mut dyn FileReceiver) -> Result<()> {
        if self.reports_only {
            return Err(self.violation("it sent bytes where only reports were asked for"));
        }
        match &mut self.expand {
            Some(expand) => expand.push_into(chunk, receiver)?,
            None => receiver.write_all(chunk)?,
        }
        Ok(())
    }

    fn reports(&mut self, receiver: &mut dyn FileReceiver) -> Result<Vec<Report>> {
        let reports = self.exchange.receive_as_bytes(LONGEST_REPORTS);
        let mut reports: Vec<Report> = reports.map_err(|error| self.error(&error))?;
        if let Some(expand) = self.expand.take() {
            expand.finish_into(receiver)?;
            // That of the stage nobody asked for.
            reports.pop();
        }
        check_reports(&reports, self.stages)?;
        Ok(reports)
    }
}

/// Whether a stage leaves the bytes as they are, so that compressing them is worth it.
fn leaves_bytes(stage: &Stage) -> bool {
    match stage {
        Stage::Size | Stage::Sha1 | Stage::PageCheck(_) => true,
        Stage::Compress { kind, .. } | Stage::Decompress { kind, .. } => {
            *kind == CompressType::None
        }
        Stage::Encrypt { .. } | Stage::Decrypt { .. } => false,
        Stage::BlockIncremental(block) => {
            block.compress == CompressType::None && block.pass.is_none()
        }
    }
}

fn send(
    client: &Client,
    wanted: WireRead,
    pipeline: &Pipeline,
) -> pgkeep_protocol::Result<Exchange> {
    let mut exchange = client.open(Lane::Worker)?;
    exchange.send(&ClusterRequest::OpenFile(wanted))?;
    exchange.send_as_bytes(pipeline)?;
    exchange.end();
    Ok(exchange)
}

impl OpenFile for RemoteFile {
    fn deliver(mut self: Box<Self>, receiver: &mut dyn FileReceiver) -> Result<ReadOutcome> {
        loop {
            loop {
                let chunk = self.exchange.next_chunk();
                let Some(chunk) = chunk.map_err(|error| self.error(&error))? else {
                    break;
                };
                self.take(&chunk, receiver)?;
            }
            let event = self.exchange.receive::<FileEvent>();
            let event = event.map_err(|error| self.error(&error))?;
            if event.read > 0 {
                // The other host waits when what it has sent is not taken.
                if let Some(limit) = &self.limit {
                    limit.moved(event.read)?;
                }
                receiver.progress(event.read)?;
            }
            match event.outcome {
                None => {}
                Some(FileOutcome::Missing) => return Ok(ReadOutcome::Missing),
                Some(FileOutcome::Empty) => return Ok(ReadOutcome::Empty),
                Some(FileOutcome::Read) => {
                    return Ok(ReadOutcome::Read(self.reports(receiver)?));
                }
            }
        }
    }
}
