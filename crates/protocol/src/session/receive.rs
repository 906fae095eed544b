//! What comes from the other side, frame by frame. Every rule that it can break is here; breaking one ends the connection.

use super::entry::{Entry, Incoming, Piece};
use super::table::{Side, Table};
use crate::frame::{self, Header, Kind, Lane};
use crate::limits::cost;
use crate::raised::Raised;

/// What a frame means to the connection.
#[derive(Debug)]
pub(crate) enum Event {
    Nothing,
    /// Something came for this session.
    Session(u32),
    /// The client opened a session.
    Opened,
    /// The server takes the client in, with this answer.
    Welcome(Vec<u8>),
    /// Nothing follows.
    Bye,
    /// The other side ends the connection with an error.
    Failed(Raised),
}

impl Table {
    /// Whether a frame with this header may come now. Asked before its payload is read.
    pub(crate) fn expect(&self, header: &Header) -> Result<(), String> {
        let (kind, id) = (header.kind, header.session);
        match kind {
            Kind::Alive | Kind::Fail => return Ok(()),
            Kind::Hello => return Err("it greets twice".to_owned()),
            Kind::Welcome if self.side == Side::Client && !self.welcomed => return Ok(()),
            Kind::Welcome => return Err("it welcomes out of turn".to_owned()),
            _ if !self.welcomed => {
                return Err(format!("a {kind:?} frame comes before the welcome"));
            }
            _ => {}
        }
        match kind {
            Kind::Bye if self.peer_leaves => Err("it says goodbye twice".to_owned()),
            Kind::Bye if self.side == Side::Client && !self.sessions.is_empty() => {
                Err("the server says goodbye while sessions are open".to_owned())
            }
            Kind::Bye => Ok(()),
            Kind::Open => self.expect_open(id),
            // Both may cross the end of their session.
            Kind::Abort | Kind::Credit if id <= self.last => Ok(()),
            _ => match self.sessions.get(&id) {
                Some(entry) if matches!(entry.incoming, Incoming::Open) => {
                    self.expect_in(entry, header)
                }
                Some(_) => Err(format!("a {kind:?} frame follows the end of session {id}")),
                None => Err(format!("a {kind:?} frame is for the unknown session {id}")),
            },
        }
    }

    fn expect_open(&self, id: u32) -> Result<(), String> {
        if self.side == Side::Client {
            return Err("the server opens a session".to_owned());
        }
        if self.peer_leaves {
            return Err("it opens a session after its goodbye".to_owned());
        }
        if self.last.checked_add(1) != Some(id) {
            return Err(format!("it opens session {id} after session {}", self.last));
        }
        let most = self.own.sessions;
        if self.sessions.len() >= most as usize {
            return Err(format!("it has more than {most} sessions open"));
        }
        Ok(())
    }

    fn expect_in(&self, entry: &Entry, header: &Header) -> Result<(), String> {
        let (kind, id) = (header.kind, header.session);
        if entry.partial > 0 && matches!(kind, Kind::Data | Kind::End) {
            return Err(format!(
                "a {kind:?} frame breaks into a message of session {id}"
            ));
        }
        if !kind.is_held() {
            return Ok(());
        }
        let message = entry.partial + header.length as u64;
        if kind != Kind::Data && message > u64::from(self.own.message) {
            return Err(format!(
                "a message of session {id} has {message} bytes or more"
            ));
        }
        let (used, window) = if header.shared {
            (self.shared_used, self.own.shared)
        } else {
            (entry.own_used, self.own.window)
        };
        if used + cost(header.length) > u64::from(window) {
            return Err(format!(
                "session {id} overruns its window of {window} bytes"
            ));
        }
        Ok(())
    }

    /// Takes a frame that was [expected](Table::expect).
    pub(crate) fn accept(&mut self, header: Header, payload: Vec<u8>) -> Result<Event, String> {
        let id = header.session;
        match header.kind {
            Kind::Alive | Kind::Hello => return Ok(Event::Nothing),
            Kind::Welcome => {
                self.welcomed = true;
                return Ok(Event::Welcome(payload));
            }
            Kind::Bye => {
                self.peer_leaves = true;
                return Ok(Event::Bye);
            }
            Kind::Fail => {
                let raised = Raised::decode(&payload).unwrap_or_default();
                return Ok(Event::Failed(raised));
            }
            Kind::Open => {
                let lane = payload.first().copied().and_then(Lane::from_number);
                let lane = lane.ok_or_else(|| format!("session {id} is for an unknown lane"))?;
                self.last = id;
                self.sessions
                    .insert(id, Entry::new(self.peer.window.into()));
                self.opened.push_back((id, lane));
                return Ok(Event::Opened);
            }
            Kind::Credit => self.accept_credit(id, &payload)?,
            Kind::Part | Kind::Message | Kind::Data => self.hold(header, payload),
            Kind::End | Kind::Abort => {
                if let Some(entry) = self.sessions.get_mut(&id) {
                    // An abort that crosses this side's own end is the end all the same.
                    if header.kind == Kind::End {
                        entry.incoming = Incoming::Ended;
                    } else if !matches!(entry.incoming, Incoming::Aborted(_)) {
                        let raised = Raised::decode(&payload);
                        let raised = raised
                            .ok_or_else(|| format!("the error of session {id} is no error"))?;
                        entry.incoming = Incoming::Aborted(raised);
                    }
                    self.end_if_given_up(id);
                    self.remove_if_over(id);
                }
            }
        }
        if let Some(entry) = self.sessions.get(&id) {
            entry.signal.notify_all();
        }
        Ok(Event::Session(id))
    }

    fn hold(&mut self, header: Header, bytes: Vec<u8>) {
        let Some(entry) = self.sessions.get_mut(&header.session) else {
            return;
        };
        let piece = Piece {
            kind: header.kind,
            bytes,
            shared: header.shared,
        };
        let room = piece.cost();
        match header.kind {
            Kind::Part => entry.partial += header.length as u64,
            _ => entry.partial = 0,
        }
        if header.shared {
            self.shared_used += room;
        } else {
            entry.own_used += room;
        }
        if entry.attached {
            entry.inbox.push_back(piece);
        } else {
            // Nobody wants it any more, and the other side does not know yet.
            self.was_read(header.session, header.shared, room);
        }
    }

    fn accept_credit(&mut self, id: u32, payload: &[u8]) -> Result<(), String> {
        let (own, shared) = frame::read_credit(payload).ok_or("a credit has no numbers")?;
        if self.shared_left + shared > self.peer.shared.into() {
            return Err("it gives back more of the shared window than was used".to_owned());
        }
        if let Some(entry) = self.sessions.get_mut(&id) {
            if entry.credit + own > self.peer.window.into() || shared > entry.shared_used {
                return Err(format!("it gives back more than session {id} used"));
            }
            entry.credit += own;
            entry.shared_used -= shared;
        }
        self.shared_left += shared;
        if shared > 0 {
            // Whoever waits for the shared window may go on.
            self.wake_all();
        }
        Ok(())
    }
}
