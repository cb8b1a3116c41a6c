//! Opening, refusing to open, closing.

use service_kit::db::{DatabaseUrl, Db, DbError, DbOptions, Engine, Migration, OpenError, Tx};
use service_kit::params;
use service_kit::testing::{TestDatabase, eventually};

use crate::shelf::{MIGRATIONS, books, count, on_hand, put_book, shelf};

const NEWER: &[Migration] =
    &[MIGRATIONS[0], Migration::both("V2__more", "alter table book add column more bigint not null default 0;")];
const DIVERGENT: &[Migration] = &[Migration::both("V1__shelf", "create table something_else (a bigint);")];
const BROKEN: &[Migration] =
    &[MIGRATIONS[0], Migration::both("V2__broken", "create table half (a bigint); create nonsense;")];

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let shelf = shelf("reopen").await;
    shelf.db.write(|tx| put_book(tx, 1, 1)).await.unwrap();
    shelf.db.close().await;
    let db = Db::open(shelf.database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    assert_eq!(books(&db).await, 1);
    // Without an orderly end: the last handle is dropped, on a thread that serves async tasks.
    db.write(|tx| put_book(tx, 2, 1)).await.unwrap();
    drop(db);
    let reopened = async || Db::open(shelf.database.url(), DbOptions::default(), NEWER).await.ok();
    let db = service_kit::testing::eventually_some("the file is given back", reopened).await;
    assert_eq!(books(&db).await, 2);
}

#[tokio::test]
async fn a_closed_database_says_so_to_its_other_handles() {
    let shelf = shelf("closed").await;
    let other = shelf.db.clone();
    shelf.db.close().await;
    assert!(matches!(other.write(|tx| put_book(tx, 1, 1)).await, Err(DbError::Unavailable(_))));
    assert!(matches!(other.ping().await, Err(DbError::Unavailable(_))));
}

#[tokio::test]
async fn an_older_binary_refuses_a_newer_schema() {
    let database = TestDatabase::create("newer").await;
    Db::open(database.url(), DbOptions::default(), NEWER).await.unwrap().close().await;
    let Err(refused) = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await else { panic!("opened") };
    assert!(matches!(refused, OpenError::SchemaNewer { found: 2, known: 1, .. }), "{refused}");
}

#[tokio::test]
async fn a_migration_that_was_changed_afterwards_is_refused() {
    let database = TestDatabase::create("divergent").await;
    Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap().close().await;
    let Err(refused) = Db::open(database.url(), DbOptions::default(), DIVERGENT).await else { panic!("opened") };
    assert!(matches!(refused, OpenError::Migration(_)), "{refused}");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    let database = TestDatabase::create("broken").await;
    let Err(refused) = Db::open(database.url(), DbOptions::default(), BROKEN).await else { panic!("opened") };
    assert!(refused.to_string().contains("syntax error"), "{refused}");
    let opened = async || Db::open(database.url(), DbOptions::default(), NEWER).await.is_ok();
    eventually("the next binary migrates from where it was", opened).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_migrate_once() {
    let database = TestDatabase::create("replicas").await;
    if database.url().engine() != Engine::Postgres {
        return;
    }
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = database.url().clone();
        starts.spawn(async move { Db::open(&url, DbOptions::default(), NEWER).await });
    }
    for started in starts.join_all().await {
        assert_eq!(books(&started.unwrap()).await, 0);
    }
    let db = Db::open(database.url(), DbOptions::default(), NEWER).await.unwrap();
    assert_eq!(count(&db, "select count(*) as n from schema_history").await, 2);
}

#[tokio::test]
async fn a_setting_that_the_promise_rests_on_is_asserted() {
    let database = TestDatabase::create("settings").await;
    let (url, wanted) = match database.url().engine() {
        // A database in memory has no write-ahead log.
        Engine::Sqlite => (DatabaseUrl::sqlite(":memory:"), "journal_mode: wanted wal, found memory"),
        Engine::Postgres => (without_synchronous_commit(&database).await, "synchronous_commit: wanted on, found off"),
    };
    let Err(refused) = Db::open(&url, DbOptions::default(), MIGRATIONS).await else { panic!("opened") };
    assert!(matches!(refused, OpenError::Setting { .. }) && refused.to_string().ends_with(wanted), "{refused}");
    if url.engine() == Engine::Sqlite {
        std::fs::remove_file(":memory:.lock").unwrap();
    }
}

async fn without_synchronous_commit(database: &TestDatabase) -> DatabaseUrl {
    let db = Db::open(database.url(), DbOptions::default(), &[]).await.unwrap();
    db.write(|tx| {
        let name: String = tx.query_one("select current_database() as name", &[])?.get("name")?;
        tx.execute(&format!("alter database {name} set synchronous_commit = off"), &[])
    })
    .await
    .unwrap_or_else(|error: DbError| panic!("{error}"));
    database.url().clone()
}

#[tokio::test]
async fn a_second_writer_on_the_same_file_is_refused() {
    let shelf = shelf("second").await;
    if shelf.db.engine() != Engine::Sqlite {
        return;
    }
    let Err(refused) = Db::open(shelf.database.url(), DbOptions::default(), MIGRATIONS).await else {
        panic!("opened twice")
    };
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    shelf.db.close().await;
    Db::open(shelf.database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
}

#[tokio::test]
async fn a_tool_writes_beside_the_service_whose_file_it_is() {
    let shelf = shelf("beside").await;
    shelf.db.write(|tx| put_book(tx, 1, 1)).await.unwrap();
    let tool = Db::open_beside(shelf.database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    let (mut here, mut there) = (tokio::task::JoinSet::new(), tokio::task::JoinSet::new());
    for book in 0..50 {
        let (service, tool) = (shelf.db.clone(), tool.clone());
        here.spawn(async move { service.write(move |tx| put_book(tx, 100 + book, 1)).await });
        there.spawn(async move { tool.write(move |tx| put_book(tx, 200 + book, 1)).await });
    }
    for written in here.join_all().await.into_iter().chain(there.join_all().await) {
        written.unwrap();
    }
    assert_eq!((books(&shelf.db).await, books(&tool).await), (101, 101));
    tool.close().await;
    shelf.db.write(|tx| put_book(tx, 2, 1)).await.unwrap();
    shelf.db.close().await;
    // Nobody is there: the tool brings the schema up to date, and is alone while it is at it.
    let tool = Db::open_beside(shelf.database.url(), DbOptions::default(), NEWER).await.unwrap();
    assert_eq!(books(&tool).await, 102);
    tool.close().await;
}

/// Whoever looks first and writes then has to have waited for the other before he looked.
#[tokio::test(flavor = "multi_thread")]
async fn two_writers_of_one_file_who_look_before_they_write_wait_and_are_never_refused() {
    const COPIES: i64 = 400;
    let shelf = shelf("look_first").await;
    if shelf.db.engine() != Engine::Sqlite {
        return; // There each write decides on the row that it finds, and nobody has a file to himself.
    }
    shelf.db.write(|tx| put_book(tx, 1, COPIES)).await.unwrap();
    let tool = Db::open_beside(shelf.database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for db in [shelf.db.clone(), tool.clone()] {
        writers.spawn(async move {
            for _ in 0..COPIES / 2 {
                db.write(look_and_take).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    assert_eq!(on_hand(&shelf.db, 1).await, 0);
    tool.close().await;
}

fn look_and_take(tx: &mut Tx<'_>) -> Result<u64, DbError> {
    let seen: i64 = tx.query_one("select on_hand from book where book_id = 1", &[])?.get("on_hand")?;
    tx.execute("update book set on_hand = $1 where book_id = 1", &params![seen - 1])
}

#[tokio::test]
async fn a_tool_never_migrates_under_a_running_service() {
    let shelf = shelf("beside_newer").await;
    if shelf.db.engine() != Engine::Sqlite {
        return;
    }
    let Err(refused) = Db::open_beside(shelf.database.url(), DbOptions::default(), NEWER).await else {
        panic!("opened with another schema")
    };
    assert!(refused.to_string().contains("schema_history is at 1, this binary knows 2"), "{refused}");
}

#[tokio::test]
async fn an_auditor_reads_a_live_shop_and_a_closed_one() {
    let shelf = shelf("audit").await;
    shelf.db.write(|tx| put_book(tx, 1, 1)).await.unwrap();
    let auditor = Db::open_read_only(shelf.database.url()).await.unwrap();
    assert_eq!(books(&auditor).await, 1);
    assert!(matches!(auditor.write(|tx| put_book(tx, 2, 1)).await, Err(DbError::ReadOnly)));
    assert!(auditor.read(|tx| put_book(tx, 2, 1)).await.is_err());
    shelf.db.write(|tx| put_book(tx, 2, 1)).await.unwrap();
    assert_eq!(books(&auditor).await, 2, "what is written meanwhile is seen");
    auditor.close().await;
    shelf.db.close().await;
    let auditor = Db::open_read_only(shelf.database.url()).await.unwrap();
    assert_eq!(books(&auditor).await, 2);
}
