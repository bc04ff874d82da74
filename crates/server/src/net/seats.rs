//! Who has a connection. A newcomer need not wait for those who only hold one: where an address, or the whole server, has as many as it may, one
//! that is not at work makes room, of that address or of the one that has most.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use edgelatch_core::ip::Ip;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use super::client::client;

/// The seats of a server.
#[derive(Debug)]
pub(crate) struct Seats {
    max: usize,
    of_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Those of each client, in the order in which they came.
    of: HashMap<Option<Ip>, Vec<Arc<Held>>>,
}

/// What is known of a connection.
#[derive(Debug, Default)]
struct Held {
    client: Option<Ip>,
    /// Whether a request was ever answered.
    spoke: AtomicBool,
    /// Whether a request is being answered.
    at_work: AtomicBool,
    /// Whether all of the answer is there, and may only have to be sent.
    answered: AtomicBool,
    /// Told once when the connection must make room.
    end: Notify,
}

/// Why a connection gets no seat at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// Its address has as many as one may, and all are at work.
    Address,
    /// The server has as many as it may, and all are at work.
    Server,
}

/// A connection's seat, which copies share: it is free again when it was left, or the last of them is gone.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    held: Arc<Held>,
    leaves: Arc<Leaves>,
}

#[derive(Debug)]
struct Leaves {
    seats: Arc<Seats>,
    held: Arc<Held>,
}

impl Drop for Leaves {
    fn drop(&mut self) {
        self.seats.leave(&self.held);
    }
}

impl Seats {
    pub(crate) fn new(max: u32, of_address: u32) -> Arc<Seats> {
        let [max, of_address] = [max, of_address].map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Arc::new(Seats { max, of_address, taken: Mutex::default() })
    }

    /// A seat for a connection from there. Where there is none, one that is not at work ends.
    pub(crate) fn take(self: &Arc<Self>, ip: Ip) -> Result<Seat, Full> {
        let client = client(Some(ip));
        let mut taken = self.taken();
        if taken.of.get(&client).is_some_and(|own| own.len() >= self.of_address) && !taken.end_one(client) {
            return Err(Full::Address);
        }
        if taken.all >= self.max {
            // Whoever has most makes room, if one of theirs can.
            let mut clients: Vec<_> = taken.of.iter().map(|(client, own)| (own.len(), *client)).collect();
            clients.sort_unstable_by(|one, other| other.cmp(one));
            if !clients.into_iter().any(|(_, client)| taken.end_one(client)) {
                return Err(Full::Server);
            }
        }
        let held = Arc::new(Held { client, ..Held::default() });
        taken.all += 1;
        taken.of.entry(client).or_default().push(Arc::clone(&held));
        let leaves = Arc::new(Leaves { seats: Arc::clone(self), held: Arc::clone(&held) });
        Ok(Seat { held, leaves })
    }

    fn leave(&self, held: &Arc<Held>) {
        self.taken().remove(held);
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Ends the oldest connection of a client that is not at work: of those that never made a request, if there are any.
    fn end_one(&mut self, client: Option<Ip>) -> bool {
        let own = self.of.get(&client).map_or(&[][..], Vec::as_slice);
        let mut idle = own.iter().filter(|held| !held.at_work.load(Ordering::Acquire));
        let oldest = idle.clone().next();
        let Some(held) = idle.find(|held| !held.spoke.load(Ordering::Acquire)).or(oldest).cloned() else { return false };
        held.end.notify_one();
        self.remove(&held);
        true
    }

    fn remove(&mut self, held: &Arc<Held>) {
        let Some(own) = self.of.get_mut(&held.client) else { return };
        let before = own.len();
        own.retain(|other| !Arc::ptr_eq(other, held));
        self.all = self.all.saturating_sub(before - own.len());
        // So that addresses which have no connection take no memory.
        if own.is_empty() {
            self.of.remove(&held.client);
        }
    }
}

impl Seat {
    /// Gives the seat to another connection. Whoever does so counts this one elsewhere, and ends it after its response.
    pub(crate) fn leave(&self) {
        self.leaves.seats.leave(&self.held);
    }

    /// Waits until the connection must make room.
    pub(crate) async fn ended(&self) {
        self.held.end.notified().await;
    }

    /// It is not at work, though its request has not been answered.
    pub(crate) fn rest(&self) {
        self.held.at_work.store(false, Ordering::Release);
    }

    /// It is at work again, after a rest.
    pub(crate) fn resume(&self) {
        self.held.at_work.store(true, Ordering::Release);
    }

    /// From now on it is at work, until what is returned is dropped and the answer was sent.
    pub(crate) fn work(&self) -> Work {
        self.held.answered.store(false, Ordering::Release);
        self.held.at_work.store(true, Ordering::Release);
        Work(Arc::clone(&self.held))
    }

    /// What was written has been sent.
    fn flushed(&self) {
        if self.held.answered.swap(false, Ordering::AcqRel) {
            self.held.spoke.store(true, Ordering::Release);
            self.rest();
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Work(Arc<Held>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.answered.store(true, Ordering::Release);
    }
}

/// A connection's bytes, which tell its seat when an answer was sent.
#[derive(Debug)]
pub(crate) struct Seated<S> {
    stream: S,
    seat: Seat,
}

impl<S> Seated<S> {
    pub(crate) fn new(stream: S, seat: Seat) -> Seated<S> {
        Seated { stream, seat }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Seated<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Seated<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.seat.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A response's body, with the work that ends when all of it is there.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Body,
    _work: Work,
}

impl Answer {
    pub(crate) fn new(body: Body, work: Work) -> Answer {
        Answer { body, _work: work }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Ip {
        Ip::parse(text.as_bytes()).unwrap()
    }

    /// Whether a connection was told to make room.
    fn ended(seat: &Seat) -> bool {
        let mut ended = std::pin::pin!(seat.ended());
        ended.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    #[test]
    fn an_address_makes_room_for_itself() {
        let seats = Seats::new(100, 3);
        let [working, spoke, silent] = [0; 3].map(|_| seats.take(ip("2001:db8::1")).unwrap());
        let work = working.work();
        // Its answer is there, and still to be sent.
        drop(working.work());
        drop(spoke.work());
        spoke.flushed();
        let other = seats.take(ip("192.0.2.1")).unwrap();
        // First who never spoke, then who did, then nobody: who is at work stays.
        let next = seats.take(ip("2001:db8::2")).unwrap();
        assert_eq!([&working, &spoke, &silent].map(ended), [false, false, true]);
        let last = next.work();
        let third = seats.take(ip("2001:db8::3")).unwrap();
        assert!(ended(&spoke));
        let _third = third.work();
        assert_eq!(seats.take(ip("2001:db8::4")).unwrap_err(), Full::Address);
        drop((work, last));
        working.flushed();
        seats.take(ip("2001:db8::4")).unwrap();
        assert!(ended(&working) && !ended(&other));
    }

    #[test]
    fn whoever_has_most_makes_room_for_others() {
        let seats = Seats::new(4, 3);
        let many: Vec<Seat> = (0..3).map(|_| seats.take(ip("192.0.2.1")).unwrap()).collect();
        let one = seats.take(ip("192.0.2.2")).unwrap();
        let next = seats.take(ip("192.0.2.3")).unwrap();
        assert_eq!((many.iter().map(ended).collect::<Vec<_>>(), ended(&one)), (vec![true, false, false], false));
        let work: Vec<Work> = many.iter().chain([&one, &next]).map(Seat::work).collect();
        assert_eq!(seats.take(ip("192.0.2.4")).unwrap_err(), Full::Server);
        drop(work);
        // What is left, by a connection that goes on elsewhere too, is free.
        one.leave();
        one.leave();
        seats.take(ip("192.0.2.4")).unwrap();
        assert!(!many.iter().skip(1).any(ended));
        drop((many, one, next));
        assert_eq!(seats.taken().all, 0);
        assert!(seats.taken().of.is_empty());
    }
}
