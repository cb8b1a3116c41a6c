#![expect(clippy::unwrap_used, reason = "tests")]

use service_kit::db::{DatabaseUrl, Db, DbError, DbOptions, Tx};

use super::MIGRATIONS;

/// SQLite looks for the children of a new parent where their foreign key is deferred, and says so in the plan of the
/// `insert`. PostgreSQL looks for none.
#[tokio::test]
async fn a_new_order_reads_no_table_from_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let url: DatabaseUrl = format!("sqlite:{}", folder.path().join("orders.db").display()).parse().unwrap();
    let db = Db::open(&url, DbOptions::default(), MIGRATIONS).await.unwrap();
    let plan = db.read(|tx: &mut Tx<'_>| {
        let steps = tx.query("explain query plan insert into orders (order_id) values ('an order')", &[])?;
        steps.iter().map(|step| step.get("detail")).collect::<Result<Vec<String>, DbError>>()
    });
    let plan: Vec<String> = plan.await.unwrap();
    assert!(plan.iter().any(|step| step.contains("idempotency_key")), "keys are not looked for any more: {plan:?}");
    assert!(plan.iter().all(|step| step.starts_with("SEARCH")), "{plan:?}");
}
