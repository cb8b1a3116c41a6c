//! What happens in the shop, as it happens: server-sent events.

/// News, and who has read how far.
mod hub;
/// How many may listen.
mod seats;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, web::Bytes};
use futures_util::stream;
use service_kit::auth::{Authenticate, Caller};
use shared_types::Problem;
use tokio_util::sync::CancellationToken;

use crate::identity::{Door, Identity};
pub use hub::{Audience, Hub};
use hub::{Ear, Listener};
use seats::{Seat, Seats};

/// A stream without news shows that it lives this often; whatever stands in between drops none that does.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A client that lost its stream comes back after this long.
const RETRY_MS: u32 = 2_000;
/// Nobody is told anything whose credential was looked at longer ago than this.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Streams to whoever listens.
pub struct Live {
    pub hub: Arc<Hub>,
    seats: Arc<Seats>,
    /// Cancelled when the gateway is about to stop: streams would go on for ever.
    draining: CancellationToken,
}

/// Who listens, and how he proved it.
struct Visitor {
    caller: Caller,
    request: HttpRequest,
    door: Door,
    looked_at: Instant,
}

struct Stream {
    visitor: Visitor,
    listener: Listener,
    draining: CancellationToken,
    greeted: bool,
    _seat: Seat,
}

impl Live {
    pub fn new(draining: CancellationToken) -> Arc<Live> {
        Arc::new(Live { hub: Hub::new(), seats: Arc::default(), draining })
    }

    /// The stream for this caller, counted in the name of `whose`.
    pub fn stream(
        &self,
        request: &HttpRequest,
        identity: Arc<Identity>,
        (caller, whose): (Caller, String),
    ) -> Result<HttpResponse, Problem> {
        let last = request.headers().get("last-event-id").map(|id| id.to_str().unwrap_or_default());
        let (door, looked_at, ear) = (Door(identity), Instant::now(), Ear::of(&caller));
        let stream = Stream {
            visitor: Visitor { caller, request: request.clone(), door, looked_at },
            _seat: self.seats.take(whose)?,
            listener: self.hub.listen(ear, last),
            draining: self.draining.clone(),
            greeted: false,
        };
        let pieces = stream::unfold(stream, |mut stream| async move {
            let piece = stream.next().await?;
            Some((Ok::<Bytes, actix_web::Error>(Bytes::from(piece)), stream))
        });
        Ok(HttpResponse::Ok()
            .content_type("text/event-stream")
            .insert_header(("cache-control", "no-store"))
            // nginx would collect it otherwise.
            .insert_header(("x-accel-buffering", "no"))
            .streaming(Box::pin(pieces)))
    }
}

impl Stream {
    async fn next(&mut self) -> Option<String> {
        if !self.greeted {
            self.greeted = true;
            return Some(format!("retry: {RETRY_MS}\n\n"));
        }
        let piece = self.draining.run_until_cancelled(self.listener.next(HEARTBEAT)).await??;
        self.visitor.may_still().await.then_some(piece)
    }
}

impl Visitor {
    /// Whether he is who he was when the stream began: a sign-in that has ended, or a key that was revoked, hears nothing
    /// any more. Nobody in particular is always nobody.
    async fn may_still(&mut self) -> bool {
        if self.caller == Caller::anonymous() || self.looked_at.elapsed() < LOOK_EVERY {
            return true;
        }
        let now = self.door.authenticate(&self.request).await;
        self.looked_at = Instant::now();
        now.is_ok_and(|now| now == self.caller)
    }
}
