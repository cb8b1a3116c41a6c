/// One SQL text on two engines, in transactions that are all or nothing.
pub mod db;
/// What tests of every crate share: throw-away databases, waiting on conditions.
#[cfg(feature = "testing")]
pub mod testing;
