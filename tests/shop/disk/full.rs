//! A disk that is full for long, until somebody frees it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use reqwest::Method;
use service_kit::testing::eventually;

use super::engine_is_sqlite;
use crate::{
    cluster::{Basket, Cluster, Order},
    storms,
};

/// Room for the order service and for a day like this one.
const DISK: &str = "size=32m";
/// Purchases that are refused before anybody frees the disk: the gateway tries each again until its deadline, so this is a
/// quarter of a minute.
const REFUSED: usize = 12;

/// A small disk in the place of a folder, with what was in the folder. Gone with this value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn under(folder: &Path) -> SmallDisk {
        let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        let contents: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "lastcopy-test"]).arg(folder).status();
        assert!(mounted.unwrap().success(), "mounting a disk needs root");
        for (file, content) in files.iter().zip(contents) {
            fs::write(file, content).unwrap();
        }
        SmallDisk(folder.to_path_buf())
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// To the last byte.
    fn fill(&self) {
        let mut ballast = fs::File::create(self.ballast()).unwrap();
        for piece in [64 * 1024, 1] {
            while ballast.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open keeps it.
        Command::new("umount").arg("-l").arg(&self.0).status().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs leave to mount a disk; `scripts/test` runs it"]
async fn a_full_disk_refuses_purchases_for_as_long_as_it_is_full_and_nothing_else() {
    engine_is_sqlite();
    let mut shop = Cluster::start().await;
    let (book, caller) = (shop.book("Heavy", 1_000).await, shop.operator());
    shop.kill(Order);
    let disk = SmallDisk::under(shop.database_file(Order).parent().unwrap());
    shop.restart(Order).await;
    shop.until_ready().await;
    let before = caller.buy(&Basket::of(&[(book, 1)])).await.order().id;

    disk.fill();
    let (mut refused, mut first) = (0, None);
    eventually("so many are refused", async || {
        let basket = Basket::of(&[(book, 1)]);
        let answer = caller.send_once(&basket).await.expect("the gateway answers");
        // What fits into a log that is there already is kept.
        assert!(matches!(answer.status, 201 | 202 | 503), "{answer:?}");
        if answer.status == 503 {
            assert_eq!(answer.body["retryable"], true, "{answer:?}");
            first.get_or_insert(basket);
            refused += 1;
        }
        refused == if storms::is_long() { 20 * REFUSED } else { REFUSED }
    })
    .await;
    let order = caller.call(Method::GET, &format!("/orders/{before}"), None, None).await.unwrap();
    let orders = caller.call(Method::GET, "/orders", None, None).await.unwrap();
    assert_eq!((order.status, orders.status), (200, 200), "who reads needs no room");
    assert!(!shop.is_dead(Order), "it waits for room, and does not end");

    disk.free();
    caller.buy(&first.unwrap()).await.order();
    assert!(!shop.is_dead(Order), "nobody had to start it again");
    shop.finish().await;
    drop(disk);
}
