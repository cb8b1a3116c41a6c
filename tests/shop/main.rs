//! The shop as one system: four processes, the network between them, and customers.
//!
//! What happens here happens to real processes over real connections. The engine is chosen by `LASTCOPY_TEST_DB`
//! (`sqlite`, or `postgres`), and `LASTCOPY_TEST_LONG=1` makes storms last minutes instead of seconds.
#![expect(clippy::unwrap_used, reason = "tests")]

/// Clocks that are wrong, and set right again.
mod clocks;
/// What goes on while nobody comes in.
mod closed;
/// The shop in the hands of a test.
mod cluster;
/// Every fault point of every service.
mod crashes;
/// What a customer, an employee and a courier do in the shop on one day, answer by answer.
mod day;
/// Disks that lose what was not synced, or fail.
mod disk;
/// What the shop shows of itself: numbers, alerts, the dashboard.
mod eyes;
/// One order that explains everything that was seen.
mod histories;
/// Tokens and the keys that they are verified with, between processes.
mod keys;
/// Databases that somebody outside holds.
mod locks;
/// Every fault of every link.
mod matrix;
/// Webhooks that are early, late, doubled; charges that meet a cancellation.
mod money;
/// Links that lose answers, are cut, or are slow.
mod network;
/// More than the shop can do.
mod overload;
/// Parcels that are late, fail and come back.
mod parcels;
/// Services that do nothing for longer than anybody waits.
mod pauses;
/// Buyers who want the same copies at the same time.
mod races;
/// What chance decided, to be decided again.
mod seed;
/// What replicas share is killed, emptied, silent, or cut off in the middle of a COMMIT.
mod shared;
/// Subscribers who take their time.
mod slow;
/// Services that are told to stop while customers buy.
mod stops;
/// Services that are killed while customers buy.
mod storms;
/// Spans on their way to a collector.
mod traces;
/// One service in trouble, and the others.
mod upstreams;
