use std::{net::TcpListener, sync::atomic::AtomicUsize, sync::atomic::Ordering::Relaxed, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use futures_util::future::join_all;
use service_kit::{ClientOptions, testing::eventually};
use shared_types::{
    Code, OrderId, Problem, TakingId,
    limits::MAX_TAKINGS_AT_ONCE,
    takings::{TakeManyAnswer, TakeManyRequest, TakeOne, TakeOneAnswer, TakingState, TakingView},
};
use tokio::sync::watch;

use super::{super::takings::Takings, *};

/// How the catalog answers a request for several.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Well,
    /// 422 with a problem of ours.
    Refuses,
    /// Nobody knows what it did.
    Fails,
}

/// A catalog that answers single takings only when its door is open.
struct Door {
    open: watch::Sender<bool>,
    singles: AtomicUsize,
    severals: AtomicUsize,
    mood: Mood,
}

struct Catalog {
    door: Arc<Door>,
    server: ServerHandle,
    takings: Arc<Together<Takings>>,
}

/// Reached only by a bug.
const FOREVER: Duration = Duration::from_secs(30);

impl Catalog {
    fn start(mood: Mood, patience: Duration) -> Catalog {
        let (singles, severals) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let door = Arc::new(Door { open: watch::Sender::new(false), singles, severals, mood });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client =
            Client::new(&format!("http://{}", listener.local_addr().unwrap()), ClientOptions::default()).unwrap();
        let shared = web::Data::from(Arc::clone(&door));
        let app = move || {
            let routes = App::new().app_data(shared.clone()).route("/takings", web::post().to(several));
            routes.route("/takings/{id}", web::put().to(single))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Catalog { door, server: handle, takings: Together::with_patience(Written::to(&client), patience) }
    }

    /// Takes so many; opens the door once two of them are under way. What each was told, in their order.
    async fn take(&self, orders: &[TakingId]) -> Vec<Outcome<TakingView>> {
        let all = join_all(orders.iter().map(|id| self.takings.ask(one(*id))));
        let open = async {
            eventually("two are under way", async || self.door.singles.load(Relaxed) == Takings::REQUESTS).await;
            self.door.open.send_replace(true);
        };
        tokio::join!(all, open).0
    }

    fn calls(&self) -> (usize, usize) {
        (self.door.singles.load(Relaxed), self.door.severals.load(Relaxed))
    }
}

async fn single(door: web::Data<Door>, id: web::Path<TakingId>) -> HttpResponse {
    door.singles.fetch_add(1, Relaxed);
    door.open.subscribe().wait_for(|open| *open).await.unwrap();
    HttpResponse::Created().json(taken(*id))
}

async fn several(door: web::Data<Door>, body: web::Json<TakeManyRequest>) -> HttpResponse {
    door.severals.fetch_add(1, Relaxed);
    let answer = |one: &TakeOne| {
        let taking_id = one.taking_id;
        TakeOneAnswer { taking_id, taking: Some(taken(taking_id)), problem: None }
    };
    match door.mood {
        Mood::Well => HttpResponse::Ok().json(TakeManyAnswer { results: body.takings.iter().map(answer).collect() }),
        Mood::Refuses => {
            HttpResponse::UnprocessableEntity().json(Problem::new(Code::Invalid, "one of them is not valid"))
        }
        Mood::Fails => HttpResponse::InternalServerError().finish(),
    }
}

fn taken(taking_id: TakingId) -> TakingView {
    TakingView { taking_id, state: TakingState::Taken, lines: Vec::new(), refused: Vec::new() }
}

fn one(taking_id: TakingId) -> TakeOne {
    TakeOne { taking_id, lines: Vec::new(), request_id: None }
}

fn orders(count: usize) -> Vec<TakingId> {
    (0..count).map(|_| OrderId::from_uuid(uuid::Uuid::now_v7()).taking(1)).collect()
}

/// Whether each was told of its own taking.
fn are_own(outcomes: &[Outcome<TakingView>], orders: &[TakingId]) -> bool {
    let own = |(outcome, id): (&Outcome<TakingView>, &TakingId)| matches!(outcome, Outcome::Done(view) if view.taking_id == *id);
    outcomes.len() == orders.len() && outcomes.iter().zip(orders).all(own)
}

#[tokio::test]
async fn takings_that_come_while_two_requests_are_under_way_go_together_and_each_is_told_of_its_own() {
    let (catalog, orders) = (Catalog::start(Mood::Well, FOREVER), orders(7));
    let outcomes = catalog.take(&orders).await;
    assert!(are_own(&outcomes, &orders), "{outcomes:?}");
    assert_eq!(catalog.calls(), (2, 1));
    // With nobody before it, one goes alone and at once.
    let outcome = catalog.takings.ask(one(orders[0])).await;
    assert!(are_own(&[outcome], &orders[..1]));
    assert_eq!(catalog.calls(), (3, 1));
    catalog.server.stop(false).await;
}

#[tokio::test]
async fn more_than_fit_into_a_request_go_with_the_next_one() {
    let (catalog, orders) = (Catalog::start(Mood::Well, FOREVER), orders(2 + 2 * MAX_TAKINGS_AT_ONCE + 3));
    let outcomes = catalog.take(&orders).await;
    assert!(are_own(&outcomes, &orders), "{outcomes:?}");
    assert_eq!(catalog.calls(), (2, 3));
    catalog.server.stop(false).await;
}

#[tokio::test]
async fn a_request_for_several_that_is_refused_says_nothing_of_any_and_each_goes_alone() {
    let (catalog, orders) = (Catalog::start(Mood::Refuses, FOREVER), orders(7));
    let outcomes = catalog.take(&orders).await;
    assert!(are_own(&outcomes, &orders), "{outcomes:?}");
    assert_eq!(catalog.calls(), (7, 1));
    catalog.server.stop(false).await;
}

#[tokio::test]
async fn a_request_for_several_without_an_answer_is_unknown_to_each() {
    let (catalog, orders) = (Catalog::start(Mood::Fails, FOREVER), orders(7));
    let outcomes = catalog.take(&orders).await;
    assert!(are_own(&outcomes[..2], &orders[..2]), "{outcomes:?}");
    assert!(outcomes[2..].iter().all(|outcome| matches!(outcome, Outcome::Unknown(_))), "{outcomes:?}");
    catalog.server.stop(false).await;
}

#[tokio::test]
async fn nobody_waits_for_long_behind_requests_that_hang() {
    let (catalog, orders) = (Catalog::start(Mood::Well, Duration::ZERO), orders(7));
    let take = |id: &TakingId| catalog.takings.ask(one(*id));
    let (first, others) = orders.split_at(Takings::REQUESTS);
    let others_are_told = async {
        assert!(are_own(&join_all(others.iter().map(take)).await, others));
        // All this time the first ones hang.
        catalog.door.open.send_replace(true);
    };
    let all = async { tokio::join!(join_all(first.iter().map(take)), others_are_told) };
    let (outcomes, ()) = tokio::time::timeout(FOREVER, all).await.unwrap();
    assert!(are_own(&outcomes, first), "{outcomes:?}");
    assert_eq!(catalog.calls(), (2, 1));
    catalog.server.stop(false).await;
}

#[tokio::test]
async fn whoever_goes_away_in_the_middle_of_his_request_leaves_his_turn_to_the_others() {
    let (catalog, orders) = (Catalog::start(Mood::Well, FOREVER), orders(7));
    let takings = &catalog.takings;
    let first: Vec<_> = orders[..2]
        .iter()
        .map(|id| {
            let (takings, id) = (Arc::clone(takings), *id);
            tokio::spawn(async move { takings.ask(one(id)).await })
        })
        .collect();
    eventually("two are under way", async || catalog.door.singles.load(Relaxed) == Takings::REQUESTS).await;
    let others = join_all(orders[2..].iter().map(|id| takings.ask(one(*id))));
    let leave = async { first.iter().for_each(tokio::task::JoinHandle::abort) };
    let (outcomes, ()) = tokio::join!(others, leave);
    assert!(are_own(&outcomes, &orders[2..]), "{outcomes:?}");
    assert_eq!(catalog.door.severals.load(Relaxed), 1);
    catalog.server.stop(false).await;
}
