use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;
use uuid::Uuid;

/// News that are kept for those who come back.
pub const MAX_KEPT: usize = 1_024;
/// News in one piece of a stream at most.
const MAX_PIECE: usize = 64;

/// What happened lately, and everybody who listens.
///
/// There is one ring of news and no queue for a listener: each knows how far he has read. So a slow one costs nothing,
/// and one who is so slow that the ring has overtaken him has missed something, and is cut off.
#[derive(Debug)]
pub struct Hub {
    /// Numbers of another life of this process, or of another gateway, mean nothing here.
    epoch: String,
    ring: Mutex<Ring>,
    latest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<News>,
    /// The number of the next one; the first is 0.
    next: u64,
}

#[derive(Debug)]
struct News {
    /// Told twice, it is one piece of news.
    key: String,
    text: String,
}

impl Ring {
    fn oldest(&self) -> u64 {
        self.next - self.kept.len() as u64
    }
}

impl Hub {
    pub fn new() -> Arc<Hub> {
        let epoch = Uuid::now_v7().simple().to_string();
        Arc::new(Hub { epoch, ring: Mutex::default(), latest: watch::Sender::new(0) })
    }

    /// Tells everybody who listens, once per `key`. `data` is one line.
    pub fn tell(&self, key: String, kind: &str, data: &str) {
        let mut ring = self.ring();
        if ring.kept.iter().any(|news| news.key == key) {
            return;
        }
        let text = format!("id: {}-{}\nevent: {kind}\ndata: {data}\n\n", self.epoch, ring.next);
        if ring.kept.len() == MAX_KEPT {
            ring.kept.pop_front();
        }
        ring.kept.push_back(News { key, text });
        ring.next += 1;
        self.latest.send_replace(ring.next);
    }

    /// Listens from now on, or from where somebody stopped (`Last-Event-ID`). Where what he missed is no longer known he
    /// is told so first, by a `reset`: what he has is to be read anew.
    pub fn listen(self: &Arc<Hub>, last: Option<&str>) -> Listener {
        let ring = self.ring();
        let resumed = last.map(|last| {
            let number: u64 = last.strip_prefix(&self.epoch)?.strip_prefix('-')?.parse().ok()?;
            let position = number.checked_add(1)?;
            (ring.oldest()..=ring.next).contains(&position).then_some(position)
        });
        let position = resumed.flatten().unwrap_or(ring.next);
        let reset = (resumed == Some(None)).then(|| match position {
            0 => "event: reset\ndata: {}\n\n".to_owned(),
            position => format!("id: {}-{}\nevent: reset\ndata: {{}}\n\n", self.epoch, position - 1),
        });
        Listener { hub: Arc::clone(self), latest: self.latest.subscribe(), position, reset }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who listens.
pub struct Listener {
    hub: Arc<Hub>,
    latest: watch::Receiver<u64>,
    position: u64,
    reset: Option<String>,
}

impl Listener {
    /// The next piece of the stream: news, or a sign of life after `heartbeat` without any. None: he was too slow.
    pub async fn next(&mut self, heartbeat: Duration) -> Option<String> {
        if let Some(reset) = self.reset.take() {
            return Some(reset);
        }
        loop {
            // Before the look: what is told after it wakes us.
            self.latest.mark_unchanged();
            match self.read()? {
                text if !text.is_empty() => return Some(text),
                _ => {}
            }
            match tokio::time::timeout(heartbeat, self.latest.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(": still here\n\n".to_owned()),
            }
        }
    }

    fn read(&mut self) -> Option<String> {
        let ring = self.hub.ring();
        let at = usize::try_from(self.position.checked_sub(ring.oldest())?).ok()?;
        let news = ring.kept.iter().skip(at).take(MAX_PIECE);
        let mut text = String::new();
        for news in news {
            text.push_str(&news.text);
            self.position += 1;
        }
        Some(text)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    fn tell(hub: &Hub, n: usize) {
        hub.tell(format!("k{n}"), "book.changed", &format!("{{\"n\":{n}}}"));
    }

    fn ids(text: &str) -> Vec<&str> {
        text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
    }

    #[tokio::test]
    async fn news_come_in_order_once_and_a_sign_of_life_when_there_are_none() {
        let hub = Hub::new();
        let mut listener = hub.listen(None);
        for n in [1, 2, 2, 1, 3] {
            tell(&hub, n);
        }
        let text = listener.next(SOON).await.unwrap();
        assert_eq!(text.matches("data: ").count(), 3, "{text}");
        assert!(text.find("{\"n\":1}") < text.find("{\"n\":2}") && text.find("{\"n\":2}") < text.find("{\"n\":3}"));
        assert_eq!(listener.next(SOON).await.unwrap(), ": still here\n\n");
    }

    #[tokio::test]
    async fn who_comes_back_is_told_what_he_missed() {
        let hub = Hub::new();
        let mut first = hub.listen(None);
        tell(&hub, 1);
        let text = first.next(SOON).await.unwrap();
        let last = ids(&text)[0].to_owned();
        drop(first);
        (2..=4).for_each(|n| tell(&hub, n));
        let missed = hub.listen(Some(&last)).next(SOON).await.unwrap();
        assert_eq!(missed.matches("data: ").count(), 3, "{missed}");
        let none = ids(&missed)[2].to_owned();
        assert_eq!(hub.listen(Some(&none)).next(SOON).await.unwrap(), ": still here\n\n");
    }

    #[tokio::test]
    async fn who_was_away_too_long_or_elsewhere_is_told_to_start_over() {
        let hub = Hub::new();
        let mut first = hub.listen(None);
        tell(&hub, 0);
        let old = ids(&first.next(SOON).await.unwrap())[0].to_owned();
        (1..=MAX_KEPT + 1).for_each(|n| tell(&hub, n));
        let of_the_future = format!("{}-999999", hub.epoch);
        for last in [old.as_str(), "elsewhere-3", "", "-", &of_the_future] {
            let mut listener = hub.listen(Some(last));
            let text = listener.next(SOON).await.unwrap();
            assert!(text.contains("event: reset"), "{last}: {text}");
            let resumed = hub.listen(Some(ids(&text)[0])).next(SOON).await.unwrap();
            assert_eq!(resumed, ": still here\n\n", "the reset itself can be resumed from");
        }
    }

    #[tokio::test]
    async fn who_is_too_slow_is_cut_off_and_holds_nobody_up() {
        let hub = Hub::new();
        let (mut slow, mut quick) = (hub.listen(None), hub.listen(None));
        for n in 0..=MAX_KEPT {
            tell(&hub, n);
            assert!(quick.next(SOON).await.is_some());
        }
        assert_eq!(slow.next(SOON).await, None);
        assert_eq!(hub.ring().kept.len(), MAX_KEPT);
    }
}
