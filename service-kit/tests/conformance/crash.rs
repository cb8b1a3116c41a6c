//! Processes that die in mid-work: what was acknowledged is there.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use service_kit::db::{Db, DbError, DbOptions, Engine, Tx};
use service_kit::params;
use service_kit::testing::{TestDatabase, eventually_some};

use crate::shelf::{MIGRATIONS, count, put_book};

const DATABASE: &str = "LASTCOPY_CRASH_TEST_DATABASE";
const WRITERS: i64 = 8;
/// Processes that die on either side of a commit.
const DEATHS_AT_COMMIT: usize = 30;

/// What was seen of a process that wrote until it died, and what it left.
struct Remains {
    acknowledged: HashSet<i64>,
    found: HashSet<i64>,
    /// Copies on hand and takings together.
    balance: i64,
}

/// Starts a process that writes, lets it die, and opens what it left.
async fn remains(name: &str, faults: &[(&str, &str)], kill_after: usize) -> Remains {
    let database = TestDatabase::create(name).await;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crash::writes_until_killed", "--ignored", "--nocapture"]);
    child.env(DATABASE, database.url().expose()).envs(faults.iter().copied()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let number = |line: String| line.strip_prefix("acknowledged ")?.parse::<i64>().ok();
    let acknowledged = lines.filter_map(number).take(kill_after).collect();
    child.kill().unwrap();
    child.wait().unwrap();

    let open = async || Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.ok();
    let db = eventually_some("the successor starts", open).await;
    let orders = |tx: &mut Tx<'_>| {
        let rows = tx.query("select order_id from taking", &[])?;
        rows.iter().map(|row| row.get::<String>("order_id")).collect::<Result<Vec<_>, DbError>>()
    };
    let found = db.read(orders).await.unwrap().iter().map(|order| order.parse().unwrap()).collect();
    let balance = count(&db, "select on_hand + (select count(*) from taking) as n from book").await;
    Remains { acknowledged, found, balance }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let left = remains("killed", &[], 200).await;
    assert_eq!(left.acknowledged.len(), 200);
    assert!(left.found.is_superset(&left.acknowledged));
    assert_eq!(left.balance, COPIES, "each transaction took a copy and wrote who took it");
}

#[tokio::test]
async fn nothing_is_acknowledged_before_its_commit() {
    // An answer that comes too early is heard only now and then, by a moment: so a few dozen deaths.
    for _ in 0..DEATHS_AT_COMMIT {
        for side in ["db.commit.before=kill@20", "db.commit.after=kill@20"] {
            let left = remains("at_commit", &[("LASTCOPY_FAULT", side)], usize::MAX).await;
            assert!(!left.acknowledged.is_empty());
            assert!(left.found.is_superset(&left.acknowledged), "{side}");
            assert_eq!(left.balance, COPIES, "{side}");
        }
    }
}

/// A check that cannot fail proves nothing: the one above notices a writer that answers too early.
#[tokio::test]
async fn a_writer_that_answers_before_its_commit_is_found_out() {
    if TestDatabase::engine() != Engine::Sqlite {
        return; // Group commit is SQLite's.
    }
    let faults = [("LASTCOPY_FAULT", "db.commit.before=kill@20"), ("LASTCOPY_SABOTAGE", "acknowledge_before_commit")];
    // The lie and the death are a moment apart: the lie is heard nearly always.
    let mut heard = false;
    for _ in 0..50 {
        let left = remains("sabotaged", &faults, usize::MAX).await;
        heard |= !left.found.is_superset(&left.acknowledged);
        if heard {
            break;
        }
    }
    assert!(heard);
}

const COPIES: i64 = 1_000_000;

/// The other process of the tests above.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs until it is killed"]
#[expect(clippy::disallowed_methods, reason = "its parent chooses the database by environment")]
async fn writes_until_killed() {
    let url = std::env::var(DATABASE).expect("started by a test above").parse().unwrap();
    let db = Db::open(&url, DbOptions::default(), MIGRATIONS).await.unwrap();
    db.write(|tx| put_book(tx, 1, COPIES)).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let db = db.clone();
        writers.spawn(async move {
            for number in 0.. {
                let order = number * WRITERS + writer;
                let take = db.write(move |tx| {
                    tx.execute("update book set on_hand = on_hand - 1", &[])?;
                    let taking = "insert into taking (book_id, order_id, attempt) values (1, $1, 1)";
                    tx.execute(taking, &params![order.to_string()])
                });
                take.await.unwrap();
                writeln!(std::io::stdout(), "acknowledged {order}").unwrap();
            }
        });
    }
    writers.join_all().await;
}
