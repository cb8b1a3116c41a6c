use std::{fs, net::IpAddr, path::PathBuf, process::ExitCode};

use clap::builder::FalseyValueParser;
use gateway_service::identity::fresh_operator_key;
use service_kit::{
    http::{Running, StartError},
    process::{self, LogArgs},
};

use crate::{
    address::ShopAddress,
    demo,
    shop::{self, Places},
};

/// Flags of the launcher. Each is an environment variable too.
#[derive(Debug, Clone, clap::Args)]
pub struct UpArgs {
    /// Where the shop keeps its databases.
    #[arg(long, env = "LASTCOPY_DATA_DIR", default_value = "lastcopy-data")]
    pub data_dir: PathBuf,
    /// Address that the gateway listens on: 127.0.0.1 for this machine, 0.0.0.0 for the network. The services behind it
    /// listen on 127.0.0.1 only.
    #[arg(long, env = "LASTCOPY_HOST", default_value = "127.0.0.1", value_parser = host)]
    pub host: IpAddr,
    /// Port of the gateway. 0 is any free one, here and below.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    pub port: u16,
    #[arg(long, env = "LASTCOPY_CATALOG_PORT", default_value_t = 8081)]
    pub catalog_port: u16,
    #[arg(long, env = "LASTCOPY_ORDER_PORT", default_value_t = 8082)]
    pub order_port: u16,
    #[arg(long, env = "LASTCOPY_DELIVERY_PORT", default_value_t = 8083)]
    pub delivery_port: u16,
    /// Port of the sandbox payment provider.
    #[arg(long, env = "LASTCOPY_PAYMENTS_PORT", default_value_t = 8084)]
    pub payments_port: u16,
    /// Start with an empty catalog instead of the 1,000 demo books.
    #[arg(long, env = "LASTCOPY_NO_DEMO", value_parser = FalseyValueParser::new())]
    pub no_demo: bool,
}

fn host(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(IpAddr::from([127, 0, 0, 1]));
    }
    text.parse().map_err(|_| "not an IP address".to_owned())
}

/// Runs the whole shop until it is told to stop.
pub fn run(log: &LogArgs, args: &UpArgs) -> ExitCode {
    let code = process::run("lastcopy", log, bring_up(args));
    ShopAddress::remove_own(&args.data_dir);
    code
}

async fn bring_up(args: &UpArgs) -> Result<Vec<Running>, StartError> {
    let data_dir = &args.data_dir;
    let unusable = |error| StartError::Part(format!("data directory {}: {error}", data_dir.display()));
    fs::create_dir_all(data_dir).map_err(unusable)?;
    if let Some(other) = ShopAddress::find(data_dir).await {
        let (gateway, pid) = (other.gateway, other.pid);
        let place = data_dir.display();
        return Err(StartError::Part(format!("{place} is in use: its shop runs on {gateway} (process {pid})")));
    }
    let places = places(args);
    let running = shop::start(&places).await?;
    let address = ShopAddress::of(&running, &places.operator_key);
    let stocked = if args.no_demo { Ok(()) } else { demo::stock(&address, data_dir).await };
    match stocked.and_then(|()| address.leave(data_dir).map_err(unusable)) {
        Ok(()) => Ok(running),
        Err(error) => {
            process::stop_all(running).await;
            Err(error)
        }
    }
}

fn places(args: &UpArgs) -> Places {
    Places {
        data_dir: args.data_dir.clone(),
        operator_key: fresh_operator_key(),
        demo: !args.no_demo,
        host: args.host,
        gateway_port: args.port,
        catalog_port: args.catalog_port,
        order_port: args.order_port,
        delivery_port: args.delivery_port,
        payments_port: args.payments_port,
    }
}
