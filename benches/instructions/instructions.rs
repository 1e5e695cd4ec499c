//! Instructions of ten hot paths on 10,000 conversations, counted by Callgrind. `bash .ci/instructions` runs it and
//! compares with `benches/instructions.txt`.
//!
//! What is too short to be counted alone is done many times over; the count is of all of them.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that meets the unexpected shall fail")]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use visibly::{Badge, Change, Inbox, PageRequest, TeammateId};
use visibly_instructions::{Clinic, clinic, tagged};

// A thousand conversations by row number.
#[library_benchmark]
#[bench::clinic(args = (10_000), setup = clinic)]
fn can_view_row_1000(clinic: &'static mut Clinic) -> usize {
    let viewer = clinic.engine.viewer(&clinic.viewer).unwrap();
    black_box(&clinic.rows).iter().filter(|row| viewer.can_view_row(**row)).count()
}

// A thousand conversations by id.
#[library_benchmark]
#[bench::clinic(args = (10_000), setup = clinic)]
fn can_view_id_1000(clinic: &'static mut Clinic) -> usize {
    let viewer = clinic.engine.viewer(&clinic.viewer).unwrap();
    black_box(&clinic.ids).iter().filter(|id| viewer.can_view(*id)).count()
}

fn newest(clinic: &mut Clinic, inbox: &Inbox, limit: usize) -> usize {
    let Clinic { engine, viewer, listed, .. } = clinic;
    engine.viewer(viewer).unwrap().prepare(inbox).unwrap().newest(limit, listed);
    listed.len()
}

// The first fifty that are assigned to nobody.
#[library_benchmark]
#[bench::clinic(args = (10_000), setup = clinic)]
fn inbox_all_50(clinic: &'static mut Clinic) -> usize {
    newest(clinic, black_box(&Inbox::All), 50)
}

// All that is assigned to the viewer.
#[library_benchmark]
#[bench::clinic(args = (10_000), setup = clinic)]
fn inbox_assigned_to_me(clinic: &'static mut Clinic) -> usize {
    newest(clinic, black_box(&Inbox::AssignedToMe), usize::MAX)
}

// All open ones with any of three contact tags.
#[library_benchmark]
#[bench::clinic(args = (10_000), setup = clinic)]
fn inbox_contact_tags_any_of_3(clinic: &'static mut Clinic) -> usize {
    newest(clinic, black_box(&tagged()), usize::MAX)
}

// The badges of a side bar.
#[library_benchmark]
#[bench::clinic(args = (10_000), setup = clinic)]
fn badges_12(clinic: &'static mut Clinic) -> Vec<Badge> {
    let viewer = clinic.engine.viewer(&clinic.viewer).unwrap();
    viewer.badges(black_box(&clinic.inboxes)).unwrap()
}

// All that the viewer sees.
#[library_benchmark]
#[bench::clinic(args = (10_000), setup = clinic)]
fn visible_rows(clinic: &'static mut Clinic) -> usize {
    let Clinic { engine, viewer, listed, .. } = clinic;
    engine.viewer(black_box(viewer)).unwrap().visible_rows(listed);
    listed.len()
}

// Who sees each of a hundred conversations.
#[library_benchmark]
#[bench::clinic(args = (10_000), setup = clinic)]
fn audience_100(clinic: &'static mut Clinic) -> Vec<Vec<TeammateId>> {
    black_box(&clinic.ids)[..100].iter().map(|id| clinic.engine.audience(id).unwrap()).collect()
}

// A message in each of a hundred conversations, every one newer than all before.
#[library_benchmark]
#[bench::clinic(args = (10_000), setup = clinic)]
fn receive_message_100(clinic: &'static mut Clinic) {
    for (id, at) in clinic.ids[..100].iter().zip(2_000_000_i64..) {
        clinic.engine.apply(black_box(&Change::receive_message(id, at))).unwrap();
    }
}

// The second page of `all` with its rows, up to each contact's name.
#[library_benchmark]
#[bench::clinic(args = (10_000), setup = clinic)]
fn page_rows_50(clinic: &'static mut Clinic) -> usize {
    let viewer = clinic.engine.viewer(&clinic.viewer).unwrap();
    let first = viewer.filter_inbox(black_box(&Inbox::All), &PageRequest::first(50)).unwrap();
    let next = PageRequest::first(50).after(first.next.unwrap());
    let page = viewer.filter_inbox(&Inbox::All, &next).unwrap();
    page.rows.iter().map(|row| row.contacts().filter(|contact| contact.shown().is_some()).count()).sum()
}

library_benchmark_group!(
    name = hot;
    benchmarks =
        can_view_row_1000,
        can_view_id_1000,
        inbox_all_50,
        inbox_assigned_to_me,
        inbox_contact_tags_any_of_3,
        badges_12,
        visible_rows,
        audience_100,
        receive_message_100,
        page_rows_50
);

main!(library_benchmark_groups = hot);
