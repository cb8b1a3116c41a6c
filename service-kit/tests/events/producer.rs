//! The service that tells: every change of a counter is an event.

use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::value::to_raw_value;
use service_kit::db::{Db, DbError, DbOptions, Engine, Migration, Tx};
use service_kit::outbox::{self, Backlog};
use service_kit::params;
use service_kit::relay::{Relay, RelayOptions};
use service_kit::testing::{TestDatabase, eventually};
use service_kit::{Client, ClientOptions, Clock};
use shared_types::Timestamp;
use shared_types::events::CloudEvent;

const MIGRATIONS: &[Migration] =
    &[Migration::both("V1__counter", "create table counter (subject text primary key, number bigint not null);")];

/// The name under which the consumer is subscribed.
pub const CONSUMER: &str = "consumer";

pub struct Producer {
    pub database: TestDatabase,
    pub db: Db,
}

impl Producer {
    /// With the consumer subscribed and no relay running.
    pub async fn start(name: &str) -> Self {
        let database = TestDatabase::create(name).await;
        let db = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
        db.write(|tx| outbox::subscribe(tx, CONSUMER)).await.unwrap();
        Self { database, db }
    }

    /// Ends without order and starts again on the same data.
    pub async fn restart(self) -> Self {
        let Self { database, db } = self;
        drop(db);
        let open = async || Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.ok();
        let db = service_kit::testing::eventually_some("the database is given back", open).await;
        Self { database, db }
    }

    /// Another replica of the same service. On SQLite there is one process, so it shares the handle.
    pub async fn replica(&self) -> Db {
        match self.db.engine() {
            Engine::Sqlite => self.db.clone(),
            Engine::Postgres => Db::open(self.database.url(), DbOptions::default(), MIGRATIONS).await.unwrap(),
        }
    }

    /// Counts the subject up and tells it, in one transaction; answers the number.
    pub async fn tell(&self, subject: &str) -> i64 {
        let subject = subject.to_owned();
        self.db.write(move |tx| tell(tx, &subject)).await.unwrap()
    }

    pub async fn tell_times(&self, subject: &str, times: i64) {
        for _ in 0..times {
            self.tell(subject).await;
        }
    }

    pub async fn relay_to(&self, address: &str) -> Relay {
        relay(&self.db, address, quick()).await
    }

    pub async fn backlog(&self) -> Backlog {
        let all = self.db.read(outbox::backlog).await.unwrap();
        all.into_iter().find(|backlog| backlog.subscriber == CONSUMER).unwrap()
    }

    /// Waits until everything is acknowledged, and the outbox holds nothing of it any more.
    pub async fn drained(&self) {
        eventually("everything is acknowledged", async || self.backlog().await.waiting == 0).await;
        let rows = |tx: &mut Tx<'_>| {
            tx.query_one(
                "select (select count(*) from outbox_event) + (select count(*) from outbox_delivery) as n",
                &[],
            )?
            .get::<i64>("n")
        };
        eventually("the outbox is empty", async || self.db.read::<_, DbError, _>(rows).await.unwrap() == 0).await;
    }

    /// Waits until nothing moves but what is parked.
    pub async fn parked(&self, events: i64) {
        eventually("the poisoned events are parked", async || self.backlog().await.parked == events).await;
    }
}

pub async fn relay(db: &Db, address: &str, options: RelayOptions) -> Relay {
    relay_by(Clock::system(), db, address, options).await
}

pub async fn relay_by(clock: Clock, db: &Db, address: &str, options: RelayOptions) -> Relay {
    let client = Client::new(address, ClientOptions::default()).unwrap();
    Relay::start(db.clone(), CONSUMER, client, clock, options).await.unwrap()
}

/// The ordinary pace, with pauses that a test can wait for.
pub fn quick() -> RelayOptions {
    RelayOptions {
        batch_events: 16,
        gather_ms: 1,
        poll_interval_ms: 50,
        first_pause_ms: 5,
        longest_pause_ms: 20,
        lease_ms: 300,
        park_after: 4,
    }
}

pub fn tell(tx: &mut Tx<'_>, subject: &str) -> Result<i64, DbError> {
    let row = tx.query_one(
        "insert into counter (subject, number) values ($1, 1) \
         on conflict (subject) do update set number = counter.number + 1 returning number",
        &params![subject],
    )?;
    let number = row.get("number")?;
    outbox::append(tx, &event(subject, number))?;
    Ok(number)
}

pub fn event(subject: &str, number: i64) -> CloudEvent {
    static TIME: AtomicI64 = AtomicI64::new(1_000_000);
    CloudEvent {
        specversion: "1.0".to_owned(),
        id: format!("{subject}-{number}"),
        source: "/test/producer".to_owned(),
        kind: "lastcopy.test.counted".to_owned(),
        subject: subject.to_owned(),
        time: Timestamp::from_micros(TIME.fetch_add(1, Ordering::Relaxed)),
        datacontenttype: "application/json".to_owned(),
        data: to_raw_value(&number).unwrap(),
    }
}
