//! Purchases on their way from the gateway to the order service. With `--shared` those that come while others are under way go
//! together; what is paid by card goes alone, since it waits for a bank.

use std::{borrow::Cow, rc::Rc};

use actix_web::{HttpResponse, body::MessageBody, rt, web::Bytes};
use futures_util::future::join_all;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::wire::Checkout;
use crate::client::Client;

/// Where the order service takes several.
pub const PATH: &str = "/checkouts";
/// Purchases in one request, at most.
const AT_ONCE: usize = 64;
/// Requests of one thread of the gateway that are under way at a time.
const UNDER_WAY: usize = 2;

/// A purchase that somebody asks for, with what proves who he is.
pub struct Asked {
    pub authorization: String,
    pub request_id: String,
    pub key: Option<String>,
    pub body: Bytes,
}

/// What became of it.
pub struct Told {
    pub status: u16,
    pub etag: Option<String>,
    pub location: Option<String>,
    pub body: Bytes,
}

/// One purchase in a request for several.
#[derive(Serialize, Deserialize)]
pub struct One<'a, C> {
    authorization: Cow<'a, str>,
    request_id: Cow<'a, str>,
    key: Option<Cow<'a, str>>,
    checkout: C,
}

#[derive(Serialize, Deserialize)]
struct Answer<B> {
    status: u16,
    etag: Option<String>,
    location: Option<String>,
    body: B,
}

type Waiting = (Asked, oneshot::Sender<Told>);

/// How a thread of the gateway asks the order service.
pub struct Orders {
    alone: Client,
    together: Option<mpsc::UnboundedSender<Waiting>>,
}

impl Orders {
    /// To be called on the thread that asks.
    pub fn new(client: Client, shared: bool) -> Orders {
        let together = shared.then(|| {
            let (queue, waiting) = mpsc::unbounded_channel();
            rt::spawn(send_in_turn(client.clone(), waiting));
            queue
        });
        Orders { alone: client, together }
    }

    pub async fn ask(&self, path: &str, asked: Asked) -> Told {
        match &self.together {
            Some(queue) if !pays_by_card(&asked.body) => {
                let (tell, told) = oneshot::channel();
                drop(queue.send((asked, tell)));
                told.await.unwrap_or_else(|_| Told::broken())
            }
            Some(_) | None => self.ask_alone(path, asked).await,
        }
    }

    async fn ask_alone(&self, path: &str, asked: Asked) -> Told {
        let key = asked.key.as_deref().map(|key| ("idempotency-key", key));
        let headers: Vec<(&str, &str)> = [("x-request-id", asked.request_id.as_str())].into_iter().chain(key).collect();
        let (head, body) = self.alone.send(Method::POST, path, &headers, asked.body).await.into_parts();
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Told { status: head.status.as_u16(), etag: header("etag"), location: header("location"), body }
    }
}

impl Told {
    /// Under load of ours nothing breaks off.
    fn broken() -> Told {
        Told { status: StatusCode::BAD_GATEWAY.as_u16(), etag: None, location: None, body: Bytes::new() }
    }
}

fn pays_by_card(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Paid {
        card: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice(body).is_ok_and(|paid: Paid| paid.card.is_some())
}

async fn send_in_turn(client: Client, mut waiting: mpsc::UnboundedReceiver<Waiting>) {
    let (client, seats) = (Rc::new(client), Rc::new(Semaphore::new(UNDER_WAY)));
    loop {
        // Given back when the request is answered.
        seats.acquire().await.expect("BUG: nobody closes it").forget();
        let mut batch = Vec::new();
        if waiting.recv_many(&mut batch, AT_ONCE).await == 0 {
            return;
        }
        let (client, seats) = (Rc::clone(&client), Rc::clone(&seats));
        rt::spawn(async move {
            let answer = send(&client, &batch).await;
            seats.add_permits(1);
            let answers: Vec<Answer<&RawValue>> = serde_json::from_slice(&answer).unwrap_or_default();
            for ((_, tell), Answer { status, etag, location, body }) in batch.into_iter().zip(answers) {
                // Whoever does not wait any more has been cut off by the end of the load.
                tell.send(Told { status, etag, location, body: answer.slice_ref(body.get().as_bytes()) }).ok();
            }
        });
    }
}

async fn send(client: &Client, batch: &[Waiting]) -> Bytes {
    let one = |(asked, _): &Waiting| {
        serde_json::from_slice(&asked.body).ok().map(|checkout: &RawValue| {
            to_raw_value(&One {
                authorization: Cow::Borrowed(&asked.authorization),
                request_id: Cow::Borrowed(&asked.request_id),
                key: asked.key.as_deref().map(Cow::Borrowed),
                checkout,
            })
        })
    };
    let ones: Vec<Box<RawValue>> = batch.iter().filter_map(|waiting| one(waiting)?.ok()).collect();
    let request_id = batch.first().map_or("", |(asked, _)| asked.request_id.as_str());
    let body = Bytes::from(serde_json::to_vec(&ones).unwrap_or_default());
    client.send(Method::POST, PATH, &[("x-request-id", request_id)], body).await.into_body()
}

/// Answers several purchases, each as it would be answered alone, when all of them are.
pub async fn answer_all<F>(ones: Vec<One<'static, Checkout>>, buy: impl Fn(Asked, Checkout) -> F) -> HttpResponse
where
    F: Future<Output = HttpResponse>,
{
    let each = ones.into_iter().map(|one| {
        let One { authorization, request_id, key, checkout } = one;
        let (authorization, request_id) = (authorization.into_owned(), request_id.into_owned());
        buy(Asked { authorization, request_id, key: key.map(Cow::into_owned), body: Bytes::new() }, checkout)
    });
    let answers: Vec<Answer<Box<RawValue>>> = join_all(each).await.into_iter().map(packed).collect();
    HttpResponse::Ok().json(answers)
}

fn packed(answer: HttpResponse) -> Answer<Box<RawValue>> {
    let (answer, body) = answer.into_parts();
    let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = body.try_into_bytes().ok().and_then(|body| String::from_utf8(body.into()).ok());
    let body = body.and_then(|body| RawValue::from_string(body).ok()).unwrap_or_else(|| RawValue::NULL.to_owned());
    Answer { status: answer.status().as_u16(), etag: header("etag"), location: header("location"), body }
}
