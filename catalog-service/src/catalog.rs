use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use service_kit::{
    Clock,
    db::{Db, Tx},
    faults,
    http::StartError,
    idempotency::{self, KeyedRequest},
};
use shared_types::{
    BookId, Currency, FieldError, Isbn, TakingId, Timestamp,
    books::{BookView, ImportOutcome, ImportResult, LedgerEntryView, TopicView},
    takings::{RefusedLine, TakingView},
};
use uuid::Uuid;

use crate::{
    domain::{
        book::{BookChange, NewBook},
        import::Row,
        listing::{Listing, Position},
        stock::Adjustment,
        taking::Asked,
    },
    error::CatalogError,
    metrics,
    store::{self, adjustments, sabotage, takings},
};

/// A write, and the two instants around its commit at which a test may kill the process.
struct Step {
    /// Everything is written, and nothing is committed.
    before_commit: &'static str,
    /// The commit is on disk, and nobody was answered.
    after_commit: &'static str,
}

macro_rules! steps {
    ($($name:ident = $action:literal;)+) => {
        $(static $name: Step = Step {
            before_commit: concat!("catalog.", $action, ".before_commit"),
            after_commit: concat!("catalog.", $action, ".after_commit"),
        };)+
        static STEPS: &[&Step] = &[$(&$name),+];
    };
}

steps! {
    TAKE = "take";
    GIVE_BACK = "give_back";
    ADJUST = "adjust";
    DELETE = "delete";
    CREATE = "create";
    CHANGE = "change";
    IMPORT = "import";
}

/// Every point at which a crash can be provoked, for a sweep that misses none.
pub fn fault_points() -> Vec<String> {
    STEPS.iter().flat_map(|step| [step.before_commit.to_owned(), step.after_commit.to_owned()]).collect()
}

/// A row of an import: its line in the file, and what could be read there.
pub struct ReadRow {
    pub line: i64,
    pub row: Result<Row, Vec<FieldError>>,
}

/// The catalog over its database.
pub struct Catalog {
    db: Db,
    currency: Currency,
    clock: Clock,
}

/// How often an import runs before it gives way to somebody who keeps changing the same books.
const MAX_IMPORT_RUNS: usize = 3;

impl Catalog {
    pub fn new(db: Db, currency: Currency, clock: Clock) -> Catalog {
        Catalog { db, currency, clock }
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The first start settles the currency; a later one with another is refused.
    pub async fn settle_currency(&self) -> Result<(), StartError> {
        let wanted = self.currency;
        let settled = self.db.write_at_start(move |tx| store::shop::settle_currency(tx, wanted)).await;
        let settled = settled.map_err(|error| StartError::Part(format!("the catalog's currency: {error}")))?;
        if settled == wanted.code() {
            return Ok(());
        }
        Err(StartError::Part(format!(
            "the catalog's prices are in {settled}, not in {wanted}: start it with {settled}"
        )))
    }

    pub async fn ping(&self) -> Result<(), String> {
        self.db.ping().await.map_err(|error| error.to_string())
    }

    /// Every write of the service goes through here, and so past the fault points.
    async fn write<T, F>(&self, step: &'static Step, work: F) -> Result<T, CatalogError>
    where
        F: Fn(&mut Tx<'_>, Currency, Timestamp) -> Result<T, CatalogError> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let (currency, now) = (self.currency, self.clock.now());
        let written = self.db.write(move |tx| {
            let done = work(tx, currency, now)?;
            faults::point(step.before_commit);
            Ok::<T, CatalogError>(done)
        });
        let done = written.await?;
        faults::point(step.after_commit);
        Ok(done)
    }

    /// As [`write`](Self::write), once per idempotency key.
    async fn write_once<T, F>(&self, step: &'static Step, key: Option<KeyedRequest>, work: F) -> Result<T, CatalogError>
    where
        F: Fn(&mut Tx<'_>, Currency, Timestamp) -> Result<T, CatalogError> + Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        let (currency, now) = (self.currency, self.clock.now());
        let effect = move |tx: &mut Tx<'_>| {
            let done = work(tx, currency, now)?;
            faults::point(step.before_commit);
            Ok::<T, CatalogError>(done)
        };
        let done = idempotency::once(&self.db, key, now, effect).await?;
        faults::point(step.after_commit);
        Ok(done)
    }

    async fn read<T, F>(&self, work: F) -> Result<T, CatalogError>
    where
        F: Fn(&mut Tx<'_>, Currency) -> Result<T, CatalogError> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let currency = self.currency;
        self.db.read(move |tx| work(tx, currency)).await
    }

    async fn look_up<T, F>(&self, work: F) -> Result<T, CatalogError>
    where
        F: Fn(&mut Tx<'_>, Currency) -> Result<T, CatalogError> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let currency = self.currency;
        self.db.look_up(move |tx| work(tx, currency)).await
    }

    /// Adds a book; `actor` stands in the ledger beside the copies that come with it.
    pub async fn create(
        &self,
        book: NewBook,
        actor: String,
        key: Option<KeyedRequest>,
    ) -> Result<BookView, CatalogError> {
        let create = move |tx: &mut Tx<'_>, currency, now| store::books::create(tx, &book, &actor, currency, now);
        self.write_once(&CREATE, key, create).await
    }

    pub async fn find(&self, id: BookId) -> Result<BookView, CatalogError> {
        self.look_up(move |tx, currency| store::books::find(tx, id, currency)).await
    }

    /// What is sold of these, all as they were in one instant.
    pub async fn find_all(&self, ids: Vec<BookId>) -> Result<Vec<BookView>, CatalogError> {
        self.look_up(move |tx, currency| Ok(store::books::find_all(tx, &ids, currency)?)).await
    }

    /// The book that is sold under an ISBN; with `gone`, else the last one that was.
    pub async fn find_by_isbn(&self, isbn: Isbn, gone: bool) -> Result<BookView, CatalogError> {
        let find = if gone { store::books::last_by_isbn } else { store::books::find_by_isbn };
        let found = self.look_up(move |tx, currency| Ok(find(tx, isbn, currency)?)).await?;
        found.ok_or_else(|| CatalogError::IsbnNotFound(isbn.to_string()))
    }

    /// A page, where the next one begins, and how many books there are for who counts rows.
    pub async fn list(&self, listing: Listing) -> Result<(Vec<BookView>, Option<Position>, Option<i64>), CatalogError> {
        self.read(move |tx, currency| {
            let (books, last) = store::listing::page(tx, &listing, currency)?;
            let total = listing.offset.map(|_| store::listing::count(tx, &listing.filter)).transpose()?;
            Ok((books, last, total))
        })
        .await
    }

    pub async fn topics(&self, after: Option<String>, rows: i64) -> Result<Vec<TopicView>, CatalogError> {
        self.read(move |tx, _| Ok(store::listing::topics(tx, after.as_deref(), rows)?)).await
    }

    pub async fn change(
        &self,
        id: BookId,
        change: BookChange,
        expected: Option<i64>,
    ) -> Result<BookView, CatalogError> {
        self.write(&CHANGE, move |tx, currency, now| store::books::change(tx, id, &change, expected, currency, now))
            .await
    }

    pub async fn withdraw(&self, id: BookId, expected: Option<i64>) -> Result<(), CatalogError> {
        self.write(&DELETE, move |tx, _, now| store::books::withdraw(tx, id, expected, now)).await
    }

    /// Adjusts the stock under the caller's id, or under one of ours.
    pub async fn adjust(
        &self,
        id: BookId,
        adjustment: Adjustment,
        actor: String,
        key: Option<KeyedRequest>,
    ) -> Result<adjustments::Answer, CatalogError> {
        let adjustment_id = match &adjustment.id {
            Some(given) => given.to_string(),
            None => Uuid::now_v7().to_string(),
        };
        let adjust =
            move |tx: &mut Tx<'_>, _, now| adjustments::adjust(tx, id, &adjustment_id, &adjustment, &actor, now);
        self.write_once(&ADJUST, key, adjust).await
    }

    pub async fn ledger(&self, id: BookId, before: i64, rows: i64) -> Result<Vec<LedgerEntryView>, CatalogError> {
        self.read(move |tx, _| {
            if !store::books::ever_existed(tx, id)? {
                return Err(CatalogError::BookNotFound(id));
            }
            Ok(store::ledger::page(tx, id, before, rows)?)
        })
        .await
    }

    pub async fn take(&self, id: TakingId, asked: Asked) -> Result<takings::Answer, CatalogError> {
        if faults::sabotaged("read_then_write") {
            return self.take_what_was_seen(id, asked).await;
        }
        self.write(&TAKE, move |tx, currency, now| takings::take(tx, id, &asked, currency, now)).await
    }

    /// Sabotage: what every shop that oversells does. It looks, and sells what it saw.
    async fn take_what_was_seen(&self, id: TakingId, asked: Asked) -> Result<takings::Answer, CatalogError> {
        let wanted = asked.clone();
        let seen = self.read(move |tx, currency| Ok(sabotage::look(tx, &wanted, currency)?)).await?;
        self.write(&TAKE, move |tx, currency, now| sabotage::take_what_was_seen(tx, id, &asked, &seen, currency, now))
            .await
    }

    pub async fn give_back(&self, id: TakingId) -> Result<takings::Answer, CatalogError> {
        self.write(&GIVE_BACK, move |tx, currency, now| takings::give_back(tx, id, currency, now)).await
    }

    /// The lines that could not be taken now.
    pub async fn obstacles(&self, asked: Asked) -> Result<Vec<RefusedLine>, CatalogError> {
        let obstacles = self.look_up(move |tx, currency| Ok(takings::obstacles(tx, &asked, currency)?)).await?;
        metrics::refused_on_a_look(&obstacles);
        Ok(obstacles)
    }

    pub async fn find_taking(&self, id: TakingId) -> Result<TakingView, CatalogError> {
        self.look_up(move |tx, currency| takings::find(tx, id, currency)).await
    }

    /// Imports rows in one transaction: the bad ones are reported, the good ones kept.
    pub async fn import(
        &self,
        rows: Vec<ReadRow>,
        actor: String,
        key: Option<KeyedRequest>,
    ) -> Result<Vec<ImportResult>, CatalogError> {
        let (rows, actor) = (Arc::new(rows), Arc::from(actor));
        for _ in 0..MAX_IMPORT_RUNS {
            match self.import_once(Arc::clone(&rows), Arc::clone(&actor), key.clone()).await {
                Err(CatalogError::Overtaken) => {}
                other => return other,
            }
        }
        Err(CatalogError::Overtaken)
    }

    async fn import_once(
        &self,
        rows: Arc<Vec<ReadRow>>,
        actor: Arc<str>,
        key: Option<KeyedRequest>,
    ) -> Result<Vec<ImportResult>, CatalogError> {
        self.write_once(&IMPORT, key, move |tx, currency, now| {
            store::imports::take_turn(tx)?;
            let mut import =
                store::imports::Import { actor: &actor, currency, now, written: Vec::new(), fresh: Vec::new() };
            let mut result = |ReadRow { line, row }: &ReadRow| {
                let (outcome, errors) = match row {
                    Ok(row) => store::imports::import(tx, row, &mut import).map_err(overtaken)?,
                    Err(errors) => (ImportOutcome::Rejected, errors.clone()),
                };
                Ok(ImportResult { line: *line, outcome, errors })
            };
            let results = rows.iter().map(&mut result).collect::<Result<_, CatalogError>>()?;
            store::imports::finish(tx, import)?;
            Ok(results)
        })
        .await
    }
}

/// Somebody took a number or withdrew a book between an import's look and its change: it has to look again.
fn overtaken(error: CatalogError) -> CatalogError {
    let moved = matches!(error, CatalogError::SkuTaken | CatalogError::IsbnTaken | CatalogError::BookNotFound(_));
    if moved { CatalogError::Overtaken } else { error }
}
