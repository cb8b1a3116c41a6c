//! A network between the service and its Postgres that loses the one answer that matters.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use service_kit::db::{Db, DbError, DbOptions, Engine};
use service_kit::testing::TestDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::shelf::{MIGRATIONS, books, put_book};

/// As it goes over the wire: the zero ends the text, which tells it from `READ COMMITTED`.
const COMMIT: &str = "COMMIT\0";

/// Passes everything on, until the service says the words: those still reach the server, and then the line is dead.
struct Line {
    address: String,
    cut_after: Arc<Mutex<Option<&'static str>>>,
}

impl Line {
    /// A line to the server of that address.
    async fn to(database: &TestDatabase) -> Self {
        let url = database.url().expose();
        let server = url.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = url.replace(&server, &listener.local_addr().unwrap().to_string());
        let cut_after = Arc::new(Mutex::new(None));
        let words = Arc::clone(&cut_after);
        tokio::spawn(async move {
            while let Ok((service, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(carry(service, server, Arc::clone(&words)));
            }
        });
        Self { address, cut_after }
    }

    /// The next connection on which the service says `words` dies with them. Others are unharmed.
    fn cut_after(&self, words: &'static str) {
        *self.cut_after.lock().unwrap() = Some(words);
    }

    /// Whether the words were said.
    fn is_cut(&self) -> bool {
        self.cut_after.lock().unwrap().is_none()
    }
}

async fn carry(mut service: TcpStream, mut server: TcpStream, words: Arc<Mutex<Option<&'static str>>>) {
    let (mut said, mut answered) = ([0_u8; 16 * 1024], [0_u8; 16 * 1024]);
    loop {
        tokio::select! {
            read = service.read(&mut said) => {
                let Ok(length @ 1..) = read else { return };
                let cut = {
                    let mut words = words.lock().unwrap();
                    words.take_if(|words| said[..length].windows(words.len()).any(|part| part == words.as_bytes()))
                };
                server.write_all(&said[..length]).await.unwrap();
                if cut.is_some() {
                    // The server has done it and answers: into the void.
                    assert!(server.read(&mut answered).await.unwrap() > 0);
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if service.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Writes one book over a line that is cut at these words; answers the result, how often the closure ran, and how many
/// books there are.
async fn write_over_a_line_cut_after(name: &str, words: &'static str) -> Option<(Result<u64, DbError>, u32, i64)> {
    let database = TestDatabase::create(name).await;
    if database.url().engine() != Engine::Postgres {
        return None; // There is no network in between.
    }
    let line = Line::to(&database).await;
    let db = Db::open(&line.address.parse().unwrap(), DbOptions::default(), MIGRATIONS).await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    line.cut_after(words);
    let write = db.write(move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        put_book(tx, 1, 1)
    });
    Some((write.await, runs.load(Ordering::SeqCst), books(&db).await))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_unavailable_and_never_repeated_by_itself() {
    if let Some((answer, runs, books)) = write_over_a_line_cut_after("lost_commit", COMMIT).await {
        assert!(matches!(answer, Err(DbError::Unavailable(_))), "{answer:?}");
        assert_eq!(runs, 1);
        assert_eq!(books, 1, "it took effect: whoever repeats it does so under the same ids");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_before_the_commit_costs_nobody_his_closure() {
    if let Some((answer, runs, books)) = write_over_a_line_cut_after("lost_insert", "insert into book").await {
        assert_eq!(answer.unwrap(), 1);
        assert_eq!(runs, 2);
        assert_eq!(books, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_while_a_service_starts_is_waited_for() {
    for (number, words) in ["pg_advisory_lock", "kit_schema_history", "create table outbox", " schema_history", COMMIT]
        .into_iter()
        .enumerate()
    {
        let database = TestDatabase::create(&format!("lost_start_{number}")).await;
        if database.url().engine() != Engine::Postgres {
            return; // There is no network in between.
        }
        let line = Line::to(&database).await;
        line.cut_after(words);
        let db = Db::open(&line.address.parse().unwrap(), DbOptions::default(), MIGRATIONS).await.expect(words);
        assert!(line.is_cut(), "nobody said {words}");
        assert_eq!(books(&db).await, 0, "all of the schema is there");

        line.cut_after(COMMIT);
        let written = db.write_at_start(|tx| {
            tx.execute("insert into book (book_id, title, on_hand) values (1, 'One', 1) on conflict do nothing", &[])
        });
        assert_eq!(written.await.expect(words), 0, "the second run found what the first had done");
        assert!(line.is_cut());
        assert_eq!(books(&db).await, 1);
    }
}
