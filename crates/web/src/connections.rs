//! Connections: how many there may be, and how long each may let the service wait.
//!
//! `axum::serve` has no bounds on either, so the loop that accepts lies here, on hyper's own
//! connections and timers. What keeps nobody waiting is kept: where all places are taken, a new
//! connection gets that of the one that has waited longest for a request, so that whoever opens
//! connections and says nothing shuts nobody out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_io_timeout::TimeoutStream;

use crate::limits::Limits;
use crate::problem::Problem;

/// The largest head of a request, in bytes, and what is buffered of one connection.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Connections that are told at the same time that there is no room; more are just closed.
const TURNED_AWAY_MAX: usize = 64;

/// How long one of them may take to hear it.
const TURNED_AWAY_FOR: Duration = Duration::from_secs(1);

/// Connections that have given their place away and are not closed yet; with more nobody new is
/// let in until some are: each is an open file.
const LEAVING_MAX: usize = 32;

/// How long the head of a request may still take once the end was asked for.
const LAST_HEAD_FOR: Duration = Duration::from_secs(1);

/// How long to wait after the system has refused a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How often that is told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Serves until `stop` resolves, and then what is under way.
pub(crate) async fn run(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    stop: impl Future<Output = ()>,
) {
    let crowd = Crowd::new(limits.connections_max.get());
    let (closing, closed) = watch::channel(false);
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
    let no_room: Arc<[u8]> = no_room().into();
    let mut stop = pin!(stop);
    let mut told_at: Option<Instant> = None;
    loop {
        let next = async {
            crowd.settled().await;
            listener.accept().await
        };
        let accepted = tokio::select! {
            accepted = next => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_the_callers(error.kind()) => continue,
            Err(error) => {
                if told_at.is_none_or(|told| told.elapsed() > TOLD_EVERY) {
                    told_at = Some(Instant::now());
                    tracing::error!(%error, "the system refuses connections");
                }
                crowd.make_room();
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if let Some(place) = Crowd::enter(&crowd) {
            let (router, limits, closed) = (router.clone(), limits.clone(), closed.clone());
            tokio::spawn(converse(stream, peer, router, place, limits, closed));
        } else if let Ok(permit) = Arc::clone(&turned_away).try_acquire_owned() {
            tokio::spawn(turn_away(stream, Arc::clone(&no_room), permit));
        }
    }
    drop((listener, closed));
    closing.send_replace(true);
    closing.closed().await;
}

/// Whether a connection failed before it was accepted; the next one may be well.
fn is_the_callers(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

/// Answers the requests of one connection.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    place: Place,
    limits: Limits,
    mut closed: watch::Receiver<bool>,
) {
    let place = Arc::new(place);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.answer_pause_max));
    let service = TowerToHyperService::new(router);
    let of_place = Arc::clone(&place);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let answering = Answering::begin(&of_place);
        let answer = service.call(request);
        async move {
            let answer: Response<Body> = answer.await?;
            Ok::<_, Infallible>(answer.map(|body| Answer { body, _answering: answering }))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_max)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = pin!(connection);
    let mut is_told = false;
    loop {
        tokio::select! {
            // How it ended is the caller's affair.
            _ = &mut connection => return,
            () = place.given_away() => return,
            _ = closed.wait_for(|closed| *closed), if !is_told => {
                is_told = true;
                connection.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep(LAST_HEAD_FOR), if is_told && place.is_waiting() => {
                if place.is_waiting() {
                    return;
                }
            }
        }
    }
}

/// An answer, during which its connection is not waiting.
struct Answer {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What is written to a connection that finds no room.
fn no_room() -> Vec<u8> {
    let body = Problem::no_room().text();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
         Content-Type: application/problem+json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}

/// Says that there is no room, and waits until it was heard: a connection closed with a request
/// unread loses what was written to it.
async fn turn_away(mut stream: TcpStream, no_room: Arc<[u8]>, _permit: OwnedSemaphorePermit) {
    let told = async {
        stream.write_all(&no_room).await?;
        stream.shutdown().await?;
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    // Whoever has gone needs no answer.
    drop(tokio::time::timeout(TURNED_AWAY_FOR, told).await);
}

/// Every connection that is open.
struct Crowd {
    max: usize,
    taken: Mutex<Taken>,
    /// Told when a connection that gave its place away is closed.
    left: Notify,
}

#[derive(Default)]
struct Taken {
    /// The last number given out, to connections and to turns of waiting.
    last: u64,
    places: BTreeMap<u64, Seat>,
    /// Those that wait for a request, the longest first.
    waiting: BTreeMap<u64, u64>,
    /// Connections that have given their place away and are not closed yet.
    leaving: usize,
}

struct Seat {
    /// Its place among those that wait; `None`: it is being answered.
    turn: Option<u64>,
    gives_way: Arc<Notify>,
}

impl Taken {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Closes the connection that has waited longest; `false`: none waits.
    fn make_room(&mut self) -> bool {
        let Some((_, place)) = self.waiting.pop_first() else { return false };
        if let Some(seat) = self.places.remove(&place) {
            seat.gives_way.notify_one();
            self.leaving += 1;
        }
        true
    }
}

impl Crowd {
    fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, taken: Mutex::default(), left: Notify::new() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_room(&self) {
        self.taken().make_room();
    }

    /// Resolves when few connections are being closed.
    async fn settled(&self) {
        while self.taken().leaving >= LEAVING_MAX {
            self.left.notified().await;
        }
    }

    /// A place for a connection, which waits for its first request; `None`: there is none.
    fn enter(crowd: &Arc<Self>) -> Option<Place> {
        let mut taken = crowd.taken();
        if taken.places.len() >= crowd.max && !taken.make_room() {
            return None;
        }
        let (number, turn) = (taken.number(), taken.number());
        let gives_way = Arc::new(Notify::new());
        let seat = Seat { turn: Some(turn), gives_way: Arc::clone(&gives_way) };
        taken.places.insert(number, seat);
        taken.waiting.insert(turn, number);
        drop(taken);
        Some(Place { crowd: Arc::clone(crowd), number, gives_way })
    }
}

/// The place of a connection, until it is dropped or given to another.
struct Place {
    crowd: Arc<Crowd>,
    number: u64,
    gives_way: Arc<Notify>,
}

impl Place {
    /// Resolves when another connection has got this place.
    async fn given_away(&self) {
        self.gives_way.notified().await;
    }

    /// Whether no request of it is under way.
    fn is_waiting(&self) -> bool {
        self.crowd.taken().places.get(&self.number).is_none_or(|seat| seat.turn.is_some())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.crowd.taken();
        match taken.places.remove(&self.number) {
            Some(Seat { turn: Some(turn), .. }) => drop(taken.waiting.remove(&turn)),
            Some(Seat { turn: None, .. }) => {}
            None => {
                taken.leaving -= 1;
                self.crowd.left.notify_one();
            }
        }
    }
}

/// A request under way; its connection waits again once this is dropped.
struct Answering(Arc<Place>);

impl Answering {
    fn begin(place: &Arc<Place>) -> Self {
        let mut taken = place.crowd.taken();
        let turn = taken.places.get_mut(&place.number).and_then(|seat| seat.turn.take());
        if let Some(turn) = turn {
            taken.waiting.remove(&turn);
        }
        drop(taken);
        Self(Arc::clone(place))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut taken = self.0.crowd.taken();
        let turn = taken.number();
        if let Some(seat) = taken.places.get_mut(&self.0.number) {
            seat.turn = Some(turn);
            taken.waiting.insert(turn, self.0.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(crowd: &Arc<Crowd>) -> Option<Arc<Place>> {
        Crowd::enter(crowd).map(Arc::new)
    }

    fn is_in(place: &Place) -> bool {
        place.crowd.taken().places.contains_key(&place.number)
    }

    #[test]
    fn whoever_has_waited_longest_gives_way_and_nobody_who_is_being_answered() {
        let crowd = Crowd::new(2);
        let first = enter(&crowd).unwrap();
        let second = enter(&crowd).unwrap();
        let answering = Answering::begin(&first);
        let third = enter(&crowd).unwrap();
        assert_eq!([&first, &second, &third].map(|place| is_in(place)), [true, false, true]);
        let other = Answering::begin(&third);
        assert!(enter(&crowd).is_none(), "both are being answered");
        // Whoever was answered last has waited least.
        drop(other);
        drop(answering);
        let fourth = enter(&crowd).unwrap();
        assert_eq!([&first, &third, &fourth].map(|place| is_in(place)), [true, false, true]);
        // One that gave its place away leaves nothing behind when it ends.
        assert_eq!(crowd.taken().leaving, 2);
        drop((second, third));
        drop(Answering::begin(&first));
        assert_eq!(crowd.taken().places.len(), 2);
        drop((first, fourth));
        let taken = crowd.taken();
        assert_eq!((taken.places.len(), taken.waiting.len(), taken.leaving), (0, 0, 0));
    }
}
