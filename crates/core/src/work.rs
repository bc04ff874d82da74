//! How much work a call does, for tests of its bounds: they count, and never look at a clock. Nothing outside of tests.

/// Notes steps: a comparison, an entry looked at, a byte hashed.
#[cfg(not(test))]
#[inline(always)]
pub(crate) const fn done(_steps: usize) {}

#[cfg(test)]
pub(crate) use counting::{done, of};

#[cfg(test)]
mod counting {
    use core::cell::Cell;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn done(steps: usize) {
        STEPS.with(|all| all.set(all.get() + steps));
    }

    /// What a call returns, and the steps that it took.
    pub(crate) fn of<T>(call: impl FnOnce() -> T) -> (T, usize) {
        let before = STEPS.with(Cell::get);
        let result = call();
        (result, STEPS.with(Cell::get) - before)
    }
}
