//! An engine on its way through changes that come one by one.

use super::Engine;
use crate::error::Error;
use crate::model::Change;

/// A snapshot that takes changes one after the other. Who covers and who has access is made anew once, when all have
/// come: until then only its facts may be asked for, and what checks and authorizes changes asks for no more.
#[derive(Debug)]
pub(crate) struct Advancing {
    engine: Engine,
    is_stale: bool,
}

impl Advancing {
    pub(crate) fn from(engine: &Engine) -> Self {
        Self { engine: engine.clone(), is_stale: false }
    }

    /// What has come so far, to be asked for facts alone.
    pub(crate) fn facts(&self) -> &Engine {
        &self.engine
    }

    /// Checks a change and applies it whole, as [`Engine::apply`] does.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), Error> {
        self.is_stale |= self.engine.state.apply_but_audiences(change)?;
        self.engine.revision = self.engine.revision.after(1);
        Ok(())
    }

    /// The engine after all changes.
    pub(crate) fn arrive(mut self) -> Engine {
        if self.is_stale {
            self.engine.state.recompile();
        }
        self.engine
    }
}
