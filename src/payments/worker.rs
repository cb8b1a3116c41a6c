use service_kit::db::DbError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    clients::Shop,
    error::PaymentError,
    store::{Store, Wish},
};

/// How often the provider looks for itself what is due, at least.
const POLL_MS: u64 = 1_000;

/// Decides what banks take their time for, and sends webhooks until they are acknowledged, until the provider stops.
pub(super) async fn work(store: Store, shop: Option<Shop>, stopping: CancellationToken) {
    let working = async {
        loop {
            if let Err(error) = round(&store, shop.as_ref()).await {
                tracing::error!(%error, "what is due waits");
            }
            store.until_due(POLL_MS).await;
        }
    };
    tokio::select! {
        () = stopping.cancelled() => {}
        () = working => {}
    }
}

async fn round(store: &Store, shop: Option<&Shop>) -> Result<(), DbError> {
    for (id, command) in store.undecided().await? {
        match store.carry_out(id, Wish::Command(command)).await {
            Ok(done) => tracing::info!(payment_id = %id, status = done.view.status.name(), "the bank has decided"),
            Err(PaymentError::Db(error)) => return Err(error),
            // Canceled in the meantime: the bank has nothing to decide any more.
            Err(error) => tracing::info!(payment_id = %id, %error, "nothing to decide"),
        }
    }
    let Some(shop) = shop else { return Ok(()) };
    let mut sendings = JoinSet::new();
    for webhook in store.claim_webhooks().await? {
        let (store, shop) = (store.clone(), shop.clone());
        sendings.spawn(async move {
            if shop.tell(&webhook, store.now()).await
                && let Err(error) = store.acknowledged(webhook.event_id).await
            {
                tracing::warn!(%error, "an acknowledged webhook is sent again");
            }
        });
    }
    while sendings.join_next().await.is_some() {}
    Ok(())
}
