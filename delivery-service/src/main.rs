//! The delivery service as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use service_kit::process::{LogArgs, run};

/// Lastcopy's delivery service.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    config: delivery_service::Config,
    #[command(flatten)]
    log: LogArgs,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    run("delivery", &arguments.log, async { Ok(vec![delivery_service::start(arguments.config).await?]) })
}
