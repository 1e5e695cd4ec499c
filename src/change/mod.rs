//! Changes carried out (SPEC 6): each is checked, then applied whole or not at all.
//!
//! * `plan` checks a [`Change`](crate::Change) against any `World` and answers with effects, which always succeed.
//! * `effect` carries effects out on [`Facts`]. The engine carries the same ones out on its rows.
//! * `preview` compares what everyone sees before and after.
//!
//! Who may make a change is SPEC 6.7 and lives in `policy`; nothing here asks for an actor.

mod effect;
mod plan;
mod preview;

pub use preview::{AccessChange, AccessEffect};

pub(crate) use effect::{DirectoryEffect, Effect, among};
pub(crate) use plan::{plan, returned_by_message};

use crate::error::Error;
use crate::model::{Change, Facts};
use preview::{compare_contacts, compare_conversations, viewers_of_either};

impl Facts {
    /// Checks one change and applies it whole, or refuses it and leaves everything as it was.
    ///
    /// # Errors
    /// Why the change was refused.
    ///
    /// # Complexity
    /// O(what the change touches); removing something, O(size of the facts).
    pub fn apply(&mut self, change: &Change) -> Result<(), Error> {
        let effects = plan(self, change)?;
        effects.into_iter().for_each(|effect| self.carry_out(effect));
        Ok(())
    }

    /// Checks and applies a list of changes in order, all of them or none.
    ///
    /// # Errors
    /// Why the first refused change was refused, with its [position](Error::position); nothing has changed then.
    ///
    /// # Complexity
    /// O(size of the facts), for they are copied first.
    pub fn apply_all(&mut self, changes: &[Change]) -> Result<(), Error> {
        let mut after = self.clone();
        for (position, change) in changes.iter().enumerate() {
            after.apply(change).map_err(|error| error.at(position))?;
        }
        *self = after;
        Ok(())
    }

    /// What a list of changes would open or close, for resources that exist both before and after and viewers of
    /// either; nothing is applied (SPEC 7.4).
    ///
    /// # Errors
    /// That of the first change that would be refused, with its [position](Error::position).
    ///
    /// # Complexity
    /// O(size of the facts) for the copy; for the comparison O(teammates × (conversations + contacts)) times what
    /// [`policy::can_view`](crate::policy::can_view) costs.
    pub fn preview(&self, changes: &[Change]) -> Result<Vec<AccessChange>, Error> {
        let mut after = self.clone();
        after.apply_all(changes)?;
        let mut lines = Vec::new();
        for viewer in viewers_of_either(&self.directory, &after.directory) {
            compare_contacts(self, &after, viewer, &mut lines);
            compare_conversations(self, &after, viewer, &mut lines);
        }
        lines.sort();
        Ok(lines)
    }
}
