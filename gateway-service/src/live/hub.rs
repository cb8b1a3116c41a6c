use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use service_kit::auth::{Caller, Scope};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use uuid::Uuid;

/// News that are kept for those who come back.
pub const MAX_KEPT: usize = 8_192;
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
    /// Told twice, it is one piece of news.
    keys: HashSet<Arc<str>>,
    /// The number of the next one; the first is 0.
    next: u64,
}

#[derive(Debug)]
struct News {
    key: Arc<str>,
    audience: Audience,
    text: String,
}

/// Whose business a piece of news is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    Everybody,
    /// This principal's, and the staff's.
    Owner(String),
}

/// What somebody hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ear {
    /// As whom he hears of his own orders; nobody where they are not his to see.
    principal: Option<String>,
    /// Whoever reviews orders hears of all of them.
    hears_all: bool,
}

impl Ear {
    pub fn of(caller: &Caller) -> Ear {
        let principal = caller.may(Scope::OrdersRead).then(|| caller.principal());
        Ear { principal, hears_all: caller.may(Scope::OrdersRead) && caller.may(Scope::OrdersReview) }
    }

    fn hears(&self, audience: &Audience) -> bool {
        match audience {
            Audience::Everybody => true,
            Audience::Owner(owner) => self.hears_all || self.principal.as_ref() == Some(owner),
        }
    }
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

    /// Tells everybody whose business it is, once per `key`. `data` is one line.
    pub fn tell(&self, key: String, audience: Audience, kind: &str, data: &str) {
        let (mut ring, key): (_, Arc<str>) = (self.ring(), key.into());
        if !ring.keys.insert(Arc::clone(&key)) {
            return;
        }
        let text = format!("id: {}-{}\nevent: {kind}\ndata: {data}\n\n", self.epoch, ring.next);
        if ring.kept.len() == MAX_KEPT
            && let Some(oldest) = ring.kept.pop_front()
        {
            ring.keys.remove(&oldest.key);
        }
        ring.kept.push_back(News { key, audience, text });
        ring.next += 1;
        self.latest.send_replace(ring.next);
    }

    /// Listens from now on, or from where somebody stopped (`Last-Event-ID`). Where what he missed is no longer known he
    /// is told so first, by a `reset`: what he has is to be read anew.
    pub fn listen(self: &Arc<Hub>, ear: Ear, last: Option<&str>) -> Listener {
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
        Listener { hub: Arc::clone(self), ear, latest: self.latest.subscribe(), position, reset }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who listens.
pub struct Listener {
    hub: Arc<Hub>,
    ear: Ear,
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
        // News of others are no sign of life to him.
        let beat = Instant::now() + heartbeat;
        loop {
            // Before the look: what is told after it wakes us.
            self.latest.mark_unchanged();
            match self.read()? {
                text if !text.is_empty() => return Some(text),
                _ => {}
            }
            match timeout_at(beat, self.latest.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(": still here\n\n".to_owned()),
            }
        }
    }

    fn read(&mut self) -> Option<String> {
        let ring = self.hub.ring();
        let at = usize::try_from(self.position.checked_sub(ring.oldest())?).ok()?;
        let (mut text, mut pieces) = (String::new(), 0);
        for news in ring.kept.iter().skip(at) {
            if self.ear.hears(&news.audience) {
                text.push_str(&news.text);
                pieces += 1;
            }
            self.position += 1;
            if pieces == MAX_PIECE {
                break;
            }
        }
        Some(text)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use service_kit::auth::{Scopes, Who};
    use shared_types::AccountId;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    fn tell(hub: &Hub, n: usize) {
        hub.tell(format!("k{n}"), Audience::Everybody, "book.changed", &format!("{{\"n\":{n}}}"));
    }

    fn nobody() -> Ear {
        Ear::of(&Caller::anonymous())
    }

    fn ids(text: &str) -> Vec<&str> {
        text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
    }

    #[tokio::test]
    async fn news_come_in_order_once_and_a_sign_of_life_when_there_are_none() {
        let hub = Hub::new();
        let mut listener = hub.listen(nobody(), None);
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
        let mut first = hub.listen(nobody(), None);
        tell(&hub, 1);
        let text = first.next(SOON).await.unwrap();
        let last = ids(&text)[0].to_owned();
        drop(first);
        (2..=4).for_each(|n| tell(&hub, n));
        let missed = hub.listen(nobody(), Some(&last)).next(SOON).await.unwrap();
        assert_eq!(missed.matches("data: ").count(), 3, "{missed}");
        let none = ids(&missed)[2].to_owned();
        assert_eq!(hub.listen(nobody(), Some(&none)).next(SOON).await.unwrap(), ": still here\n\n");
    }

    #[tokio::test]
    async fn who_was_away_too_long_or_elsewhere_is_told_to_start_over() {
        let hub = Hub::new();
        let mut first = hub.listen(nobody(), None);
        tell(&hub, 0);
        let old = ids(&first.next(SOON).await.unwrap())[0].to_owned();
        (1..=MAX_KEPT + 1).for_each(|n| tell(&hub, n));
        let of_the_future = format!("{}-999999", hub.epoch);
        for last in [old.as_str(), "elsewhere-3", "", "-", &of_the_future] {
            let mut listener = hub.listen(nobody(), Some(last));
            let text = listener.next(SOON).await.unwrap();
            assert!(text.contains("event: reset"), "{last}: {text}");
            let resumed = hub.listen(nobody(), Some(ids(&text)[0])).next(SOON).await.unwrap();
            assert_eq!(resumed, ": still here\n\n", "the reset itself can be resumed from");
        }
    }

    #[tokio::test]
    async fn who_is_too_slow_is_cut_off_and_holds_nobody_up() {
        let hub = Hub::new();
        let (mut slow, mut quick) = (hub.listen(nobody(), None), hub.listen(nobody(), None));
        for n in 0..=MAX_KEPT {
            tell(&hub, n);
            assert!(quick.next(SOON).await.is_some());
        }
        assert_eq!(slow.next(SOON).await, None);
        assert_eq!(hub.ring().kept.len(), MAX_KEPT);
    }

    #[tokio::test]
    async fn an_order_is_the_business_of_its_owner_and_of_the_staff_and_of_nobody_else() {
        let guest = |name: &str| Ear::of(&Caller::first_hand(Who::Guest(name.to_owned())));
        let staff = Ear::of(&Caller::first_hand(Who::Employee(AccountId::from_uuid(Uuid::nil()))));
        let no_orders = Caller { scopes: Scopes::NONE, ..Caller::first_hand(Who::Guest("ana".to_owned())) };
        let hub = Hub::new();
        let ears = [guest("ana"), staff, guest("ben"), Ear::of(&no_orders), nobody()];
        let mut listeners = ears.map(|ear| hub.listen(ear, None));
        hub.tell("o1".to_owned(), Audience::Owner("guest:ana".to_owned()), "order.changed", "{}");
        tell(&hub, 1);
        for (at, listener) in listeners.iter_mut().enumerate() {
            let text = listener.next(SOON).await.unwrap();
            assert_eq!((text.contains("order.changed"), text.contains("book.changed")), (at < 2, true), "{at}: {text}");
        }
        assert_eq!(listeners[2].next(SOON).await.unwrap(), ": still here\n\n");
    }
}
