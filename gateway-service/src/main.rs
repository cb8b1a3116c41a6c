use std::process::ExitCode;

use clap::Parser;
use service_kit::process::{self, LogArgs};

/// Lastcopy's gateway: the only public door.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    config: gateway_service::Config,
    #[command(flatten)]
    log: LogArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    process::run("gateway", &args.log, async { Ok(vec![gateway_service::start(args.config).await?]) })
}
