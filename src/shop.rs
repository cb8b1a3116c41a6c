use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use gateway_service::identity::fresh_operator_key;
use rand::Rng;
use reqwest::Method;
use service_kit::{
    Client, ClientOptions, Outcome,
    db::DatabaseUrl,
    http::{Running, StartError},
    process::{default_workers, stop_all},
};
use shared_types::Secret;

use crate::{
    databases::{Databases, gateway_in_folder, payments_in_folder},
    payments,
    ports::Port,
};

/// The services find one another within this time, or the start has failed.
const READY_DEADLINE_MS: u64 = 30_000;
const READY_POLL_MS: u64 = 20;

/// Where a shop keeps its data and where its services listen. Port 0 is any free one.
#[derive(Debug, Clone)]
pub struct Places {
    pub data_dir: PathBuf,
    /// With it the tools of whoever has the data directory do what they are for.
    pub operator_key: Secret,
    /// Whether the well-known demo accounts and the demo key are let in.
    pub demo: bool,
    /// Where the gateway listens. The others are nobody's business but the gateway's: they stay on the loopback.
    pub host: IpAddr,
    pub gateway_port: u16,
    pub catalog_port: u16,
    pub order_port: u16,
    pub delivery_port: u16,
    pub payments_port: u16,
}

impl Places {
    /// A shop on any free ports, for whoever has only the data.
    pub fn anywhere(data_dir: PathBuf) -> Places {
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let operator_key = fresh_operator_key();
        Places {
            data_dir,
            operator_key,
            demo: false,
            host,
            gateway_port: 0,
            catalog_port: 0,
            order_port: 0,
            delivery_port: 0,
            payments_port: 0,
        }
    }
}

/// Starts all four services and the sandbox payment provider, and waits until the gateway is ready. The gateway comes last.
///
/// A service that does not start takes the others with it: they are stopped before this returns.
pub async fn start(places: &Places) -> Result<Vec<Running>, StartError> {
    let mut running = Vec::new();
    let outcome = match start_each(places, &mut running).await {
        Ok(()) => until_ready(&running).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => Ok(running),
        Err(error) => {
            stop_all(running).await;
            Err(error)
        }
    }
}

/// In the order of who is asked: the catalog asks nobody, the gateway asks everybody.
async fn start_each(places: &Places, running: &mut Vec<Running>) -> Result<(), StartError> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let catalog = Port::reserve(loopback, places.catalog_port, "--catalog-port")?;
    let order = Port::reserve(loopback, places.order_port, "--order-port")?;
    let delivery = Port::reserve(loopback, places.delivery_port, "--delivery-port")?;
    let payments = Port::reserve(loopback, places.payments_port, "--payments-port")?;
    let gateway = Port::reserve(places.host, places.gateway_port, "--port")?;
    let databases = Databases::in_folder(&places.data_dir);
    let at = |port: &Port| ("--listen", port.address().to_string());
    let stored = |url: &DatabaseUrl| ("--database-url", url.expose());
    let url = |flag, port: &Port| (flag, port.url());
    let (catalog_url, order_url) = (url("--catalog-url", &catalog), url("--order-url", &order));
    let (delivery_url, gateway_url) = (url("--delivery-url", &delivery), url("--gateway-url", &gateway));

    let told = ("--tell-gateways", gateway.url());
    let workers = ("--workers", workers_behind().to_string());
    let flags = [
        workers.clone(),
        at(&catalog),
        stored(&databases.catalog),
        gateway_url.clone(),
        order_url.clone(),
        told.clone(),
    ];
    running.push(one(&catalog, &flags, catalog_service::start).await?);
    let flags = [workers.clone(), at(&delivery), stored(&databases.delivery), gateway_url.clone(), order_url.clone()];
    running.push(one(&delivery, &flags, delivery_service::start).await?);
    let secret = ("--sandbox-webhook-secret", fresh_secret());
    let bank = stored(&payments_in_folder(&places.data_dir));
    let flags = [workers.clone(), at(&payments), bank, order_url.clone(), secret.clone()];
    running.push(one(&payments, &flags, payments::start).await?);
    let (bank_url, urls) = (url("--payments-url", &payments), [catalog_url.clone(), delivery_url.clone()]);
    let own = [workers, at(&order), stored(&databases.order), gateway_url, told, bank_url, secret];
    let flags = [own.as_slice(), urls.as_slice()].concat();
    running.push(one(&order, &flags, order_service::start).await?);
    let people = stored(&gateway_in_folder(&places.data_dir));
    let demo = ("--demo", places.demo.to_string());
    let operator = ("--operator-key", places.operator_key.expose().to_owned());
    let flags = [at(&gateway), people, demo, operator, catalog_url, order_url, delivery_url];
    running.push(one(&gateway, &flags, gateway_service::start).await?);
    Ok(())
}

/// Threads of each service behind the gateway: they share the machine with it and with one another, and every thread has the
/// whole of its service's routes in memory.
fn workers_behind() -> usize {
    default_workers().div_ceil(2)
}

/// Known to the provider and to the order service, and to nobody else: both are started here, and webhooks are signed when
/// they are sent.
fn fresh_secret() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Starts one service by its own command line: what the launcher does not decide keeps the service's own default or
/// the environment's word.
async fn one<C, F>(port: &Port, flags: &[(&str, String)], start: fn(C) -> F) -> Result<Running, StartError>
where
    C: clap::Args,
    F: Future<Output = Result<Running, StartError>>,
{
    let refused = |error: clap::Error| StartError::Part(error.to_string());
    let command = C::augment_args(clap::Command::new("lastcopy up").no_binary_name(true));
    let given = flags.iter().map(|(flag, value)| format!("{flag}={value}"));
    let matches = command.try_get_matches_from(given).map_err(refused)?;
    let config = C::from_arg_matches(&matches).map_err(refused)?;
    start(config).await.map_err(|error| port.explain(error))
}

/// The gateway asks the others, so its word is the whole shop's.
async fn until_ready(running: &[Running]) -> Result<(), StartError> {
    let gateway = running.last().map(Running::url).unwrap_or_default();
    let client =
        Client::new(&gateway, ClientOptions::default()).map_err(|error| StartError::Part(error.to_string()))?;
    let mut last = String::new();
    let asking = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(READY_POLL_MS));
        loop {
            ticks.tick().await;
            match client.call::<(), serde_json::Value>(Method::GET, "/health/ready", None, &[200]).await {
                Outcome::Done(_) => return,
                Outcome::Refused(problem) => last = problem.to_string(),
                Outcome::Unknown(reason) => last = reason.to_string(),
            }
        }
    };
    let ready = tokio::time::timeout(Duration::from_millis(READY_DEADLINE_MS), asking).await;
    ready.map_err(|_| StartError::Part(format!("not ready within {READY_DEADLINE_MS} ms: {last}")))
}
