use std::{future::Future, process::ExitCode};

use clap::{Parser, Subcommand};
use service_kit::{
    process::{self, LogArgs},
    telemetry::{self, LogFormat},
};

use crate::{
    CommandError,
    audit::{self, AuditCommand},
    backup::{self, BackupArgs, RestoreArgs},
    export::{self, ExportArgs},
    health::{self, HealthArgs},
    import::{self, ImportArgs},
    migrate::{self, MigrateArgs},
    moving::{self, MoveArgs},
    parked::{self, ParkedArgs},
    payments,
    people::{self, KeyCommand, UserCommand},
    up::{self, UpArgs},
};

/// A command that could not do what it was asked.
const FAILED: u8 = 1;

/// Lastcopy: a bookshop that never sells a copy twice. Without a command the whole shop starts, as with `up`.
#[derive(Parser)]
#[command(name = "lastcopy", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    up: UpArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the whole shop in one process.
    Up(UpArgs),
    /// Start one service.
    #[command(subcommand)]
    Serve(Service),
    /// Read books from a CSV file into the catalog. Exit code 0: every row was taken; 2: some were rejected; 1: failed.
    Import(ImportArgs),
    /// Write the catalog as CSV, in a form that `import` reads back.
    Export(ExportArgs),
    /// Check the shop's promises on its own databases, read-only. Exit code 1: something was found.
    Audit(Box<AuditCommand>),
    /// Copy every database of a data directory, as they all were at one instant, while the shop sells. Exit code 1: the
    /// copy does not keep the shop's promises.
    Backup(BackupArgs),
    /// Fill an empty data directory from a backup. Exit code as with `backup`.
    Restore(RestoreArgs),
    /// Ask a service whether it is ready. Exit code 1: it is not.
    Health(HealthArgs),
    /// See events that somebody refused for good, and send them again once the cause was mended.
    Parked(ParkedArgs),
    /// Copy a shop that has stopped into databases of a server, compare, and check the promise on both sides.
    Move(MoveArgs),
    /// Bring the schema of every database up to date, and stop.
    Migrate(MigrateArgs),
    /// Open accounts, also while the shop runs.
    #[command(subcommand)]
    User(UserCommand),
    /// Make API keys, also while the shop runs.
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Subcommand)]
enum Service {
    Catalog(catalog_service::Config),
    Order(Box<order_service::Config>),
    Delivery(delivery_service::Config),
    Gateway(Box<gateway_service::Config>),
    /// The sandbox payment provider.
    Payments(payments::Config),
}

/// Does what the command line of this process asks.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        None => up::run(&cli.log, &cli.up),
        Some(Command::Up(args)) => up::run(&cli.log, &args),
        Some(Command::Serve(service)) => serve(&cli.log, service),
        Some(Command::Import(args)) => tool(import::run(args)),
        Some(Command::Export(args)) => tool(export::run(args)),
        Some(Command::Audit(args)) => audit(&cli.log, *args),
        Some(Command::Backup(args)) => tool(backup::backup(args)),
        Some(Command::Restore(args)) => tool(backup::restore(args)),
        Some(Command::Health(args)) => tool(health::run(args)),
        Some(Command::Parked(args)) => tool(parked::run(args)),
        Some(Command::Move(args)) => tool(moving::run(args)),
        Some(Command::Migrate(args)) => tool(migrate::run(args)),
        Some(Command::User(command)) => tool(people::user(command)),
        Some(Command::Key(command)) => tool(people::key(command)),
    }
}

fn audit(log: &LogArgs, command: AuditCommand) -> ExitCode {
    let AuditCommand { audit: args, watch } = command;
    match watch.every {
        Some(pause_s) => {
            process::run("audit", log, async move { Ok(vec![audit::watch(args, pause_s, watch.listen).await?]) })
        }
        None => tool(audit::run(args)),
    }
}

fn serve(log: &LogArgs, service: Service) -> ExitCode {
    let name = match service {
        Service::Catalog(_) => "catalog",
        Service::Order(_) => "order",
        Service::Delivery(_) => "delivery",
        Service::Gateway(_) => "gateway",
        Service::Payments(_) => "payments",
    };
    process::run(name, log, async {
        let running = match service {
            Service::Catalog(config) => catalog_service::start(config).await,
            Service::Order(config) => order_service::start(*config).await,
            Service::Delivery(config) => delivery_service::start(config).await,
            Service::Gateway(config) => gateway_service::start(*config).await,
            Service::Payments(config) => payments::start(config).await,
        };
        Ok(vec![running?])
    })
}

/// Runs a command that ends by itself. What it has to say goes to standard output, trouble to standard error.
fn tool(command: impl Future<Output = Result<ExitCode, CommandError>>) -> ExitCode {
    telemetry::init(LogFormat::Pretty, "warn");
    let outcome = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => Err(CommandError::Usage(format!("the runtime cannot start: {error}"))),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("lastcopy: {error}");
        ExitCode::from(FAILED)
    })
}
