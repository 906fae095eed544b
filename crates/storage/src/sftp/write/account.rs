//! What the server lets an account do that may only add. It is asked once for each server, by requests that harm nothing, of the
//! temporary file that is being written. No file gets its name before the answers are known.

use std::sync::atomic::Ordering;

use super::fail::Fail;
use super::upload::Upload;
use crate::sftp::add_only;
use crate::sftp::engine::channel::{Channel, Reply};
use crate::sftp::protocol::attributes::Attributes;
use crate::sftp::protocol::message::{Request, Response};
use crate::sftp::protocol::status::Status;

/// What a name gets that no file has.
const NO_FILE: &[u8] = b".none";

/// The answers that are under way.
pub(super) struct Asked {
    /// The file linked to its own name, which is taken.
    link: Reply,
    /// The file renamed to its own name. `None`: the server has no rename that replaces.
    rename: Option<Reply>,
    /// A name removed that is not there.
    remove: Reply,
    /// The file given the mode that it has.
    attributes: Reply,
}

impl Upload {
    /// Asks when the file is opened, so that the answers are there when it is to get its name.
    pub(super) fn ask_what_it_may(&self, channel: &Channel, handle: &[u8]) -> Option<Asked> {
        if !self.only_adds || self.pool.account_is_sure.load(Ordering::Acquire) {
            return None;
        }
        let name = &self.name[..];
        let none = [name, NO_FILE].concat();
        let renames = channel.server().posix_rename;
        let (from, to) = (name, name);
        let mut batch = channel.batch();
        let asked = Asked {
            link: batch.ask(&Request::HardLink { from, to }),
            rename: renames.then(|| batch.ask(&Request::PosixRename { from, to })),
            remove: batch.ask(&Request::Remove { path: &none }),
            attributes: batch.ask(&Request::Fsetstat {
                handle,
                attributes: Attributes::with_mode(self.options.file_mode),
            }),
        };
        batch.send();
        Some(asked)
    }

    /// The answers to that.
    pub(super) async fn judge_what_it_may(&self, asked: Option<Asked>) -> Result<(), Fail> {
        let Some(asked) = asked else {
            return Ok(());
        };
        add_only::judge_link(&self.object, &asked.link.wait().await?)?;
        let removes = matches!(
            asked.remove.wait().await?,
            Response::Ok
                | Response::Status(Status {
                    code: Status::NO_SUCH_FILE,
                    ..
                })
        );
        let renames = match asked.rename {
            Some(rename) => rename.wait().await? == Response::Ok,
            None => false,
        };
        let sets = asked.attributes.wait().await? == Response::Ok;
        let may: Vec<&str> = [(removes, "remove"), (renames, "rename"), (sets, "chmod")]
            .into_iter()
            .filter_map(|(is_so, what)| is_so.then_some(what))
            .collect();
        if !may.is_empty() {
            self.pool.may_remove.store(removes, Ordering::Release);
            return Err(add_only::not_protected(&self.object, &may).into());
        }
        self.pool.account_is_sure.store(true, Ordering::Release);
        Ok(())
    }
}
