//! The service held against its pure half: the same commands, the same answers, the same parcels, step by step.

use std::collections::{BTreeMap, BTreeSet};

use delivery_service::domain::{Booking, Command, DEFAULT_COURIER, Delivery, Refusal, apply, name};
use proptest::{prelude::*, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use shared_types::{
    DeliveryId, OrderId,
    deliveries::{BookDeliveryRequest, DeliveryStatus},
};
use uuid::Uuid;

use crate::stage::{Answer, Stage};

const DELIVERIES: usize = 3;
/// With the default courier, who is the first.
const COURIERS: usize = 3;
const STATUSES: [DeliveryStatus; 6] = [
    DeliveryStatus::Scheduled,
    DeliveryStatus::Shipped,
    DeliveryStatus::Delivered,
    DeliveryStatus::Failed,
    DeliveryStatus::Returned,
    DeliveryStatus::Canceled,
];

/// A command about the n-th delivery or courier of a case.
#[derive(Debug, Clone)]
enum Act {
    Book { delivery: usize, house: u8, courier: usize },
    Cancel { delivery: usize },
    Move { delivery: usize, to: DeliveryStatus, based_on: Option<i64> },
    Assign { delivery: usize, courier: usize, based_on: Option<i64> },
    Activate { courier: usize, active: bool },
}

fn act() -> impl Strategy<Value = Act> {
    let delivery = 0..DELIVERIES;
    let based_on = || prop_oneof![4 => Just(None), 1 => (1i64..5).prop_map(Some)];
    let to = prop::sample::select(&STATUSES[..]);
    prop_oneof![
        5 => (delivery.clone(), prop_oneof![4 => Just(0u8), 1 => Just(1)], 0..COURIERS)
            .prop_map(|(delivery, house, courier)| Act::Book { delivery, house, courier }),
        2 => delivery.clone().prop_map(|delivery| Act::Cancel { delivery }),
        8 => (delivery.clone(), to, based_on()).prop_map(|(delivery, to, based_on)| Act::Move { delivery, to, based_on }),
        3 => (delivery, 0..COURIERS, based_on())
            .prop_map(|(delivery, courier, based_on)| Act::Assign { delivery, courier, based_on }),
        1 => (1..COURIERS, any::<bool>()).prop_map(|(courier, active)| Act::Activate { courier, active }),
    ]
}

/// An answer as it looks on the wire, without its instants.
#[derive(Debug, PartialEq)]
enum Told {
    Delivery { status: u16, view: Value },
    Refused { status: u16, code: &'static str },
    Done,
}

/// One case: deliveries and couriers of its own in a service that all cases share, and what the pure half makes of them.
struct Case<'a> {
    stage: &'a Stage,
    ids: Vec<DeliveryId>,
    couriers: Vec<String>,
    /// Where each courier is; the default one is nobody's to change here.
    paths: Vec<String>,
    active: BTreeSet<String>,
    deliveries: BTreeMap<DeliveryId, Vec<Delivery>>,
}

impl<'a> Case<'a> {
    async fn open(stage: &'a Stage) -> Case<'a> {
        let (mut couriers, mut paths) = (vec![DEFAULT_COURIER.to_owned()], vec![String::new()]);
        for _ in 1..COURIERS {
            let name = Uuid::now_v7().to_string();
            let entered = stage.post("/couriers", &json!({"name": name})).await;
            paths.push(entered.header("location").to_owned());
            couriers.push(name);
        }
        let ids = (0..DELIVERIES).map(|_| OrderId::from_uuid(Uuid::now_v7()).delivery(1)).collect();
        let active = couriers.iter().cloned().collect();
        Case { stage, ids, couriers, paths, active, deliveries: BTreeMap::new() }
    }

    fn booking(&self, house: u8, courier: usize) -> Value {
        let address = json!({"recipient": "Ana Lopez", "street": format!("{house} Quay Street"), "city": "Porto"});
        json!({"address": address, "courier": self.couriers[courier]})
    }

    /// What is expected, by the pure half; and how the deliveries are then.
    fn expect(&mut self, act: &Act) -> Told {
        let (delivery, command, based_on) = match act {
            Act::Book { delivery, house, courier } => {
                let request: BookDeliveryRequest = serde_json::from_value(self.booking(*house, *courier)).unwrap();
                (delivery, Command::Book(Booking::read(request).unwrap()), &None)
            }
            Act::Cancel { delivery } => (delivery, Command::Cancel, &None),
            Act::Move { delivery, to, based_on } => (delivery, Command::Move(*to), based_on),
            Act::Assign { delivery, courier, based_on } => {
                (delivery, Command::Assign(self.couriers[*courier].clone()), based_on)
            }
            Act::Activate { courier, active } => {
                let name = self.couriers[*courier].clone();
                if *active {
                    self.active.insert(name)
                } else {
                    self.active.remove(&name)
                };
                return Told::Done;
            }
        };
        let id = self.ids[*delivery];
        let steps = self.deliveries.entry(id).or_default();
        let before = steps.last().cloned();
        if before.as_ref().is_some_and(|before| based_on.is_some_and(|version| version != before.version)) {
            return Told::Refused { status: 412, code: "version_mismatch" };
        }
        let carried = |delivery: &Delivery| delivery.parcel.as_ref().map(|parcel| parcel.courier.clone());
        match apply(id, before.as_ref(), &command) {
            Err(refusal) => refused(refusal, &command, before.as_ref()),
            Ok(after) if before.as_ref() == Some(&after) => Told::Delivery { status: 200, view: view(&after) },
            // Nobody is handed a parcel who does not work here any more; what he has he keeps.
            Ok(after)
                if carried(&after).is_some_and(|courier| !self.active.contains(&courier))
                    && before.as_ref().is_none_or(|before| carried(before) != carried(&after)) =>
            {
                Told::Refused { status: 422, code: "invalid" }
            }
            Ok(after) => {
                let told = Told::Delivery { status: if before.is_none() { 201 } else { 200 }, view: view(&after) };
                steps.push(after);
                told
            }
        }
    }

    async fn ask_service(&self, act: &Act) -> Told {
        let at = |delivery: &usize, what: &str| format!("/deliveries/{}{what}", self.ids[*delivery]);
        let send = async |method, path: String, based_on: &Option<i64>, body: Value| {
            let version = based_on.map(|version| format!("\"{version}\""));
            let headers: Vec<_> = version.iter().map(|version| ("if-match", version.as_str())).collect();
            self.stage.send(method, &path, &headers, Some(&body)).await
        };
        let answer = match act {
            Act::Book { delivery, house, courier } => {
                self.stage.put(&at(delivery, ""), &self.booking(*house, *courier)).await
            }
            Act::Cancel { delivery } => self.stage.cancel(&self.ids[*delivery].to_string()).await,
            Act::Move { delivery, to, based_on } => {
                send(Method::POST, at(delivery, "/moves"), based_on, json!({"status": to})).await
            }
            Act::Assign { delivery, courier, based_on } => {
                send(Method::PUT, at(delivery, "/courier"), based_on, json!({"courier": self.couriers[*courier]})).await
            }
            Act::Activate { courier, active } => {
                let changed = self.stage.patch(&self.paths[*courier], &json!({"active": active})).await;
                assert_eq!(changed.status, 200);
                return Told::Done;
            }
        };
        told(answer)
    }

    /// Every row: the delivery, its steps, and what others are told of them.
    async fn check_rows(&self, told: &BTreeSet<String>) {
        for (id, steps) in &self.deliveries {
            let kept = self.stage.get(&format!("/deliveries/{id}")).await;
            let tracked = self.stage.get(&format!("/deliveries/{id}/tracking")).await.json["items"].clone();
            let Some(last) = steps.last() else {
                assert_eq!((kept.status, tracked), (404, Value::Null));
                continue;
            };
            assert_eq!(without_instants(kept.json), view(last));
            let step = |delivery: &Delivery| {
                let courier = delivery.parcel.as_ref().map_or("", |parcel| parcel.courier.as_str());
                json!({"version": delivery.version, "status": name(delivery.status), "courier": courier})
            };
            let tracked: Vec<Value> = tracked.as_array().unwrap().iter().cloned().map(without_instants).collect();
            assert_eq!(tracked, steps.iter().map(step).collect::<Vec<_>>());
            let events: BTreeSet<String> =
                told.iter().filter(|event| event.starts_with(&id.to_string())).cloned().collect();
            assert_eq!(events, steps.iter().map(|step| format!("{id}:{}", step.version)).collect());
        }
    }
}

fn refused(refusal: Refusal, command: &Command, before: Option<&Delivery>) -> Told {
    match (refusal, before) {
        (Refusal::NeverBooked, _) => Told::Refused { status: 404, code: "delivery_not_found" },
        (Refusal::OtherBooking, _) => Told::Refused { status: 422, code: "id_reused" },
        // Its order follows from where the parcel is.
        (_, Some(before)) if matches!(command, Command::Book(_) | Command::Cancel) => {
            Told::Delivery { status: 409, view: view(before) }
        }
        (Refusal::Canceled | Refusal::IllegalMove { .. } | Refusal::WithItsCourier(_), _) => {
            Told::Refused { status: 409, code: "invalid_transition" }
        }
    }
}

fn told(answer: Answer) -> Told {
    if answer.json["delivery_id"].is_null() {
        let known = ["delivery_not_found", "id_reused", "invalid_transition", "invalid", "version_mismatch"];
        let code = known.into_iter().find(|code| *code == answer.code());
        return Told::Refused { status: answer.status, code: code.unwrap_or_else(|| panic!("{answer:?}")) };
    }
    Told::Delivery { status: answer.status, view: without_instants(answer.json) }
}

fn view(delivery: &Delivery) -> Value {
    let Delivery { id, parcel, status, version } = delivery;
    let courier = parcel.as_ref().map_or("", |parcel| parcel.courier.as_str());
    let mut view = json!({"delivery_id": id, "order_id": id.order, "courier": courier, "status": name(*status),
                          "version": version});
    if let Some(parcel) = parcel {
        view["address"] = serde_json::to_value(&parcel.booking.address).unwrap();
    }
    view
}

fn without_instants(mut view: Value) -> Value {
    for instant in ["created_at", "updated_at", "at"] {
        view.as_object_mut().unwrap().remove(instant);
    }
    view
}

#[test]
fn the_service_answers_and_records_as_its_pure_half_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::listened_to("model"));
    let mut runner = TestRunner::new(ProptestConfig { cases: 64, ..ProptestConfig::default() });
    let checked = runner.run(&proptest::collection::vec(act(), 1..40), |acts| {
        runtime.block_on(async {
            let mut case = Case::open(&stage).await;
            for act in &acts {
                let expected = case.expect(act);
                assert_eq!(case.ask_service(act).await, expected, "{act:?}");
            }
            case.check_rows(&stage.events().await).await;
        });
        Ok(())
    });
    runtime.block_on(stage.strike());
    checked.unwrap();
}
