//! A flag that ends work from outside: its client has gone, its time is up, the process ends.
//!
//! The crates below the engine have no clock. Whoever starts the work holds the flag, and sets it
//! when they want the work to end, or says how to find out; what works looks at it now and then.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks work to end soon. Clones are the same flag; once set, it stays so.
///
/// ```
/// use duban_script::StopFlag;
///
/// let flag = StopFlag::default();
/// let held = flag.clone();
/// assert!(!flag.is_set());
/// held.set();
/// assert!(flag.is_set());
/// ```
#[derive(Clone, Default)]
pub struct StopFlag {
    is_set: Arc<AtomicBool>,
    ask: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

impl fmt::Debug for StopFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopFlag").field("is_set", &self.is_set).finish_non_exhaustive()
    }
}

thread_local! {
    /// The flag of the work that this thread does.
    static CURRENT: RefCell<Option<StopFlag>> = const { RefCell::new(None) };
}

/// Puts back the flag that was there before, also after a panic.
struct Restore(Option<StopFlag>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| *current = self.0.take());
    }
}

impl StopFlag {
    /// A flag that is also set once `ask` says so, for example because a time has passed. It is
    /// asked often and must be quick.
    pub fn when(ask: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { is_set: Arc::default(), ask: Some(Arc::new(ask)) }
    }

    /// Asks the work to end.
    pub fn set(&self) {
        self.is_set.store(true, Ordering::Relaxed);
    }

    /// Whether the work is to end.
    pub fn is_set(&self) -> bool {
        let is_set = self.is_set.load(Ordering::Relaxed);
        if !is_set && self.ask.as_ref().is_some_and(|ask| ask()) {
            self.set();
            return true;
        }
        is_set
    }

    /// Does work whose scripts end when the flag is set, with
    /// [`ScriptError::Limit`](crate::ScriptError::Limit) of the name `stopped`. rhai tells the
    /// hook that looks at the flag nothing of the call at hand, so the flag belongs to the thread
    /// while the work is done.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = CURRENT.with_borrow_mut(|current| current.replace(self.clone()));
        let _restore = Restore(before);
        work()
    }
}

/// The name of the limit that scripts end with.
pub(crate) const STOPPED: &str = "stopped";

/// Whether the work of this thread is to end.
pub(crate) fn is_told() -> bool {
    CURRENT.with_borrow(|current| current.as_ref().is_some_and(StopFlag::is_set))
}
