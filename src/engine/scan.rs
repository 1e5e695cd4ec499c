//! Scans: one question for every viewer, a preview of each of many alternatives.
//!
//! * Answers stand in the order of what was asked about, however many threads worked them out.
//! * With the feature `rayon` the questions are shared out among the threads of rayon's current pool; without it the
//!   caller's thread answers one after the other. Signatures and answers are the same.
//!
//! Nothing here knows what is asked, or how an answer is found.

use super::{Engine, Viewer};
use crate::change::AccessChange;
use crate::error::Error;
use crate::model::{Change, TeammateId};

impl Engine {
    /// Asks the same of every active teammate, and tells who answered what, in the organization's order.
    ///
    /// Suspended teammates see nothing and are left out (SPEC 1.2); an organization in which nobody is active gives an
    /// empty list. All answers are of one revision and may borrow from the engine. Together they speak of everyone.
    ///
    /// With the feature `rayon`, `ask` runs on several threads at once: those of the pool that this is called in
    /// (`ThreadPool::install`), else rayon's global one, one thread for each core. A panic of `ask` is passed on.
    ///
    /// # Complexity
    /// O(teammates) and what `ask` takes for each; with `rayon`, that divided by the threads. A teammate is a task of
    /// its own, so that a few who see most do not keep one thread busy while the others wait.
    ///
    /// # Examples
    /// How many conversations each teammate sees:
    /// ```
    /// # use visibly::{Conversation, Dataset, Engine, Inbox, Member, Organization, PhoneNumber, Teammate};
    /// # let oak = Organization::new("oak", "Oak Street")
    /// #     .teammate(Teammate::new("ana", "Ana"))
    /// #     .teammate(Teammate::new("ben", "Ben"))
    /// #     .endpoint(PhoneNumber::new("main"))
    /// #     .endpoint(PhoneNumber::new("private").owned_by(Member::teammate("ben")));
    /// # let clinic = Dataset::new(oak)
    /// #     .conversation(Conversation::patient("refill", "main", 10))
    /// #     .conversation(Conversation::patient("therapy", "private", 20));
    /// # let engine = Engine::new(clinic)?;
    /// let counts = engine.map_viewers(|viewer| viewer.badge(&Inbox::Everything).map(|badge| badge.total));
    /// assert_eq!(counts, [(&"ana".into(), Ok(1)), (&"ben".into(), Ok(2))]);
    /// # Ok::<(), visibly::Error>(())
    /// ```
    #[must_use]
    pub fn map_viewers<'e, T: Send>(&'e self, ask: impl Fn(Viewer<'e>) -> T + Send + Sync) -> Vec<(&'e TeammateId, T)> {
        let viewers: Vec<_> = self.teammates().filter_map(|teammate| self.viewer(&teammate.id).ok()).collect();
        map(&viewers, |viewer| (&viewer.teammate().id, ask(*viewer)))
    }

    /// What each of several lists of changes would open or close, each on its own and with nothing applied (SPEC 7.4),
    /// in the order of the alternatives. It speaks of everyone.
    ///
    /// Each is as [`Engine::preview`] says; an empty list of changes opens and closes nothing, and no alternatives give
    /// no previews.
    ///
    /// # Errors
    /// As [`Engine::preview`], in the place of the alternative that is refused; the others are not touched.
    ///
    /// # Complexity
    /// As [`Engine::preview`] for each; with the feature `rayon`, that divided by the threads, which are those of
    /// [`Engine::map_viewers`]. Every thread holds one copy at a time, of what its changes touch.
    ///
    /// # Examples
    /// Which of two would open more, to share Ben's line with Ana, or with everyone?
    /// ```
    /// # use visibly::{Change, Conversation, Dataset, EndpointId, Engine, ErrorCode, Member, Organization};
    /// # use visibly::{PhoneNumber, Teammate};
    /// # let oak = Organization::new("oak", "Oak Street")
    /// #     .teammate(Teammate::new("ana", "Ana"))
    /// #     .teammate(Teammate::new("ben", "Ben"))
    /// #     .teammate(Teammate::new("priya", "Priya"))
    /// #     .endpoint(PhoneNumber::new("line").owned_by(Member::teammate("ben")));
    /// # let engine = Engine::new(Dataset::new(oak).conversation(Conversation::patient("therapy", "line", 20)))?;
    /// let share_with = |member| Change::SetEndpointAccess {
    ///     id: EndpointId::from("line"),
    ///     owner: Member::teammate("ben"),
    ///     additional_members: vec![member],
    /// };
    /// let members = [Member::teammate("ana"), Member::Organization, Member::teammate("nobody")];
    /// let previews = engine.previews(&members.map(|member| [share_with(member)]));
    /// assert_eq!(previews[0].as_ref().map(Vec::len), Ok(1));
    /// assert_eq!(previews[1].as_ref().map(Vec::len), Ok(2));
    /// assert_eq!(previews[2].as_ref().unwrap_err().code(), ErrorCode::UnknownTeammate);
    /// # Ok::<(), visibly::Error>(())
    /// ```
    #[must_use]
    pub fn previews<C: AsRef<[Change]> + Sync>(&self, alternatives: &[C]) -> Vec<Result<Vec<AccessChange>, Error>> {
        map(alternatives, |changes| self.preview(changes.as_ref()))
    }
}

/// The answer to each question, in their order.
#[cfg(feature = "rayon")]
fn map<'q, Q: Sync, A: Send>(questions: &'q [Q], answer: impl Fn(&'q Q) -> A + Send + Sync) -> Vec<A> {
    use rayon::prelude::*;
    // What one takes differs by orders of magnitude, and any takes far more than the hand-over to another thread.
    questions.par_iter().with_max_len(1).map(answer).collect()
}

#[cfg(not(feature = "rayon"))]
fn map<'q, Q: Sync, A: Send>(questions: &'q [Q], answer: impl Fn(&'q Q) -> A + Send + Sync) -> Vec<A> {
    questions.iter().map(answer).collect()
}
