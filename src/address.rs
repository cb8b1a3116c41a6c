use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use reqwest::Method;
use serde::{Deserialize, Serialize, Serializer};
use service_kit::{Client, ClientOptions, Outcome, http::Running};
use shared_types::Secret;

/// Name of the file in the data directory.
const FILE: &str = "shop.json";
/// A shop that runs says so within this time.
const ANSWER_DEADLINE_MS: u64 = 2_000;

/// Where the shop of a data directory listens, and the key with which its tools are let in: whoever may read the file
/// may do what the shop's operator may, so nobody else may read it. The file is there while the shop runs; one that was left behind by a
/// shop that was killed is told by its process being gone or by nobody answering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopAddress {
    /// The public door.
    pub gateway: String,
    pub services: ServiceAddresses,
    /// The process that runs them all.
    pub pid: u32,
    /// The operator's key, a new one with every start.
    #[serde(serialize_with = "exposed")]
    pub operator_key: Secret,
}

fn exposed<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// Where the services behind the gateway listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAddresses {
    pub catalog: String,
    pub order: String,
    pub delivery: String,
    /// The sandbox payment provider.
    #[serde(default)]
    pub payments: String,
}

impl ShopAddress {
    /// The address of services that this process runs.
    pub(crate) fn of(running: &[Running], operator_key: &Secret) -> ShopAddress {
        let url = |name: &str| {
            let found = running.iter().find(|service| service.name() == name);
            found.map(Running::url).unwrap_or_default()
        };
        ShopAddress {
            gateway: url("gateway"),
            services: ServiceAddresses {
                catalog: url("catalog"),
                order: url("order"),
                delivery: url("delivery"),
                payments: url("payments"),
            },
            pid: std::process::id(),
            operator_key: operator_key.clone(),
        }
    }

    /// Leaves the address in the data directory, whole or not at all.
    pub(crate) fn leave(&self, data_dir: &Path) -> io::Result<()> {
        let unfinished = data_dir.join(format!("{FILE}.{}", self.pid));
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        // Left behind by a process of the same number, it might be readable for others.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) | Ok(()) => {}
        }
        create_for_owner(&unfinished)?.write_all(&json)?;
        fs::rename(&unfinished, path(data_dir))
    }

    /// Removes the address that this process left, and nobody else's.
    pub(crate) fn remove_own(data_dir: &Path) {
        if ShopAddress::read(data_dir).is_some_and(|address| address.pid == std::process::id())
            && let Err(error) = fs::remove_file(path(data_dir))
        {
            tracing::warn!(%error, "{FILE} was not removed");
        }
    }

    /// The shop that runs on this data directory, if one does.
    pub async fn find(data_dir: &Path) -> Option<ShopAddress> {
        let address = ShopAddress::read(data_dir)?;
        (process_exists(address.pid) && answers(&address.gateway).await).then_some(address)
    }

    fn read(data_dir: &Path) -> Option<ShopAddress> {
        serde_json::from_slice(&fs::read(path(data_dir)).ok()?).ok()
    }
}

/// A new file that only its owner may read and write.
fn create_for_owner(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// Another user's process exists too: only "no such process" means that it is gone.
fn process_exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

async fn answers(gateway: &str) -> bool {
    let options = ClientOptions { connect_ms: ANSWER_DEADLINE_MS, call_ms: ANSWER_DEADLINE_MS };
    let Ok(client) = Client::new(gateway, options) else { return false };
    let live = client.call::<(), serde_json::Value>(Method::GET, "/health/live", None, &[200]).await;
    matches!(live, Outcome::Done(_))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn left(data_dir: &Path, pid: u32) -> ShopAddress {
        let nobody = "http://127.0.0.1:1".to_owned();
        let services = ServiceAddresses {
            catalog: nobody.clone(),
            order: nobody.clone(),
            delivery: nobody.clone(),
            payments: nobody.clone(),
        };
        let operator_key = Secret::new("the operator's key");
        let address = ShopAddress { gateway: nobody, services, pid, operator_key };
        address.leave(data_dir).unwrap();
        address
    }

    #[tokio::test]
    async fn an_address_left_by_a_shop_that_is_gone_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ShopAddress::find(folder.path()).await, None);
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        left(folder.path(), gone.id());
        assert!(!process_exists(gone.id()));
        assert_eq!(ShopAddress::find(folder.path()).await, None);
        let address = left(folder.path(), std::process::id());
        assert!(process_exists(address.pid));
        assert_eq!(ShopAddress::find(folder.path()).await, None, "the process is there and nobody answers");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_but_its_owner_reads_the_operators_key() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let address = left(folder.path(), std::process::id());
        assert_eq!(ShopAddress::read(folder.path()), Some(address.clone()));
        assert_eq!(fs::metadata(path(folder.path())).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{address:?}").contains("operator's key"), "{address:?}");
    }

    #[test]
    fn only_the_shop_that_left_an_address_removes_it() {
        let folder = tempfile::tempdir().unwrap();
        let address = left(folder.path(), 1);
        ShopAddress::remove_own(folder.path());
        assert_eq!(ShopAddress::read(folder.path()), Some(address));
        left(folder.path(), std::process::id());
        ShopAddress::remove_own(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
