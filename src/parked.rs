use std::{
    io::{self, Write},
    process::ExitCode,
};

use reqwest::Method;
use shared_types::events::{ParkedEvent, ParkedEvents, ReplayRequest};

use crate::{
    CommandError,
    door::{Door, DoorArgs},
};

/// The services that tell others of events.
const TELLERS: [&str; 3] = ["catalog", "order", "delivery"];

/// Which parked events to send again.
#[derive(Debug, Clone, clap::Args)]
pub struct ParkedArgs {
    /// Send this one again: the service that tells, its subscriber, and the event's id, as the list shows them.
    #[arg(long, num_args = 3, value_names = ["SERVICE", "SUBSCRIBER", "EVENT_ID"])]
    pub replay: Option<Vec<String>>,
    #[command(flatten)]
    pub door: DoorArgs,
}

/// `lastcopy parked`: one line per event that a subscriber refused for good.
pub async fn run(args: ParkedArgs) -> Result<ExitCode, CommandError> {
    if args.door.url.is_none() && !args.door.data_dir.is_dir() {
        return Err(CommandError::Usage(format!("{}: there is no shop here", args.door.data_dir.display())));
    }
    let door = Door::open(&args.door).await?;
    let outcome = match args.replay.as_deref() {
        Some([service, subscriber, event_id]) => replay(&door, service, subscriber, event_id).await,
        _ => list(&door).await,
    };
    door.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn replay(door: &Door, service: &str, subscriber: &str, event_id: &str) -> Result<(), CommandError> {
    if !TELLERS.contains(&service) {
        return Err(CommandError::Usage(format!("{service:?} is none of {}", TELLERS.join(", "))));
    }
    let replay = ReplayRequest { subscriber: subscriber.to_owned(), event_id: event_id.to_owned() };
    let path = format!("/api/v1/parked-events/{service}/replay");
    let left: ParkedEvents = door.ask(Method::POST, &path, Some(&replay)).await?;
    show(service, &left.items)
}

async fn list(door: &Door) -> Result<(), CommandError> {
    for service in TELLERS {
        let path = format!("/api/v1/parked-events/{service}");
        let parked: ParkedEvents = door.ask(Method::GET, &path, None::<&()>).await?;
        show(service, &parked.items)?;
    }
    Ok(())
}

fn show(service: &str, events: &[ParkedEvent]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    for ParkedEvent { subscriber, event_id, subject, detail } in events {
        let why = detail.as_deref().unwrap_or_default();
        writeln!(out, "{service} {subscriber} {event_id} {subject} {why}").map_err(CommandError::Output)?;
    }
    Ok(())
}
