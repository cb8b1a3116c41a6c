//! Calls that go to one service by the hundred. As long as few are under way each goes alone and at once; those that come
//! meanwhile go together with the next request, as a group commit does for the disk.
//!
//! That saves requests and decides nothing: the other service decides each call for itself.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::oneshot, task::yield_now, time::timeout};

use crate::RequestContext;

/// Those who wait are held up so long by a request that hangs; then the next one goes beside it.
const PATIENCE: Duration = Duration::from_millis(250);

/// Calls of one kind, and how they are made.
pub trait Calls: Send + Sync + 'static {
    type One: Clone + Send + Sync;
    type Answer: Send;

    /// Calls in one request, at most.
    const AT_ONCE: usize;
    /// Requests under way at a time, beyond which calls wait for one another.
    const REQUESTS: usize;

    /// Whether the other may be in one request with the first.
    fn may_share(_first: &Self::One, _other: &Self::One) -> bool {
        true
    }

    /// Asks for this one, and nothing else.
    fn alone(&self, one: &Self::One) -> impl Future<Output = Self::Answer> + Send;

    /// Asks for several with one request: what each is told, in their order.
    fn several(&self, ones: Vec<Self::One>) -> impl Future<Output = Vec<Told<Self::Answer>>> + Send;

    /// What each is told of a request that broke off in this process.
    fn abandoned() -> Self::Answer;
}

/// What one who waits is told.
#[derive(Debug)]
pub enum Told<A> {
    Answer(A),
    /// The request for several was refused as a whole, which says nothing of any of them.
    GoAlone,
}

/// The way of all calls of one kind that this process makes, or a thread of it.
pub struct Together<C: Calls> {
    calls: C,
    patience: Duration,
    line: Mutex<Line<C>>,
    /// Requests for several outlive each of them.
    runtime: Handle,
}

struct Line<C: Calls> {
    under_way: usize,
    waiting: Vec<Waiting<C>>,
}

struct Waiting<C: Calls> {
    one: C::One,
    told: oneshot::Sender<Told<C::Answer>>,
}

/// One of the requests that may be under way, for a call that goes alone. Whoever is done with it leaves it to those who wait.
struct Turn<C: Calls>(Arc<Together<C>>);

/// The same, for request after request of those who wait.
struct Shift<C: Calls> {
    of: Arc<Together<C>>,
    is_over: bool,
}

enum Place<C: Calls> {
    Turn(Turn<C>),
    Waiting(oneshot::Receiver<Told<C::Answer>>),
}

impl<C: Calls> Together<C> {
    /// To be called on the runtime that is to carry the requests for several.
    pub fn new(calls: C) -> Arc<Together<C>> {
        Together::with_patience(calls, PATIENCE)
    }

    /// The same, where a request may hang so long before others go on.
    pub fn with_patience(calls: C, patience: Duration) -> Arc<Together<C>> {
        let line = Line { under_way: 0, waiting: Vec::new() };
        Arc::new(Together { calls, patience, line: Mutex::new(line), runtime: Handle::current() })
    }

    /// Asks for one.
    pub async fn ask(self: &Arc<Self>, one: C::One) -> C::Answer {
        // On the heap: whoever asks has room for it once, however he comes to go alone.
        let alone = || Box::pin(self.calls.alone(&one));
        if RequestContext::current().is_traced() {
            // A trace shows one purchase, and nobody else's.
            return alone().await;
        }
        match self.place(&one) {
            Place::Turn(turn) => {
                let mut alone = alone();
                let in_time = timeout(self.patience, alone.as_mut()).await;
                // It is done, or it hangs: those who wait go on.
                drop(turn);
                match in_time {
                    Ok(answer) => answer,
                    Err(_) => alone.await,
                }
            }
            Place::Waiting(told) => match told.await {
                Ok(Told::Answer(answer)) => answer,
                Ok(Told::GoAlone) => alone().await,
                Err(_) => C::abandoned(),
            },
        }
    }

    fn place(self: &Arc<Self>, one: &C::One) -> Place<C> {
        let mut line = self.line();
        if line.under_way < C::REQUESTS {
            line.under_way += 1;
            return Place::Turn(Turn(Arc::clone(self)));
        }
        let (told, answer) = oneshot::channel();
        line.waiting.push(Waiting { one: one.clone(), told });
        Place::Waiting(answer)
    }

    async fn several(&self, waiting: Vec<Waiting<C>>) {
        let (ones, told): (Vec<_>, Vec<_>) = waiting.into_iter().map(|waiting| (waiting.one, waiting.told)).unzip();
        let answers = if ones.len() == 1 { vec![Told::GoAlone] } else { self.calls.several(ones).await };
        for (told, answer) in told.into_iter().zip(answers) {
            // He may have gone away meanwhile.
            drop(told.send(answer));
        }
    }

    fn line(&self) -> MutexGuard<'_, Line<C>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Calls> Line<C> {
    /// The first who waits, and those behind him who may be in one request with him. Whoever went away asks again, should he
    /// still want it.
    fn next(&mut self) -> Vec<Waiting<C>> {
        let still_there = |waiting: &Waiting<C>| !waiting.told.is_closed();
        let mut waiting = std::mem::take(&mut self.waiting).into_iter().filter(still_there);
        let mut next: Vec<Waiting<C>> = waiting.next().into_iter().collect();
        for one in waiting {
            match next.first() {
                Some(first) if next.len() < C::AT_ONCE && C::may_share(&first.one, &one.one) => next.push(one),
                _ => self.waiting.push(one),
            }
        }
        next
    }
}

impl<C: Calls> Drop for Turn<C> {
    fn drop(&mut self) {
        let mut line = self.0.line();
        if line.waiting.is_empty() {
            line.under_way -= 1;
            return;
        }
        drop(line);
        let shift = Shift { of: Arc::clone(&self.0), is_over: false };
        drop(self.0.runtime.spawn(shift.work()));
    }
}

impl<C: Calls> Shift<C> {
    async fn work(mut self) {
        loop {
            // Those who were told something write their answers first, and whoever comes meanwhile goes along.
            yield_now().await;
            let Some(next) = self.next() else { return };
            let of = Arc::clone(&self.of);
            let mut request = pin!(RequestContext::fresh().scope(of.several(next)));
            if timeout(of.patience, request.as_mut()).await.is_err() {
                // It hangs: those who wait go on without it.
                self.is_over = true;
                drop(Turn(Arc::clone(&of)));
                return request.await;
            }
        }
    }

    /// Who goes with the next request; when nobody waits any more, the shift is over.
    fn next(&mut self) -> Option<Vec<Waiting<C>>> {
        let mut line = self.of.line();
        let next = line.next();
        if next.is_empty() {
            line.under_way -= 1;
            self.is_over = true;
            return None;
        }
        Some(next)
    }
}

impl<C: Calls> Drop for Shift<C> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // Its runtime has ended, or the request panicked: those who wait are told so, and whoever comes next begins anew.
        let mut line = self.of.line();
        line.waiting.clear();
        line.under_way -= 1;
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tokio::{runtime::Builder, sync::watch};

    use super::*;

    /// Reached only by a bug.
    const FOREVER: Duration = Duration::from_secs(60);

    /// A request with this number in it waits for the door.
    const HANGS: u32 = 1_001;

    /// Numbers, of which those that are alike in parity may share a request. What goes alone waits for the door.
    struct Numbers {
        open: watch::Sender<bool>,
        requests: Mutex<Vec<Vec<u32>>>,
    }

    impl Calls for Arc<Numbers> {
        type One = u32;
        type Answer = Option<u32>;

        const AT_ONCE: usize = 3;
        const REQUESTS: usize = 1;

        fn may_share(first: &u32, other: &u32) -> bool {
            first % 2 == other % 2
        }

        async fn alone(&self, one: &u32) -> Option<u32> {
            self.requests.lock().unwrap().push(vec![*one]);
            self.open.subscribe().wait_for(|open| *open).await.unwrap();
            Some(*one)
        }

        async fn several(&self, ones: Vec<u32>) -> Vec<Told<Option<u32>>> {
            self.requests.lock().unwrap().push(ones.clone());
            if ones.contains(&HANGS) {
                self.open.subscribe().wait_for(|open| *open).await.unwrap();
            }
            ones.into_iter().map(|one| Told::Answer(Some(one))).collect()
        }

        fn abandoned() -> Option<u32> {
            None
        }
    }

    fn numbers() -> Arc<Numbers> {
        Arc::new(Numbers { open: watch::Sender::new(false), requests: Mutex::default() })
    }

    #[tokio::test]
    async fn those_who_wait_share_requests_with_their_like_and_each_is_told_his_own() {
        let numbers = numbers();
        let line = Together::with_patience(Arc::clone(&numbers), FOREVER);
        let asked = [0, 1, 2, 3, 4, 6, 8, 5];
        let all = futures_util::future::join_all(asked.map(|one| line.ask(one)));
        let open = async { numbers.open.send_replace(true) };
        let (told, _) = tokio::join!(all, open);
        assert_eq!(told, asked.map(Some));
        // The first goes alone. The last of the even ones had no place, and nobody of his like is left.
        let requests = numbers.requests.lock().unwrap().clone();
        assert_eq!(requests, [vec![0], vec![1, 3, 5], vec![2, 4, 6], vec![8]]);
        assert_eq!(line.ask(7).await, Some(7), "the line is free again");
    }

    #[tokio::test]
    async fn a_request_that_hangs_holds_nobody_up() {
        let numbers = numbers();
        let line = Together::with_patience(Arc::clone(&numbers), Duration::ZERO);
        let others = async {
            let told = tokio::join!(line.ask(2), line.ask(4));
            // All this time the others hang.
            numbers.open.send_replace(true);
            told
        };
        let all = async { tokio::join!(line.ask(0), line.ask(1), line.ask(HANGS), others) };
        let told = timeout(FOREVER, all).await.unwrap();
        assert_eq!(told, (Some(0), Some(1), Some(HANGS), (Some(2), Some(4))));
        assert_eq!(*numbers.requests.lock().unwrap(), [vec![0], vec![1, HANGS], vec![2, 4]]);
    }

    #[tokio::test]
    async fn whoever_went_away_is_not_asked_for() {
        let numbers = numbers();
        let line = Together::with_patience(Arc::clone(&numbers), FOREVER);
        let (mut first, mut gone) = (Box::pin(line.ask(0)), Box::pin(line.ask(2)));
        assert!(futures_util::poll!(first.as_mut()).is_pending() && futures_util::poll!(gone.as_mut()).is_pending());
        drop(gone);
        let open = async { numbers.open.send_replace(true) };
        let told = tokio::join!(line.ask(4), line.ask(6), first, open);
        assert_eq!((told.0, told.1, told.2), (Some(4), Some(6), Some(0)));
        assert_eq!(*numbers.requests.lock().unwrap(), [vec![0], vec![4, 6]]);
    }

    #[test]
    fn who_waits_for_a_runtime_that_has_ended_is_told_so() {
        let numbers = numbers();
        let theirs = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let line = theirs.block_on(async { Together::with_patience(Arc::clone(&numbers), FOREVER) });
        let ours = Builder::new_current_thread().enable_time().build().unwrap();
        let both = async { tokio::join!(line.ask(0), line.ask(2)) };
        let end = async {
            theirs.shutdown_background();
            numbers.open.send_replace(true);
        };
        let ended = ours.block_on(async { timeout(FOREVER / 4, async { tokio::join!(both, end).0 }).await });
        assert_eq!(ended.unwrap(), (Some(0), None));
    }
}
