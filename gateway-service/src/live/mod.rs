//! What happens in the shop, as it happens: server-sent events.

/// News, and who has read how far.
mod hub;
/// How many may listen.
mod seats;

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web::Bytes};
use futures_util::stream;
use shared_types::Problem;
use tokio_util::sync::CancellationToken;

pub use hub::Hub;
use hub::Listener;
use seats::{Seat, Seats};

/// A stream without news shows that it lives this often; whatever stands in between drops none that does.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A client that lost its stream comes back after this long.
const RETRY_MS: u32 = 2_000;

/// Streams to whoever listens.
pub struct Live {
    pub hub: Arc<Hub>,
    seats: Arc<Seats>,
    /// Cancelled when the gateway is about to stop: streams would go on for ever.
    draining: CancellationToken,
}

struct Stream {
    listener: Listener,
    draining: CancellationToken,
    greeted: bool,
    _seat: Seat,
}

impl Live {
    pub fn new(draining: CancellationToken) -> Arc<Live> {
        Arc::new(Live { hub: Hub::new(), seats: Arc::default(), draining })
    }

    /// The stream for this request, in the name of `whose`.
    pub fn stream(&self, request: &HttpRequest, whose: String) -> Result<HttpResponse, Problem> {
        let last = request.headers().get("last-event-id").map(|id| id.to_str().unwrap_or_default());
        let stream = Stream {
            _seat: self.seats.take(whose)?,
            listener: self.hub.listen(last),
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
        self.draining.run_until_cancelled(self.listener.next(HEARTBEAT)).await?
    }
}
