//! The order service as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use service_kit::process::{LogArgs, run};

/// Lastcopy's order service.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    config: order_service::Config,
    #[command(flatten)]
    log: LogArgs,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    run("order", &arguments.log, async { Ok(vec![order_service::start(arguments.config).await?]) })
}
