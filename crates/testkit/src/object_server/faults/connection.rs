//! One connection of a client: its requests are passed on, one after the other, or get their faults.

use std::io::Result;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::asked::Asked;
use super::fault::Fault;
use super::message::{Ends, Head, pass_on, read_half, read_whole};
use super::plan::Ledger;
use super::server::{BUFFER, Server};

type Client = BufReader<TlsStream<TcpStream>>;

/// Whether the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Next,
    End,
}

pub(super) async fn serve(
    client: TlsStream<TcpStream>,
    to: SocketAddr,
    ledger: &Ledger,
) -> Result<()> {
    let mut client = BufReader::with_capacity(BUFFER, client);
    let mut server: Option<Server> = None;
    while let Some(head) = Head::read(&mut client).await? {
        let mut words = head.first.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let asked = Asked::new(
            &method,
            words.next().unwrap_or_default(),
            head.header("content-range"),
        );
        let fault = ledger.request(&asked);
        let body = head.request_body();
        if let Some(fault) = &fault
            && let Some(then) = before(&mut client, fault, &asked, body).await?
        {
            match then {
                Then::Next => continue,
                Then::End => return Ok(()),
            }
        }
        let mut connection = match server.take() {
            Some(connection) => connection,
            None => Server::connect(to).await?,
        };
        connection.requests.write_all(&head.bytes()).await?;
        let sent = pass_on(body, &mut client, &mut connection.requests).await?;
        connection.requests.flush().await?;
        let Some(answer) = Head::read(&mut connection.answers).await? else {
            return Ok(());
        };
        let ends = answer.answer_body(&method);
        let last = answer.is_last() || ends == Ends::WithConnection;
        let received = match fault {
            None => {
                client.write_all(&answer.bytes()).await?;
                let received = pass_on(ends, &mut connection.answers, &mut client).await?;
                client.flush().await?;
                received
            }
            Some(fault) => {
                let whole = read_whole(ends, &mut connection.answers).await?;
                let received = whole.len() as u64;
                if with_answer(&mut client, &fault, answer, whole, &method).await? == Then::End {
                    return Ok(());
                }
                received
            }
        };
        ledger.bytes(asked.what, sent, received);
        if last {
            break;
        }
        server = Some(connection);
    }
    client.shutdown().await
}

/// Faults of the request itself; `None`: it is passed on.
async fn before(
    client: &mut Client,
    fault: &Fault,
    asked: &Asked,
    body: Ends,
) -> Result<Option<Then>> {
    match fault {
        Fault::Refuse(refusal) => {
            read_whole(body, client).await?;
            let answer = refusal.bytes(asked.method == "HEAD");
            client.write_all(&answer).await?;
            client.flush().await?;
            Ok(Some(Then::Next))
        }
        Fault::ResetBefore => reset(client).map(Some),
        Fault::ResetWithin => {
            read_half(body, client).await?;
            reset(client).map(Some)
        }
        Fault::Stall => {
            stall(client).await;
            Ok(Some(Then::End))
        }
        _ => Ok(None),
    }
}

/// Faults of the answer.
async fn with_answer(
    client: &mut Client,
    fault: &Fault,
    head: Head,
    body: Vec<u8>,
    method: &str,
) -> Result<Then> {
    // The answer to HEAD has a length and no body.
    let head = if method == "HEAD" {
        head
    } else {
        head.of_length(body.len())
    };
    let half = body.len() / 2;
    match fault {
        Fault::LoseAnswer => return reset(client),
        Fault::ResetWithinAnswer | Fault::TruncateAnswer | Fault::StallWithinAnswer => {
            // Of an answer without a body a part of its head.
            let mut bytes = head.bytes();
            bytes.extend(&body);
            let kept = if body.is_empty() {
                bytes.len() / 2
            } else {
                bytes.len() - body.len() + half
            };
            client.write_all(&bytes[..kept]).await?;
            client.flush().await?;
            match fault {
                Fault::ResetWithinAnswer => return reset(client),
                Fault::StallWithinAnswer => stall(client).await,
                _ => client.shutdown().await?,
            }
            return Ok(Then::End);
        }
        Fault::ShortenAnswer => {
            client.write_all(&head.of_length(half).bytes()).await?;
            client.write_all(&body[..half]).await?;
        }
        Fault::DamageAnswer => {
            let mut body = body;
            if let Some(byte) = body.get_mut(half) {
                *byte ^= 1;
            }
            client.write_all(&head.bytes()).await?;
            client.write_all(&body).await?;
        }
        Fault::SlowAnswer(pieces, pause) => {
            client.write_all(&head.bytes()).await?;
            slowly(client, &body, *pieces, *pause).await?;
        }
        Fault::Refuse(_) | Fault::ResetBefore | Fault::ResetWithin | Fault::Stall => {
            unreachable!("these are faults of the request")
        }
    }
    client.flush().await?;
    Ok(Then::Next)
}

async fn slowly(client: &mut Client, body: &[u8], pieces: u32, pause: Duration) -> Result<()> {
    let size = body.len().div_ceil(pieces.max(1) as usize).max(1);
    for piece in body.chunks(size) {
        client.flush().await?;
        tokio::time::sleep(pause).await;
        client.write_all(piece).await?;
    }
    Ok(())
}

/// The connection ends with a reset when its stream is dropped.
fn reset(client: &Client) -> Result<Then> {
    let (stream, _) = client.get_ref().get_ref();
    rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?;
    Ok(Then::End)
}

/// Until the client gives up.
async fn stall(client: &mut Client) {
    let mut bytes = [0; 4096];
    while let Ok(1..) = client.read(&mut bytes).await {}
}
