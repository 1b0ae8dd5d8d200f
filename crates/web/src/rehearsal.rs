//! Tests and simulations that authors ask for: a bounded number at once, each with a budget, and
//! ended as soon as nobody waits for it.
//!
//! Permit, budget and flag belong to the work on its own thread, not to the request: a client that
//! hangs up sets the flag, and its turn is over when the work has ended, not before.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use duban_script::StopFlag;
use duban_sim::{Budget, Stop};
use tokio::sync::Semaphore;

/// Tests and simulations at once: each takes a core.
const AT_ONCE_MAX: usize = 1;

/// How long a request waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The turns of one daemon.
pub(crate) struct Rehearsals {
    turns: Arc<Semaphore>,
}

impl Default for Rehearsals {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }
}

/// Why there is no outcome.
#[derive(Debug)]
pub(crate) enum NotRehearsed {
    /// Others have their turn, for longer than a request waits.
    Busy,
    /// Its time is up.
    Stopped(Stop),
    /// The daemon is about to end.
    Ending,
    /// It panicked.
    Broken,
}

impl NotRehearsed {
    /// What people read.
    pub(crate) fn zh(&self) -> String {
        match self {
            Self::Busy => "正有其他测试或模拟在进行，请稍后再试".to_owned(),
            Self::Stopped(stop) => stop.zh(),
            Self::Ending => "服务即将停止，请稍后再试".to_owned(),
            Self::Broken => "测试或模拟中断，请把文件发给系统管理员".to_owned(),
        }
    }
}

/// Sets the flag when the request is over, also when it is dropped because its client has gone.
struct HangUp(StopFlag);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.set();
    }
}

impl Rehearsals {
    /// Does work on a thread of its own, in its turn; `ending` resolves when the daemon is to end.
    /// The work must look at the flag of the budget that it is given.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        ending: impl Future<Output = ()>,
        work: impl FnOnce(Budget) -> T + Send + 'static,
    ) -> Result<T, NotRehearsed> {
        let turn = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.turns).acquire_owned()).await;
        let permit = turn
            .map_err(|_| NotRehearsed::Busy)?
            .expect("invariant: the semaphore is never closed");
        let budget = Budget::default();
        let (stop, seconds_max) = (budget.stop.clone(), budget.seconds_max);
        let _hang_up = HangUp(stop.clone());
        let mut done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(budget)
        });
        let cut_off = tokio::select! {
            done = &mut done => return done.map_err(|_| NotRehearsed::Broken),
            () = tokio::time::sleep(Duration::from_secs(seconds_max)) => {
                NotRehearsed::Stopped(Stop { name: "simulation_seconds_max", max: seconds_max })
            }
            () = ending => NotRehearsed::Ending,
        };
        stop.set();
        // The answer comes when the thread is free again.
        drop(done.await);
        Err(cut_off)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::mpsc;

    use super::*;

    /// Work that lasts until its flag is set, and says when it begins and that it has ended.
    fn lasting(says: mpsc::Sender<&'static str>) -> impl FnOnce(Budget) + Send {
        move |budget| {
            says.send("begun").unwrap();
            while !budget.stop.is_set() {
                std::thread::yield_now();
            }
            says.send("ended").unwrap();
        }
    }

    /// Begins lasting work and waits until its thread is at it.
    async fn begin(
        all: &Arc<Rehearsals>,
        ending: impl Future<Output = ()> + Send + 'static,
    ) -> (tokio::task::JoinHandle<Result<(), NotRehearsed>>, mpsc::Receiver<&'static str>) {
        let (says, said) = mpsc::channel();
        let turns = Arc::clone(all);
        let request = tokio::spawn(async move { turns.run(ending, lasting(says)).await });
        let (said, first) = tokio::task::spawn_blocking(move || {
            let first = said.recv();
            (said, first)
        })
        .await
        .unwrap();
        assert_eq!(first, Ok("begun"));
        (request, said)
    }

    #[tokio::test]
    async fn a_request_that_is_dropped_ends_its_work_and_frees_its_turn() {
        let all = Arc::new(Rehearsals::default());
        for _ in 0..60 {
            let (request, said) = begin(&all, pending()).await;
            assert_eq!(all.turns.available_permits(), 0);
            request.abort();
            assert!(request.await.unwrap_err().is_cancelled());
            // The next one waits for the thread, not for the request.
            assert_eq!(all.run(pending(), |_| 7).await.unwrap(), 7);
            assert_eq!(said.try_recv(), Ok("ended"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_waits_too_long_for_a_turn_is_told_so() {
        let all = Arc::new(Rehearsals::default());
        let (request, _said) = begin(&all, pending()).await;
        let second = all.run(pending(), |_| ());
        let (second, ()) = tokio::join!(second, tokio::time::advance(WAIT_MAX));
        assert!(matches!(second, Err(NotRehearsed::Busy)));
        request.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn work_ends_when_its_time_is_up() {
        let all = Arc::new(Rehearsals::default());
        let (request, said) = begin(&all, pending()).await;
        tokio::time::advance(Duration::from_secs(Budget::default().seconds_max)).await;
        let Err(NotRehearsed::Stopped(stop)) = request.await.unwrap() else { panic!("it ended") };
        assert_eq!(stop, Stop { name: "simulation_seconds_max", max: 60 });
        assert_eq!(said.try_recv(), Ok("ended"));
    }

    #[tokio::test]
    async fn work_ends_with_the_daemon() {
        let all = Arc::new(Rehearsals::default());
        let (told, heard) = tokio::sync::oneshot::channel::<()>();
        let (request, said) = begin(&all, async { drop(heard.await) }).await;
        drop(told);
        assert!(matches!(request.await.unwrap(), Err(NotRehearsed::Ending)));
        assert_eq!(said.try_recv(), Ok("ended"));
    }
}
