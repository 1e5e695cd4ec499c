//! Every conversation that a viewer sees, as a list or one after the other.
//!
//! A viewer sees whole classes: their lists of rows are gone through in the order of the classes, and no row is asked
//! whether it is seen.

use super::bits::ones;
use super::kernel::{self, Lanes, Pass};
use super::page::RowId;
use super::posting::{PostingList, Rows};
use super::rule::View;

/// Lists of the classes that the viewer sees.
fn lists<'e>(view: View<'e>) -> impl Iterator<Item = &'e PostingList> + use<'e> {
    let classes = &view.state.classes;
    ones(view.sees).map(|class| &classes.get(class).rows)
}

/// How many conversations the viewer sees: O(classes).
fn count(view: View<'_>) -> usize {
    lists(view).map(PostingList::len).sum()
}

/// Appends all that the viewer sees.
pub(super) fn copy(view: View<'_>, rows: &mut Vec<RowId>) {
    kernel::run(Copy { view, rows });
}

struct Copy<'a, 'e> {
    view: View<'e>,
    rows: &'a mut Vec<RowId>,
}

impl Pass for Copy<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl Lanes) {
        self.rows.reserve(count(self.view));
        // Not `for_each`, whose loop would not be of this pass, and not do eight at a time.
        for list in lists(self.view) {
            list.copy_to(self.rows, RowId);
        }
    }
}

/// All that the viewer sees, one after the other, in the order in which [`copy`] lists them.
pub(super) fn iter<'e>(view: View<'e>) -> impl ExactSizeIterator<Item = RowId> + use<'e> {
    Visible { rows: Rows::default(), lists: lists(view), left: count(view) }
}

struct Visible<'e, L> {
    rows: Rows<'e>,
    lists: L,
    left: usize,
}

impl<'e, L: Iterator<Item = &'e PostingList>> Iterator for Visible<'e, L> {
    type Item = RowId;

    #[inline]
    fn next(&mut self) -> Option<RowId> {
        loop {
            if let Some(row) = self.rows.next() {
                self.left -= 1;
                return Some(RowId(row));
            }
            self.rows = self.lists.next()?.iter();
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }

    /// Without asking after each where the next one is.
    #[inline]
    fn fold<B, F: FnMut(B, RowId) -> B>(self, start: B, each: F) -> B {
        kernel::run(Fold { visible: self, start, each })
    }
}

impl<'e, L: Iterator<Item = &'e PostingList>> ExactSizeIterator for Visible<'e, L> {}

struct Fold<'e, L, B, F> {
    visible: Visible<'e, L>,
    start: B,
    each: F,
}

impl<'e, L: Iterator<Item = &'e PostingList>, B, F: FnMut(B, RowId) -> B> Pass for Fold<'e, L, B, F> {
    type Output = B;

    #[inline(always)]
    fn run(self, _: impl Lanes) -> B {
        let Self { visible, start, mut each } = self;
        let mut each = |all, row| each(all, RowId(row));
        let mut all = visible.rows.fold(start, &mut each);
        for list in visible.lists {
            all = list.iter().fold(all, &mut each);
        }
        all
    }
}
