//! echo: a server and its clients in one `tokio` runtime, connected over the loopback device. Clients send messages
//! in small bursts; the server takes each out of its buffer and passes it to the task that writes it back.
//!
//! The unit of `--ops` is one burst of every client.

use std::io;
use std::net::Ipv4Addr;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::start;
use super::text::{Digest, Rng};
use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, at_most};
use crate::rows::Size;
use crate::threads::MAX_THREADS;

/// Connections, and bursts on each.
const fn work(size: Size) -> (usize, usize) {
    match size {
        Size::Check => (20, 10),
        Size::Quick => (100, 60),
        Size::Calibrated => (100, 200),
        Size::Full => (100, 2_000),
    }
}

/// Messages that a client sends before it waits for their return.
const BURST: usize = 32;
/// Bytes in front of a message, which say how long it is.
const HEAD: usize = 4;
/// Messages that may wait to be written back.
const QUEUE: usize = 64;

/// The row.
#[derive(Debug)]
pub struct Echo;

impl Workload for Echo {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let threads = at_most(MAX_THREADS, params.threads)?;
        let (connections, bursts) = work(params.size);
        let bursts = params.ops.map_or(bursts, |bursts| bursts as usize);
        let failed =
            |error: io::Error| Failure::Check(format!("the loopback device does not work here: {error}"));
        start::<A>(meter);
        let runtime =
            Builder::new_multi_thread().worker_threads(threads).enable_io().build().map_err(failed)?;
        let digests = runtime.block_on(serve_and_ask(connections, bursts)).map_err(failed)?;
        // Its threads end here.
        drop(runtime);
        meter.stop::<A>();
        let mut digest = Digest::default();
        digests.iter().for_each(|&of_client| digest.number(of_client));
        let messages = connections * bursts * BURST;
        Ok(Outcome {
            operations: messages as u64,
            timed: false,
            figure: format!("{messages} messages there and back over {connections} connections"),
            checksum: Some(format!("{:016x}", digest.value())),
        })
    }
}

/// Runs server and clients until all of them are done; a digest of what each client received.
async fn serve_and_ask(connections: usize, bursts: usize) -> io::Result<Vec<u64>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    // Server and clients in one set: whoever fails first ends the wait for all others.
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        serve_all(listener, connections).await?;
        Ok::<_, io::Error>(None)
    });
    for number in 0..connections {
        tasks.spawn(async move {
            let stream = TcpStream::connect(address).await?;
            Ok(Some((number, ask(stream, number, bursts).await?)))
        });
    }
    let mut digests = vec![0; connections];
    while let Some(ended) = tasks.join_next().await {
        if let Some((number, digest)) = ended.map_err(panicked)?? {
            digests[number] = digest;
        }
    }
    Ok(digests)
}

/// The server, until so many connections have come and gone.
async fn serve_all(listener: TcpListener, connections: usize) -> io::Result<()> {
    let mut served = JoinSet::new();
    for _ in 0..connections {
        let (stream, _) = listener.accept().await?;
        served.spawn(serve(stream));
    }
    while let Some(connection) = served.join_next().await {
        connection.map_err(panicked)??;
    }
    Ok(())
}

fn panicked(error: JoinError) -> io::Error {
    io::Error::other(format!("a task has ended early: {error}"))
}

/// The server's side of one connection: one task that reads, and one that writes.
async fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (input, output) = stream.into_split();
    let (queue, queued) = mpsc::channel(QUEUE);
    let writer = tokio::spawn(write_back(output, queued));
    receive(input, queue).await?;
    writer.await.map_err(panicked)?
}

/// Takes messages out of the stream until it ends.
async fn receive(mut input: OwnedReadHalf, queue: mpsc::Sender<Bytes>) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(1 << 10);
    loop {
        while let Some(message) = next_message(&mut buffer) {
            if queue.send(message).await.is_err() {
                // The writer has failed and says why.
                return Ok(());
            }
        }
        if input.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// Answers with the same bytes in a block of its own.
async fn write_back(mut output: OwnedWriteHalf, mut queued: mpsc::Receiver<Bytes>) -> io::Result<()> {
    let mut burst = Vec::new();
    while queued.recv_many(&mut burst, BURST).await > 0 {
        let mut answer = Vec::new();
        for message in burst.drain(..) {
            put_message(&mut answer, &message);
        }
        output.write_all(&answer).await?;
    }
    output.shutdown().await
}

/// The client's side of one connection; a digest of all that came back.
async fn ask(mut stream: TcpStream, number: usize, bursts: usize) -> io::Result<u64> {
    stream.set_nodelay(true)?;
    let mut rng = Rng::new(number as u64);
    let mut digest = Digest::default();
    let mut received = BytesMut::new();
    for _ in 0..bursts {
        let sent: Vec<Vec<u8>> = (0..BURST).map(|_| message(&mut rng)).collect();
        let mut request = Vec::new();
        sent.iter().for_each(|message| put_message(&mut request, message));
        stream.write_all(&request).await?;
        for expected in &sent {
            let message = loop {
                match next_message(&mut received) {
                    Some(message) => break message,
                    None if stream.read_buf(&mut received).await? == 0 => {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    None => {}
                }
            };
            if message != expected {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a message came back changed"));
            }
            digest.bytes(&message);
        }
    }
    Ok(digest.value())
}

/// A message of 16 to 2000 bytes; short ones are frequent.
fn message(rng: &mut Rng) -> Vec<u8> {
    let length = 16 + rng.rank_below(1_985);
    let mut message = Vec::with_capacity(length);
    while message.len() < length {
        message.extend_from_slice(&rng.next_number().to_le_bytes());
    }
    message.truncate(length);
    message
}

fn put_message(buffer: &mut Vec<u8>, message: &[u8]) {
    buffer.put_u32(u32::try_from(message.len()).expect("messages are short"));
    buffer.put_slice(message);
}

/// Takes the next message out of a buffer, if it is complete.
fn next_message(buffer: &mut BytesMut) -> Option<Bytes> {
    let (head, rest) = buffer.split_first_chunk::<HEAD>()?;
    let length = u32::from_be_bytes(*head) as usize;
    if rest.len() < length {
        return None;
    }
    buffer.advance(HEAD);
    Some(buffer.split_to(length).freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::checksum;

    #[test]
    fn results_are_the_same_on_any_number_of_threads() {
        for threads in [1, 2, 7, 64] {
            assert_eq!(checksum::<Echo>(threads), "85a2ffe3b87a709e", "{threads} threads");
        }
    }

    #[test]
    fn messages_are_taken_out_whole() {
        let mut bytes = Vec::new();
        put_message(&mut bytes, b"first");
        put_message(&mut bytes, b"");
        put_message(&mut bytes, b"third");
        let mut buffer = BytesMut::new();
        let mut messages = Vec::new();
        for byte in bytes {
            buffer.put_u8(byte);
            messages.extend(next_message(&mut buffer));
        }
        assert_eq!(messages, [&b"first"[..], b"", b"third"]);
        assert!(buffer.is_empty());
    }
}
