//! The Lastcopy bookshop: the launcher of its four services, and the command line of whoever runs them.

/// Where the shop of a data directory listens, left in `shop.json` while it runs.
pub mod address;
/// The invariants, held against the databases of a shop.
pub mod audit;
/// The whole shop as it was at one instant, and the way back.
mod backup;
/// What can be asked on the command line.
pub mod cli;
/// Where the databases of a shop are.
pub mod databases;
/// The books of the demo, on the first start.
mod demo;
/// The way in for the tools: the shop that runs, or one of their own for the duration.
pub mod door;
/// Why a command ended early.
mod error;
/// The catalog as a CSV file.
pub mod export;
/// Whether a service is ready, for whoever watches over containers.
mod health;
/// Books from a CSV file into the catalog.
pub mod import;
/// Every database brought up to date.
mod migrate;
/// An embedded shop into databases of a server.
mod moving;
/// Events that a subscriber refused for good.
mod parked;
/// The sandbox payment provider.
pub mod payments;
/// Accounts and API keys, by whoever has the machine.
mod people;
/// Ports, held from the moment they are chosen until their service listens.
mod ports;
/// The four services in one process.
pub mod shop;
/// `lastcopy up`: start, say so, stop.
mod up;
/// A folder that is there whole or not at all.
mod whole_folder;

pub use error::CommandError;
