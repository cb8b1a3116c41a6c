use reqwest::Method;
use service_kit::auth::Who;
use shared_types::AccountId;
use uuid::Uuid;

use crate::stage::{Stage, fresh_id, parcel};

#[tokio::test]
async fn a_customer_sees_the_parcels_of_his_own_orders_and_no_others() {
    let stage = Stage::set("owners").await;
    let account = AccountId::from_uuid(Uuid::now_v7());
    let (ana, ben) = (Who::Customer(account), Who::Customer(AccountId::from_uuid(Uuid::now_v7())));
    let (hers, nobodys) = (fresh_id(), fresh_id());
    let mut booking = parcel();
    booking["customer"] = serde_json::json!(format!("account:{account}"));
    assert_eq!(stage.put(&format!("/deliveries/{hers}"), &booking).await.status, 201);
    assert_eq!(stage.book(&nobodys).await.status, 201);
    let get = async |who: &Who, path: String| stage.send_as(who.clone(), Method::GET, &path, &[], None).await;
    for path in ["", "/tracking"] {
        assert_eq!(get(&ana, format!("/deliveries/{hers}{path}")).await.status, 200);
        for (who, id) in [(&ana, &nobodys), (&ben, &hers), (&ben, &nobodys)] {
            let refused = get(who, format!("/deliveries/{id}{path}")).await;
            assert_eq!((refused.status, refused.code()), (404, "delivery_not_found"), "{path}");
        }
    }
    let listed = async |who: &Who| get(who, "/deliveries".to_owned()).await.json["items"].as_array().unwrap().len();
    assert_eq!((listed(&ana).await, listed(&ben).await), (1, 0));
    assert_eq!(stage.get("/deliveries").await.json["items"].as_array().unwrap().len(), 2, "an employee sees all");
    for who in [ana, Who::Guest("g".into())] {
        let moved = serde_json::json!({"status": "shipped"});
        let path = format!("/deliveries/{hers}/moves");
        assert_eq!(stage.send_as(who.clone(), Method::POST, &path, &[], Some(&moved)).await.status, 403);
        assert_eq!(get(&who, "/couriers".to_owned()).await.status, 403);
        assert_eq!(
            stage.send_as(who, Method::PUT, &format!("/deliveries/{hers}"), &[], Some(&booking)).await.status,
            403
        );
    }
    assert_eq!(stage.get(&format!("/deliveries/{hers}")).await.json["status"], "scheduled");
    stage.strike().await;
}
