use std::process::ExitCode;

use clap::Parser;
use service_kit::process::{self, LogArgs};

/// Lastcopy's catalog service: books, stock and takings.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    config: catalog_service::Config,
    #[command(flatten)]
    log: LogArgs,
}

fn main() -> ExitCode {
    let Arguments { config, log } = Arguments::parse();
    process::run("catalog", &log, async { Ok(vec![catalog_service::start(config).await?]) })
}
