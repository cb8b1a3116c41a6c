//! Every direction of asking × everything that a network can do, one at a time, on a day in the shop. The links are those
//! that the cluster has, the faults those that a link knows: a new one of either is in here by itself.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use service_kit::testing::eventually;

use crate::{
    cluster::{Buyers, Cluster, Fault, KEY_LINKS, PATIENCE, Part},
    day::{Day, undisturbed_day},
    seed::Seed,
    storms::is_long,
};

/// From the moment at which the network is well to the rest of every order. The remainder of the day is no rest: as long as
/// a whole day takes on this machine is added.
const REST_DEADLINE: Duration = Duration::from_secs(10);
/// What a busy machine may add to the time that a caller says he waits.
const BUSY: Duration = Duration::from_secs(2);
/// Of whoever waits longest for an answer: who sends SMS, for 15 s.
const LONGEST_CALL: Duration = Duration::from_secs(15);
/// Shops at the same time: most of what happens here is waiting.
const LANES: usize = 3;

#[derive(Debug, Clone, Copy)]
struct Cell {
    from: Part,
    to: Part,
    fault: Fault,
}

/// All of them in the long run. Else every link once and every fault at least once, whichever meet by the seed.
fn cells(links: &[(Part, Part)], dice: &mut StdRng) -> Vec<Cell> {
    let (mut links, mut faults) = (links.to_vec(), Fault::ALL.to_vec());
    links.shuffle(dice);
    faults.shuffle(dice);
    let cell = |(from, to), fault| Cell { from, to, fault };
    if is_long() {
        let all = links.iter().flat_map(|link| faults.iter().map(|fault| cell(*link, *fault)));
        return all.collect();
    }
    assert!(links.len() >= faults.len());
    links.into_iter().zip(faults.into_iter().cycle()).map(|(link, fault)| cell(link, fault)).collect()
}

/// One day that the fault meets. The time from the network's recovery to rest.
async fn endure(shop: &mut Cluster, cell: Cell, dice: &mut StdRng, usual_day: Duration) -> Duration {
    let link = shop.link(cell.from, cell.to);
    let before = link.bites();
    let times = dice.random_range(if cell.fault.is_silent() { 1..=2 } else { 1..=4 });
    let mut slowest = Duration::ZERO;
    // Not every day has so many messages on every link: one that spares none follows where one has to.
    for (spared, times) in [(dice.random_range(0..6), times), (0, 1)] {
        link.suffer(cell.fault, spared, times);
        let day = tokio::spawn(Day::of(shop).live());
        if KEY_LINKS.contains(&(cell.from, cell.to)) {
            // Who has just been started knows no keys, and asks for them.
            shop.restart(cell.from).await;
        }
        let is_last = spared == 0;
        eventually(&format!("{cell:?} happens"), async || {
            link.has_suffered() || (day.is_finished() && (!is_last || link.bites() > before))
        })
        .await;
        if cell.from != Buyers {
            let began = Instant::now();
            eventually(&format!("{cell:?}: whoever hears nothing gives up"), async || link.hanging() == 0).await;
            assert!(began.elapsed() <= LONGEST_CALL + BUSY, "{cell:?}: asked for {:?}", began.elapsed());
        }
        link.recover();
        let began = Instant::now();
        let lived = day.await;
        assert!(lived.is_ok(), "{cell:?}: {lived:?}");
        let rest = began.elapsed() + shop.check().await;
        assert!(rest <= REST_DEADLINE + usual_day, "{cell:?}: at rest only after {rest:?}");
        slowest = slowest.max(rest);
        if link.bites() > before {
            break;
        }
    }
    let (waited, what) = shop.longest_wait();
    // Who hears nothing from the gateway itself has nobody but himself to end his waiting.
    assert!(cell.from == Buyers || waited <= PATIENCE + BUSY, "{cell:?}: {waited:?} for {what}");
    slowest
}

/// The cells one after the other in one shop. The longest time to rest, and faults met.
async fn lane(cells: Vec<Cell>, mut dice: StdRng) -> (Duration, u64) {
    let mut shop = Cluster::start().await;
    let mut slowest = Duration::ZERO;
    let usual_day = undisturbed_day(&mut shop).await;
    for cell in cells {
        let began = Instant::now();
        let rest = endure(&mut shop, cell, &mut dice, usual_day).await;
        eprintln!("{cell:?}: {:?}, at rest after {rest:?}", began.elapsed());
        slowest = slowest.max(rest);
    }
    let bites = Cluster::links().into_iter().map(|(from, to)| shop.link(from, to).bites()).sum();
    shop.finish().await;
    (slowest, bites)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_network_does_on_any_link_is_outlived() {
    let seed = Seed::of("matrix::whatever_the_network_does_on_any_link_is_outlived");
    let links = Cluster::links();
    let cells = cells(&links, &mut seed.dice(0));
    let lanes = (0..LANES).map(|lane_no| {
        let mine = cells.iter().skip(lane_no).step_by(LANES).copied().collect();
        lane(mine, seed.dice(1 + lane_no as u64))
    });
    let ended = join_all(lanes).await;
    let (slowest, bites) = ended.iter().fold((Duration::ZERO, 0), |sum, one| (sum.0.max(one.0), sum.1 + one.1));
    let (count, links, faults) = (cells.len(), links.len(), Fault::ALL.len());
    let figures =
        format!("{links} links, {faults} faults: {count} days, {bites} met, at rest after {slowest:.1?} at most");
    seed.has_shown("network", &figures);
}

/// Every call between any two, each action and each undo of one: on all links at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_on_which_everything_arrives_twice_is_a_day_like_any_other() {
    let mut shop = Cluster::start().await;
    let links = || Cluster::links().into_iter().map(|(from, to)| shop.link(from, to));
    links().for_each(|link| link.suffer(Fault::Duplicate, 0, u64::MAX));
    Day::of(&shop).live().await;
    let doubled: u64 = links().map(|link| link.doubled()).sum();
    assert!(doubled > 50, "{doubled} calls");
    eprintln!("{doubled} calls arrived twice");
    shop.check().await;
    shop.finish().await;
}
