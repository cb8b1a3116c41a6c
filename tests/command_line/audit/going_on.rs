use service_kit::testing::eventually;

use super::purchase;
use crate::shop::{Place, Shop};

async fn numbers(auditor: &Shop) -> String {
    auditor.text("/metrics").await
}

fn says(text: &str, line: &str) -> bool {
    text.lines().any(|said| said == line)
}

#[tokio::test]
async fn an_audit_that_goes_on_shows_what_is_broken_and_that_it_was_mended() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    shop.post("/api/v1/checkout", purchase(8, 2, false)).await;
    let auditor = Shop::start(&place, &["audit", "--every", "1", "--listen", "127.0.0.1:0"]);
    eventually("an audit has found nothing", async || {
        let text = numbers(&auditor).await;
        says(&text, "lastcopy_audit_findings{invariant=\"I1\"} 0")
            && says(&text, "lastcopy_audit_checked{invariant=\"I1\"} 1000")
    })
    .await;
    assert_eq!(auditor.get("/health/ready").await["status"], "ready");

    let catalog = rusqlite::Connection::open(place.data_dir().join("catalog.db")).unwrap();
    catalog.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
    for (sql, found) in [
        ("update book set on_hand = on_hand + 1 where book_id = 9", 1),
        ("update book set on_hand = on_hand - 1 where book_id = 9", 0),
    ] {
        catalog.execute_batch(&format!("pragma ignore_check_constraints = on; {sql}")).unwrap();
        eventually("an audit has seen it", async || {
            says(&numbers(&auditor).await, &format!("lastcopy_audit_findings{{invariant=\"I1\"}} {found}"))
        })
        .await;
    }
    let text = numbers(&auditor).await;
    assert!(
        !says(&text, "lastcopy_audits_total{outcome=\"found\"} 0")
            && says(&text, "lastcopy_audits_total{outcome=\"unread\"} 0"),
        "{text}"
    );
    assert!(auditor.stop().success() && shop.stop().success());
}
