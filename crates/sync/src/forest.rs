//! The tree that a publisher keeps up to date: the registry's journal names what changed, and only that is built anew.

use edgelatch_core::build::Tree;
use edgelatch_core::key::Pepper;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{Error as Refused, Ledger, Since, Snapshot};

use crate::error::Error;
use crate::history::History;
use crate::pepper::PepperSource;
use crate::published::Stage;

/// The tree is built anew after so many seconds, a day, to prove that following the changes came to the same.
const BUILD_ANEW: u64 = 24 * 3600;

/// The last tree, and those before it.
#[derive(Debug, Default)]
pub(crate) struct Forest {
    kept: Option<Kept>,
    /// The one that it is made with, so that its file is read once.
    pepper: Option<Pepper>,
    history: History,
}

#[derive(Debug)]
struct Kept {
    tree: Tree,
    /// The realm's change counter that it shows.
    changes: u64,
    /// When it was last built anew, in Unix seconds.
    built_at: u64,
}

/// What [`Forest::grow`] came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grown {
    /// The realm's change counter that the tree shows now.
    pub(crate) changes: u64,
    /// Whether following the changes had led to another tree than building it anew. The latter counts.
    pub(crate) diverged: bool,
}

impl Forest {
    /// Brings the tree up to the present state of the realm: change by change where the journal says what changed; anew at first, once a
    /// day, and where `anew` is wanted.
    pub(crate) fn grow(
        &mut self,
        ledger: &Ledger<'_>,
        peppers: &PepperSource,
        anew: bool,
        now: u64,
        watch: &dyn Fn(Stage),
    ) -> Result<Grown, Error> {
        match self.grow_by(ledger, peppers, anew, now, watch) {
            // It was rotated between the two looks, at which pepper is in use and at the state.
            Err(Error::Registry(Refused::PepperOther { .. })) => self.grow_by(ledger, peppers, anew, now, watch),
            grown => grown,
        }
    }

    fn grow_by(
        &mut self,
        ledger: &Ledger<'_>,
        peppers: &PepperSource,
        anew: bool,
        now: u64,
        watch: &dyn Fn(Stage),
    ) -> Result<Grown, Error> {
        watch(Stage::Reading);
        let wanted = ledger.pepper()?;
        if self.pepper.as_ref().map(Pepper::id) != wanted {
            self.pepper = wanted.map(|wanted| peppers.find(wanted)).transpose()?.map(|(pepper, _)| pepper);
        }
        let due = self.kept.as_ref().is_none_or(|kept| now.abs_diff(kept.built_at) >= BUILD_ANEW);
        // First by steps in any case: what was kept can be compared then, and edges that have it get a patch.
        let followed = self.follow(ledger)?;
        match (followed, &self.kept) {
            (true, Some(kept)) if !anew && !due => Ok(Grown { changes: kept.changes, diverged: false }),
            (followed, _) => self.build(ledger, followed, now, watch),
        }
    }

    /// Follows the journal. Returns whether the tree kept is up to date now.
    fn follow(&mut self, ledger: &Ledger<'_>) -> Result<bool, Error> {
        let Some(kept) = &mut self.kept else { return Ok(false) };
        let Since::Change { changes, change } = ledger.since(kept.changes, self.pepper.as_ref())? else { return Ok(false) };
        let from = kept.tree.id();
        // What cannot be applied is built anew; if the state itself is at fault, that says so.
        let Ok(replaced) = kept.tree.change(&change) else { return Ok(false) };
        kept.changes = changes;
        self.history.note(from, &replaced, &kept.tree);
        Ok(true)
    }

    fn build(&mut self, ledger: &Ledger<'_>, followed: bool, now: u64, watch: &dyn Fn(Stage)) -> Result<Grown, Error> {
        let Snapshot { changes, state } = ledger.snapshot(self.pepper.as_ref())?;
        watch(Stage::Building(state.records.len()));
        let tree = Tree::build(&state).map_err(|error| Error::Build { detail: error.to_string() })?;
        let before = self.kept.as_ref().filter(|kept| kept.tree != tree);
        // Only two trees of one state can be compared.
        let diverged = before.is_some_and(|kept| followed && kept.changes == changes);
        if before.is_some() {
            // What differs is not known place by place.
            self.history = History::default();
        }
        self.kept = Some(Kept { tree, changes, built_at: now });
        Ok(Grown { changes, diverged })
    }

    /// The tree.
    pub(crate) fn tree(&self) -> Result<&Tree, Error> {
        let kept = self.kept.as_ref().ok_or_else(|| Error::Build { detail: "no tree was built".into() })?;
        Ok(&kept.tree)
    }

    /// The patches that lead to it, and where each begins.
    pub(crate) fn patches(&self) -> Result<Vec<(ObjectId, Vec<u8>)>, Error> {
        self.history.patches(self.tree()?)
    }
}
