//! Processes that die in mid-work: what was acknowledged is there.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use service_kit::db::{Db, DbOptions};
use service_kit::params;
use service_kit::testing::{TestDatabase, eventually_some};

use crate::shelf::{MIGRATIONS, count, put_book};

const DATABASE: &str = "LASTCOPY_CRASH_TEST_DATABASE";
const ACKNOWLEDGED: usize = 200;

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let database = TestDatabase::create("killed").await;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crash::writes_until_killed", "--ignored", "--nocapture"]);
    child.env(DATABASE, database.url().expose()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let acknowledged = |line: String| line.strip_prefix("acknowledged ")?.parse::<i64>().ok();
    let mut seen: Vec<i64> = lines.filter_map(acknowledged).take(ACKNOWLEDGED).collect();
    child.kill().unwrap();
    child.wait().unwrap();

    let open = async || Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.ok();
    let db = eventually_some("the successor starts", open).await;
    seen.sort_unstable();
    assert_eq!(seen.len(), ACKNOWLEDGED);
    for order in seen {
        let found = db.read(move |tx| {
            tx.query_opt("select 1 as one from taking where order_id = $1", &params![order.to_string()])
        });
        assert!(found.await.unwrap().is_some(), "order {order} was acknowledged and is lost");
    }
    // Each transaction took a copy and wrote who took it; a torn one would show here.
    let balance = "select on_hand + (select count(*) from taking) as n from book";
    assert_eq!(count(&db, balance).await, 1_000_000);
}

/// The other process of the test above.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs until it is killed"]
#[expect(clippy::disallowed_methods, reason = "its parent chooses the database by environment")]
async fn writes_until_killed() {
    let url = std::env::var(DATABASE).expect("started by the test above").parse().unwrap();
    let db = Db::open(&url, DbOptions::default(), MIGRATIONS).await.unwrap();
    db.write(|tx| put_book(tx, 1, 1_000_000)).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8_i64 {
        let db = db.clone();
        writers.spawn(async move {
            for number in 0.. {
                let order = number * 8 + writer;
                db.write(move |tx| {
                    tx.execute("update book set on_hand = on_hand - 1", &[])?;
                    tx.execute(
                        "insert into taking (book_id, order_id, attempt) values (1, $1, 1)",
                        &params![order.to_string()],
                    )
                })
                .await
                .unwrap();
                writeln!(std::io::stdout(), "acknowledged {order}").unwrap();
            }
        });
    }
    writers.join_all().await;
}
