//! How much work a call does, for tests of its bounds: they count, and never look at a clock. Nothing outside of tests.

/// Notes steps: a comparison, an entry looked at, a byte hashed.
#[cfg(not(test))]
#[inline(always)]
pub(crate) const fn done(_steps: usize) {}

/// Notes that a verification reads these bytes of a tree.
#[cfg(not(test))]
#[inline(always)]
pub(crate) const fn read<T: ?Sized>(_bytes: &T) {}

#[cfg(test)]
pub(crate) use counting::{done, lines, of, read};

#[cfg(test)]
mod counting {
    use alloc::collections::BTreeSet;
    use core::cell::{Cell, RefCell};

    /// Bytes of a cache line, on nearly every processor that serves requests.
    const LINE: usize = 64;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
        static LINES: RefCell<BTreeSet<usize>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(crate) fn read<T: ?Sized>(bytes: &T) {
        let (first, length) = (core::ptr::from_ref(bytes).addr(), size_of_val(bytes).max(1));
        LINES.with(|lines| lines.borrow_mut().extend(first / LINE..=(first + length - 1) / LINE));
    }

    /// What a call returns, and the distinct cache lines of a tree that it has read.
    pub(crate) fn lines<T>(call: impl FnOnce() -> T) -> (T, usize) {
        LINES.with(|lines| lines.borrow_mut().clear());
        let result = call();
        (result, LINES.with(|lines| lines.borrow().len()))
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
