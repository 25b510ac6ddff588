//! One transport: from a connection attempt to its end, reading and writing at once.

use std::collections::VecDeque;
use std::fmt;
use std::io::{ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_io::{AsyncRead, AsyncWrite};
use smallvec::SmallVec;
use wmi_proto::{TransportFailure, TransportId};

use crate::driver::BoxFuture;

/// How a link ended, in the words of `Input::Closed`.
pub(crate) type End = Option<TransportFailure>;

/// A transport between `Output::Open` and `Input::Closed`.
pub(crate) struct Link<S> {
    id: TransportId,
    socket: Socket<S>,
    unsent: VecDeque<Bytes>,
    closing: bool,
    /// Writing failed. What the host had sent before is still read, since it may say why.
    broken: End,
}

enum Socket<S> {
    Connecting(BoxFuture<Result<S, TransportFailure>>),
    Open(S),
}

/// What happened on a link.
pub(crate) enum Happened {
    Opened,
    Received(BytesMut),
    Ended(End),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    pub(crate) const fn new(id: TransportId, attempt: BoxFuture<Result<S, TransportFailure>>) -> Self {
        Self { id, socket: Socket::Connecting(attempt), unsent: VecDeque::new(), closing: false, broken: None }
    }

    pub(crate) const fn id(&self) -> TransportId {
        self.id
    }

    pub(crate) fn transmit(&mut self, data: Bytes) {
        if self.broken.is_none() {
            self.unsent.push_back(data);
        }
    }

    pub(crate) const fn close(&mut self) {
        self.closing = true;
    }

    /// Writes what the socket takes and reads at most once, into `buffer`.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Happened> {
        match &mut self.socket {
            Socket::Connecting(_) if self.closing && self.unsent.is_empty() => Poll::Ready(Happened::Ended(None)),
            Socket::Connecting(attempt) => match ready!(attempt.as_mut().poll(cx)) {
                Ok(stream) => {
                    self.socket = Socket::Open(stream);
                    Poll::Ready(Happened::Opened)
                }
                Err(failure) => Poll::Ready(Happened::Ended(Some(failure))),
            },
            Socket::Open(stream) => {
                if self.broken.is_none() {
                    match poll_write_all(stream, &mut self.unsent, self.closing, cx) {
                        Poll::Ready(Ok(())) if self.closing => {
                            discard(stream, cx, buffer);
                            return Poll::Ready(Happened::Ended(None));
                        }
                        Poll::Ready(Err(error)) => {
                            self.broken = Some(TransportFailure::from(&error));
                            self.unsent.clear();
                        }
                        Poll::Ready(Ok(())) | Poll::Pending => {}
                    }
                }
                match poll_read(stream, cx, buffer) {
                    Poll::Ready(Ok(0)) => Poll::Ready(Happened::Ended(self.broken)),
                    Poll::Ready(Ok(n)) => {
                        let data = buffer.get(..n).unwrap_or_default();
                        Poll::Ready(Happened::Received(BytesMut::from(data)))
                    }
                    Poll::Ready(Err(error)) => Poll::Ready(Happened::Ended(Some(TransportFailure::from(&error)))),
                    Poll::Pending if self.broken.is_some() => Poll::Ready(Happened::Ended(self.broken)),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }
}

impl<S> fmt::Debug for Link<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("id", &self.id).field("closing", &self.closing).finish_non_exhaustive()
    }
}

/// Ready when everything was taken, flushed and, with `close`, the stream had its say.
fn poll_write_all<S: AsyncWrite + Unpin>(
    stream: &mut S,
    unsent: &mut VecDeque<Bytes>,
    close: bool,
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<()>> {
    while !unsent.is_empty() {
        match ready!(poll_write_some(stream, unsent, cx)) {
            Ok(0) if unsent.iter().any(|data| !data.is_empty()) => {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            Ok(n) => taken(unsent, n),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
    ready!(Pin::new(&mut *stream).poll_flush(cx))?;
    if close { Pin::new(stream).poll_close(cx) } else { Poll::Ready(Ok(())) }
}

/// Gives the stream many messages at once.
fn poll_write_some<S: AsyncWrite + Unpin>(
    stream: &mut S,
    unsent: &VecDeque<Bytes>,
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<usize>> {
    let slices: SmallVec<[IoSlice<'_>; AT_ONCE]> = unsent.iter().take(AT_ONCE).map(|data| IoSlice::new(data)).collect();
    Pin::new(stream).poll_write_vectored(cx, &slices)
}

/// The stream took `n` octets of what is unsent.
fn taken(unsent: &mut VecDeque<Bytes>, mut n: usize) {
    while let Some(front) = unsent.front_mut() {
        let part = n.min(front.len());
        front.advance(part);
        n -= part;
        if !front.is_empty() {
            break;
        }
        unsent.pop_front();
    }
}

fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<std::io::Result<usize>> {
    loop {
        match ready!(Pin::new(&mut *stream).poll_read(cx, buffer)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return Poll::Ready(done),
        }
    }
}

/// Octets left unread would turn the close into a reset, which can destroy what was just written.
fn discard<S: AsyncRead + Unpin>(stream: &mut S, cx: &mut Context<'_>, buffer: &mut [u8]) {
    for _ in 0..16 {
        if !matches!(poll_read(stream, cx, buffer), Poll::Ready(Ok(1..))) {
            break;
        }
    }
}

/// Messages that a stream is given at once at most.
const AT_ONCE: usize = 32;

#[cfg(test)]
mod tests;
