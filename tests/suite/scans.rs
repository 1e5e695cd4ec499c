//! Laws of scans: what is asked of everyone at once is what one asks of each in turn.

use proptest::prelude::*;
use serde_json::json;
use visibly::{
    Change, Conversation, ConversationId, Dataset, Engine, Error, ErrorCode, Inbox, Member, Organization, PageRequest,
    PhoneNumber, Teammate, TeammateId, Viewer,
};

use crate::answers::assert_same_answers;
use crate::worlds::{EVERY_KIND, config, questions, wayward_histories, worlds};

/// What a scan gives on one, two and three threads of rayon's; without the feature, on this one.
#[cfg(feature = "rayon")]
fn on_threads<R: Send>(scan: impl Fn() -> R + Sync) -> Vec<R> {
    use std::sync::LazyLock;

    use rayon::{ThreadPool, ThreadPoolBuilder};

    static POOLS: LazyLock<[ThreadPool; 3]> =
        LazyLock::new(|| [1, 2, 3].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap()));
    POOLS.iter().map(|pool| pool.install(&scan)).collect()
}

#[cfg(not(feature = "rayon"))]
fn on_threads<R: Send>(scan: impl Fn() -> R + Sync) -> Vec<R> {
    vec![scan()]
}

/// The ids in each inbox and in `everything`, or why it does not open.
fn lists(viewer: Viewer<'_>, inboxes: &[Inbox]) -> Vec<Result<Vec<ConversationId>, Error>> {
    let list = |inbox| {
        let page = viewer.filter_inbox(inbox, &PageRequest::all())?;
        Ok(page.rows.iter().map(|row| row.id().clone()).collect())
    };
    inboxes.iter().chain([&Inbox::Everything]).map(list).collect()
}

/// Ana is active, Ben is suspended, Cleo is active; each has a line with one conversation on it.
fn three() -> Engine {
    let line = |who: &str| PhoneNumber::new(format!("line-{who}")).owned_by(Member::teammate(who));
    let oak = Organization::new("oak", "Oak Street")
        .teammate(Teammate::new("cleo", "Cleo").admin())
        .teammate(Teammate::new("ben", "Ben").suspended())
        .teammate(Teammate::new("ana", "Ana"));
    let oak = ["ana", "ben", "cleo"].into_iter().map(line).fold(oak, Organization::endpoint);
    let on = |who: &str| Conversation::patient(format!("of-{who}"), format!("line-{who}"), 10);
    Engine::new(["ana", "ben", "cleo"].into_iter().map(on).fold(Dataset::new(oak), Dataset::conversation)).unwrap()
}

fn let_in(who: &str, conversation: &str) -> Change {
    Change::AddConversationMember { id: conversation.into(), member: Member::teammate(who) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn map_viewers_is_asking_every_active_teammate_in_turn(world in worlds(), questions in questions(3)) {
        let engine = world.engine();
        let mut in_turn = Vec::new();
        for teammate in engine.teammates().filter(|teammate| !teammate.suspended) {
            in_turn.push((&teammate.id, lists(engine.viewer(&teammate.id).unwrap(), &questions.inboxes)));
        }
        for answers in on_threads(|| engine.map_viewers(|viewer| lists(viewer, &questions.inboxes))) {
            prop_assert_eq!(&answers, &in_turn);
        }
    }

    #[test]
    fn previews_are_each_as_if_asked_alone(history in wayward_histories(12, EVERY_KIND, 15)) {
        let engine = history.world.engine();
        let singles = history.changes.chunks(1);
        let prefixes = (0..=history.changes.len()).map(|length| &history.changes[..length]);
        let alternatives: Vec<&[Change]> = singles.chain(prefixes).collect();
        let alone: Vec<_> = alternatives.iter().map(|changes| engine.preview(changes)).collect();
        for previews in on_threads(|| engine.previews(&alternatives)) {
            prop_assert_eq!(&previews, &alone, "{}", json!(alternatives));
        }
        assert_same_answers(&engine, &history.world.facts())?; // asking alters nothing
    }
}

#[test]
fn answers_come_in_the_organizations_order_without_who_is_suspended() {
    let engine = three();
    let mine = |viewer: Viewer<'_>| {
        let mut rows = Vec::new();
        viewer.visible_rows(&mut rows);
        rows.into_iter().map(|row| engine.id_of(row).unwrap().as_str()).collect::<Vec<_>>()
    };
    let [ana, cleo] = ["ana", "cleo"].map(TeammateId::from);
    for answers in on_threads(|| engine.map_viewers(mine)) {
        assert_eq!(answers, [(&cleo, vec!["of-cleo"]), (&ana, vec!["of-ana"])]);
    }
}

#[test]
fn a_refused_alternative_leaves_those_beside_it_as_they_are() {
    let engine = three();
    let alternatives = [
        vec![let_in("ana", "of-cleo")],
        vec![let_in("cleo", "of-ana"), let_in("ana", "gone")],
        Vec::new(),
        vec![let_in("cleo", "of-ben"), let_in("ana", "of-ben")],
        vec![let_in("nobody", "of-ana")],
    ];
    for previews in on_threads(|| engine.previews(&alternatives)) {
        let opened = previews.iter().map(|preview| preview.as_ref().map(Vec::len));
        let told = opened.map(|opened| opened.map_err(|error| (error.code(), error.position())));
        let gone = Err((ErrorCode::UnknownConversation, Some(1)));
        let nobody = Err((ErrorCode::UnknownTeammate, Some(0)));
        assert_eq!(told.collect::<Vec<_>>(), [Ok(1), gone, Ok(0), Ok(2), nobody]);
    }
    assert_eq!(engine.revision().get(), 0);
}

#[test]
fn nobody_and_nothing_to_ask_about_give_empty_lists() {
    let nobody = Engine::new(Dataset::new(Organization::new("oak", "Oak Street"))).unwrap();
    assert_eq!(nobody.map_viewers(|viewer| viewer.teammate().admin), []);
    assert_eq!(three().previews::<Vec<Change>>(&[]), []);
}

#[test]
fn a_panic_of_what_is_asked_is_passed_on() {
    let engine = three();
    let ask = || engine.map_viewers(|viewer| assert_ne!(viewer.teammate().id.as_str(), "ana", "as asked")).len();
    assert!(std::panic::catch_unwind(ask).is_err());
    assert_eq!(engine.map_viewers(drop).len(), 2, "the engine goes on");
}
