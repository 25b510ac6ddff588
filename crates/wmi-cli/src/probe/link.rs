//! The connection with agentcore: two threads that read and write, beside the reactor of the hosts.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use wmi_mio::Waker;

/// Agentcore has so much time to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Agentcore has so much time to take something when it has not.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Octets that may wait to be taken.
const MAX_QUEUED: usize = 32 * 1024 * 1024;

/// Silence after which TCP finds out whether agentcore is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Octets that are put together for one call of the system.
const AT_ONCE: usize = 64 * 1024;

/// Pieces of what agentcore sent that may wait to be looked at.
const PIECES: usize = 64;

/// What happened to the connection.
#[derive(Debug)]
pub(crate) enum Happened {
    Connected,
    Received(Vec<u8>),
    /// There is none (any more), for this reason.
    Closed(String),
}

/// From the threads of a connection, with its number.
#[derive(Debug)]
enum Message {
    Connected(TcpStream),
    Received(Vec<u8>),
    Closed(String),
}

/// The connection with agentcore, or none.
#[derive(Debug)]
pub(crate) struct Link {
    host: String,
    port: u16,
    waker: Waker,
    messages: Receiver<(u64, Message)>,
    sender: SyncSender<(u64, Message)>,
    /// The number of the last connection: what others say is nobody's concern.
    number: u64,
    writer: Option<Writer>,
    /// That of a connection that was given up, until what was sent before is gone, or the next one begins.
    leaving: Option<Writer>,
}

/// What is left to be written. It ends with its owner, whatever it still has to write.
#[derive(Debug)]
struct Writer {
    stream: TcpStream,
    /// `None` when nothing more comes.
    queue: Option<Sender<Vec<u8>>>,
    queued: Arc<AtomicUsize>,
    /// Hears that the thread is over.
    over: Receiver<()>,
}

impl Link {
    pub(crate) fn new(host: &str, port: u16, waker: Waker) -> Self {
        let (sender, messages) = mpsc::sync_channel(PIECES);
        Self { host: host.to_owned(), port, waker, messages, sender, number: 0, writer: None, leaving: None }
    }

    /// Begins to connect.
    pub(crate) fn connect(&mut self) {
        self.number += 1;
        (self.writer, self.leaving) = (None, None);
        let (host, port) = (self.host.clone(), self.port);
        let voice = self.voice();
        let thread = thread::Builder::new().name("agentcore".to_owned()).spawn({
            let voice = voice.clone();
            move || match connect(&host, port).and_then(|stream| Ok((stream.try_clone()?, stream))) {
                Ok((stream, mut reader)) => {
                    if voice.say(Message::Connected(stream)) {
                        let why = read(&mut reader, &voice);
                        voice.say(Message::Closed(why));
                    }
                }
                Err(error) => drop(voice.say(Message::Closed(error.to_string()))),
            }
        });
        if let Err(error) = thread {
            // Said by another thread, there would be one; the channel has room, for there is no connection.
            voice.say(Message::Closed(format!("no thread for it: {error}")));
        }
    }

    /// The next thing that happened to the connection.
    pub(crate) fn happened(&mut self) -> Option<Happened> {
        loop {
            let message = match self.messages.try_recv() {
                Ok((number, message)) if number == self.number => message,
                Ok((_, Message::Connected(stream))) => {
                    // Too late: nobody waits for it any more. Its reader ends as well.
                    let _ = stream.shutdown(Shutdown::Both);
                    continue;
                }
                Ok(_) => continue,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return None,
            };
            return Some(match message {
                Message::Connected(stream) => match self.write_to(stream) {
                    Ok(()) => Happened::Connected,
                    Err(error) => self.closed(error.to_string()),
                },
                Message::Received(octets) => Happened::Received(octets),
                Message::Closed(why) => self.closed(why),
            });
        }
    }

    /// Sends `octets` behind what was sent before. Does not wait.
    ///
    /// # Errors
    /// Agentcore takes too little of what it is sent: the connection is given up.
    pub(crate) fn send(&mut self, octets: Vec<u8>) -> Result<(), &'static str> {
        let Some(writer) = &self.writer else { return Ok(()) };
        let queued = writer.queued.fetch_add(octets.len(), Ordering::Relaxed);
        if queued > MAX_QUEUED {
            self.number += 1;
            self.writer = None;
            return Err("agentcore does not take what it is sent");
        }
        // One that is over has said why.
        let _ = writer.queue.as_ref().map(|queue| queue.send(octets));
        Ok(())
    }

    /// Gives the connection up, behind what was sent before.
    pub(crate) fn disconnect(&mut self) {
        self.number += 1;
        self.leaving = self.writer.take().map(Writer::last_words);
    }

    /// Waits until everything was sent, for at most `patience`.
    pub(crate) fn finish(mut self, patience: Duration) {
        let writer = self.writer.take().map(Writer::last_words).or(self.leaving.take());
        if let Some(writer) = writer {
            let _ = writer.over.recv_timeout(patience);
        }
    }

    fn voice(&self) -> Voice {
        Voice { number: self.number, sender: self.sender.clone(), waker: self.waker.clone() }
    }

    fn closed(&mut self, why: String) -> Happened {
        self.number += 1;
        self.writer = None;
        Happened::Closed(why)
    }

    fn write_to(&mut self, stream: TcpStream) -> io::Result<()> {
        let (queue, octets) = mpsc::channel();
        let (end, over) = mpsc::channel();
        let (queued, own) = (Arc::new(AtomicUsize::new(0)), stream.try_clone()?);
        let (voice, counter) = (self.voice(), Arc::clone(&queued));
        thread::Builder::new().name("agentcore-writer".to_owned()).spawn(move || {
            if let Err(error) = write(&stream, &octets, &counter) {
                voice.say(Message::Closed(match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => "agentcore does not take what it is sent".to_owned(),
                    _ => error.to_string(),
                }));
            }
            // The reader ends, too. One that is closed needs not be.
            let _ = stream.shutdown(Shutdown::Both);
            drop(end);
        })?;
        self.writer = Some(Writer { stream: own, queue: Some(queue), queued, over });
        Ok(())
    }
}

impl Writer {
    /// The same, to which nothing is added, and which hears nothing more.
    fn last_words(mut self) -> Self {
        self.queue = None;
        let _ = self.stream.shutdown(Shutdown::Read);
        self
    }
}

impl Drop for Writer {
    /// A peer that takes an octet now and then must not keep the thread and all that it has to write.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// How a thread says what happened.
#[derive(Clone)]
struct Voice {
    number: u64,
    sender: SyncSender<(u64, Message)>,
    waker: Waker,
}

impl Voice {
    /// Says whether somebody hears it.
    fn say(&self, message: Message) -> bool {
        let mut pending = (self.number, message);
        loop {
            // Whoever is to make room must be awake for it.
            let sent = self.sender.try_send(pending);
            let woken = self.waker.wake().is_ok();
            match sent {
                Ok(()) => return woken,
                Err(mpsc::TrySendError::Full(back)) => pending = back,
                Err(mpsc::TrySendError::Disconnected(_)) => return false,
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let mut failure = io::Error::new(ErrorKind::NotFound, format!("{host} has no address"));
    for address in (host, port).to_socket_addrs()? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(STALL_TIMEOUT))?;
                SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE))?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Reads until the end; says why it is one.
fn read(stream: &mut TcpStream, voice: &Voice) -> String {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return "agentcore closed it".to_owned(),
            Ok(length) => {
                let octets = buffer.get(..length).unwrap_or_default().to_vec();
                if !voice.say(Message::Received(octets)) {
                    return "nobody listens".to_owned();
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.to_string(),
        }
    }
}

/// Writes what comes until nothing more can come; what waits meanwhile, at once.
fn write(mut stream: &TcpStream, queue: &Receiver<Vec<u8>>, queued: &AtomicUsize) -> io::Result<()> {
    for mut octets in queue {
        while octets.len() < AT_ONCE
            && let Ok(mut more) = queue.try_recv()
        {
            octets.append(&mut more);
        }
        stream.write_all(&octets)?;
        queued.fetch_sub(octets.len(), Ordering::Relaxed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use wmi_mio::Reactor;

    use super::*;

    /// The link, and the other end of its connection.
    fn connected() -> (Link, TcpListener, TcpStream, Reactor) {
        let reactor = Reactor::new().expect("a reactor");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut link = Link::new("127.0.0.1", port, reactor.waker());
        let stream = next(&mut link, &listener);
        (link, listener, stream, reactor)
    }

    fn next(link: &mut Link, listener: &TcpListener) -> TcpStream {
        link.connect();
        let (stream, _) = listener.accept().expect("a connection");
        while !matches!(link.happened(), Some(Happened::Connected)) {
            thread::sleep(Duration::from_millis(1));
        }
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time");
        stream
    }

    fn octets_until_the_end(mut stream: TcpStream) -> usize {
        let mut octets = Vec::new();
        match stream.read_to_end(&mut octets) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => panic!("no end comes"),
            _ => octets.len(),
        }
    }

    const MUCH: usize = 30 << 20;

    #[test]
    fn what_was_sent_before_goodbye_arrives() {
        let (mut link, _listener, stream, _reactor) = connected();
        link.send(vec![7; MUCH]).expect("room");
        link.disconnect();
        let reader = thread::spawn(|| octets_until_the_end(stream));
        link.finish(Duration::from_secs(20));
        assert_eq!(reader.join().expect("no panic"), MUCH);
    }

    #[test]
    fn a_peer_that_takes_nothing_keeps_one_connection_at_most() {
        let (mut link, listener, stream, _reactor) = connected();
        link.send(vec![7; MUCH]).expect("room");
        link.disconnect();
        let second = next(&mut link, &listener);
        assert!(octets_until_the_end(stream) < MUCH, "the first one ended with the second");
        link.send(vec![7; MUCH]).expect("room");
        link.send(vec![7; MUCH]).expect("still");
        link.send(vec![7; 1]).expect_err("too much");
        assert!(octets_until_the_end(second) < 2 * MUCH, "given up at once");
    }
}
