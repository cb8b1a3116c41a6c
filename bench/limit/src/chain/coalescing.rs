use actix_web::web::Bytes;
use hyper::Method;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{mpsc, oneshot};

use crate::{
    client::Client,
    wire::{Taken, Taking},
};

/// Takings in one call, at most.
const CALL_TAKINGS: usize = 256;

/// How the catalog is asked for copies.
#[derive(Clone)]
pub enum Takings {
    /// One call per taking.
    Each(Client),
    Together(Together<Taking, Taken>),
}

impl Takings {
    pub fn each(catalog: &str) -> Takings {
        Takings::Each(Client::new(catalog))
    }

    /// To be called on a runtime that outlives the server.
    pub fn together(catalog: &str) -> Takings {
        Takings::Together(Together::start(Client::new(catalog)))
    }

    /// `None` where the catalog gave no answer.
    pub async fn take(&self, taking: Taking) -> Option<Taken> {
        match self {
            Takings::Each(client) => {
                let body = Bytes::from(serde_json::to_vec(&taking).ok()?);
                let (_, answer) = client.call(Method::POST, "/taking", body).await;
                serde_json::from_slice(&answer).ok()
            }
            Takings::Together(together) => together.take(taking).await,
        }
    }
}

/// A taking of type `T`, and whoever waits for its answer.
type Waiting<T, A> = (T, oneshot::Sender<A>);

/// At most one call is under way; what arrives meanwhile goes with the next one. Nothing waits while none is.
pub struct Together<T, A>(mpsc::UnboundedSender<Waiting<T, A>>);

impl<T, A> Clone for Together<T, A> {
    fn clone(&self) -> Self {
        Together(self.0.clone())
    }
}

impl<T: Serialize + 'static, A: DeserializeOwned + 'static> Together<T, A> {
    /// To be called on a runtime that outlives the server.
    pub fn start(catalog: Client) -> Together<T, A> {
        let (queue, waiting) = mpsc::unbounded_channel();
        actix_web::rt::spawn(call_in_turn(catalog, waiting));
        Together(queue)
    }

    /// `None` where the catalog gave no answer.
    pub async fn take(&self, taking: T) -> Option<A> {
        let (tell, told) = oneshot::channel();
        self.0.send((taking, tell)).ok()?;
        told.await.ok()
    }
}

async fn call_in_turn<T: Serialize, A: DeserializeOwned>(
    client: Client,
    mut waiting: mpsc::UnboundedReceiver<Waiting<T, A>>,
) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, CALL_TAKINGS).await > 0 {
        let (takings, tellers): (Vec<T>, Vec<oneshot::Sender<A>>) = batch.drain(..).unzip();
        let body = Bytes::from(serde_json::to_vec(&takings).unwrap_or_default());
        let (_, answer) = client.call(Method::POST, "/takings", body).await;
        let answers: Vec<A> = serde_json::from_slice(&answer).unwrap_or_default();
        for (tell, taken) in tellers.into_iter().zip(answers) {
            // Whoever does not wait any more has been cut off by the end of the load.
            tell.send(taken).ok();
        }
    }
}
