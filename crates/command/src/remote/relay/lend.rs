//! In the process that keeps a connection: commands come to a socket, and each gets a session of the connection.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pgkeep_protocol::{Client, Lane};
use pgkeep_storage::sftp::persist::{Lifetime, is_same_user, listen};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::{Error, ErrorCode, Result};
use crate::remote::dial::{Carrier, Dial, Dialed};
use crate::remote::own_side;
use crate::remote::wire::greeting::{Answer, Greeting, RELAY, Side};
use crate::run::cancel::Cancel;

/// How often it is checked whether the time is over.
const POLL: Duration = Duration::from_millis(100);

/// Makes a connection and lends it at `socket` until its time is over, it ends, or the run is to stop. Whoever calls it has a
/// lock, so a socket that is there already is nobody's.
///
/// # Errors
/// The other host cannot be reached or does not know of this; a socket that cannot be made.
pub fn lend(dial: &dyn Dial, socket: &Path, lifetime: Lifetime, cancel: &Cancel) -> Result<()> {
    let Dialed { streams, carrier } = dial.dial()?;
    let carrier: Arc<dyn Carrier> = carrier.into();
    let kills = Arc::clone(&carrier);
    let _stop = cancel.on_cancel(move || kills.kill());
    let greeting = Greeting::new(Side::Repo, RELAY);
    let connected = Client::connect::<_, Answer>(streams, &own_side::settings(), &greeting);
    let lent = match connected {
        Ok((client, Answer::Pong)) => until_over(client, socket, lifetime, cancel),
        Ok(_) => Err(Error::new(
            ErrorCode::Protocol,
            "the other host answers something else",
        )),
        Err(error) => Err(Error::new(ErrorCode::Protocol, error.to_string())),
    };
    carrier.end();
    lent
}

fn until_over(client: Client, socket: &Path, lifetime: Lifetime, cancel: &Cancel) -> Result<()> {
    let client = Arc::new(client);
    let (listener, name) = listen(socket)?;
    listener
        .set_nonblocking(true)
        .map_err(|error| Error::new(ErrorCode::Kernel, format!("the socket: {error}")))?;
    let lent = Arc::new(AtomicUsize::new(0));
    let (began, mut used) = (Instant::now(), Instant::now());
    let stopped = || cancel.signal().is_some();
    loop {
        wait_for_one(&listener);
        while let Ok((stream, _)) = listener.accept() {
            if is_same_user(&stream).unwrap_or(false) {
                serve(&client, stream, &lent);
            }
        }
        if lent.load(Ordering::SeqCst) > 0 {
            used = Instant::now();
        }
        let over = used.elapsed() >= lifetime.idle || began.elapsed() >= lifetime.longest;
        // Without its name nobody can come.
        if over || stopped() || client.ended().is_some() || !socket.exists() {
            break;
        }
    }
    // Nobody finds the way here any more; who has come is served. Who came a moment too late sees the socket closed.
    drop(name);
    drop(listener);
    while lent.load(Ordering::SeqCst) > 0 && !stopped() && client.ended().is_none() {
        std::thread::sleep(POLL);
    }
    if let Ok(client) = Arc::try_unwrap(client)
        && client.ended().is_none()
        && !stopped()
    {
        // How it ends makes no difference to whoever leaves.
        let _ = client.finish();
    }
    Ok(())
}

fn wait_for_one(listener: &UnixListener) {
    let time = Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(POLL.subsec_nanos()),
    };
    // An error is seen by whoever accepts.
    let _ = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&time));
}

/// Gives the command a session. Without one its socket closes, and it helps itself.
fn serve(client: &Arc<Client>, stream: UnixStream, lent: &Arc<AtomicUsize>) {
    let (client, counted) = (Arc::clone(client), Counted(Arc::clone(lent)));
    lent.fetch_add(1, Ordering::SeqCst);
    let serves = move || {
        let _counted = counted;
        let Ok(from) = stream.try_clone() else {
            return;
        };
        match client.open(Lane::Own) {
            Ok(session) => session.carry(from, Whole(stream)),
            Err(error) => log::debug!("no session to lend: {error}"),
        }
    };
    if let Err(error) = std::thread::Builder::new().spawn(serves) {
        log::debug!("no thread to lend: {error}");
    }
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A socket that ends both ways when the other host has ended: its command waits for nothing more.
struct Whole(UnixStream);

impl Write for Whole {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.write(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
