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
}

#[derive(Debug)]
struct Writer {
    queue: Sender<Vec<u8>>,
    queued: Arc<AtomicUsize>,
    /// Hears that the thread is over.
    over: Receiver<()>,
}

impl Link {
    pub(crate) fn new(host: &str, port: u16, waker: Waker) -> Self {
        let (sender, messages) = mpsc::sync_channel(PIECES);
        Self { host: host.to_owned(), port, waker, messages, sender, number: 0, writer: None }
    }

    /// Begins to connect.
    pub(crate) fn connect(&mut self) {
        self.number += 1;
        self.writer = None;
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

    /// What happened to the connection since the last call.
    pub(crate) fn happened(&mut self) -> Vec<Happened> {
        let mut happened = Vec::new();
        loop {
            let message = match self.messages.try_recv() {
                Ok((number, message)) if number == self.number => message,
                Ok(_) => continue,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return happened,
            };
            happened.push(match message {
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
        let _ = writer.queue.send(octets);
        Ok(())
    }

    /// Gives the connection up, behind what was sent before.
    pub(crate) fn disconnect(&mut self) {
        self.number += 1;
        self.writer = None;
    }

    /// Waits until everything was sent, for at most `patience`.
    pub(crate) fn finish(mut self, patience: Duration) {
        if let Some(Writer { queue, over, .. }) = self.writer.take() {
            drop(queue);
            let _ = over.recv_timeout(patience);
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
        let queued = Arc::new(AtomicUsize::new(0));
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
        self.writer = Some(Writer { queue, queued, over });
        Ok(())
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

/// Writes what comes until nothing more can come.
fn write(mut stream: &TcpStream, octets: &Receiver<Vec<u8>>, queued: &AtomicUsize) -> io::Result<()> {
    for octets in octets {
        stream.write_all(&octets)?;
        queued.fetch_sub(octets.len(), Ordering::Relaxed);
    }
    Ok(())
}
