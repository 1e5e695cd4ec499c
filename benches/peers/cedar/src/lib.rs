//! Cedar: one policy, all entities preloaded; `is_authorized` per check. A page loops over the
//! unarchived, unassigned conversations from the newest until 50 are allowed.

use cedar_policy::*;
use std::collections::{HashMap, HashSet};
use workload::{Dataset, Filter, Q};

pub struct Cedar {
    auth: Authorizer,
    policies: PolicySet,
    entities: Entities,
    users: Vec<EntityUid>,
    convs: Vec<EntityUid>,
    action: EntityUid,
    /// Unarchived and unassigned, newest first.
    candidates: Vec<u32>,
    pub calls: u64,
}

const POLICY: &str = r#"
permit(principal, action == Action::"view", resource)
when { principal in resource.endpoint.owner || principal in resource.endpoint.extra };
"#;

fn uid(kind: &str, id: u32) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().unwrap(), EntityId::new(id.to_string()))
}

impl Cedar {
    pub fn build(ds: &Dataset) -> Cedar {
        let p = |p: &workload::Principal| match *p {
            workload::Principal::Org => uid("Org", 0),
            workload::Principal::Team(k) => uid("Team", k),
            workload::Principal::Teammate(x) => uid("User", x),
        };
        let mut es = vec![Entity::new_no_attrs(uid("Org", 0), HashSet::new())];
        for k in 0..ds.teams.len() as u32 {
            es.push(Entity::new_no_attrs(uid("Team", k), HashSet::new()));
        }
        for (v, ts) in ds.teams_of().iter().enumerate() {
            let mut parents = ts.iter().map(|&k| uid("Team", k)).collect::<HashSet<_>>();
            parents.insert(uid("Org", 0));
            es.push(Entity::new_no_attrs(uid("User", v as u32), parents));
        }
        for (k, e) in ds.endpoints.iter().enumerate() {
            let attrs = HashMap::from([
                ("owner".to_string(), RestrictedExpression::new_entity_uid(p(&e.owner))),
                (
                    "extra".to_string(),
                    RestrictedExpression::new_set(e.extra.iter().map(|x| RestrictedExpression::new_entity_uid(p(x)))),
                ),
            ]);
            es.push(Entity::new(uid("Endpoint", k as u32), attrs, HashSet::new()).unwrap());
        }
        let eps = (0..ds.endpoints.len() as u32).map(|k| uid("Endpoint", k)).collect::<Vec<_>>();
        let convs = (0..ds.convs.len() as u32).map(|k| uid("Conversation", k)).collect::<Vec<_>>();
        for c in &ds.convs {
            let attrs = HashMap::from([(
                "endpoint".to_string(),
                RestrictedExpression::new_entity_uid(eps[c.endpoint as usize].clone()),
            )]);
            es.push(Entity::new(convs[c.id as usize].clone(), attrs, HashSet::new()).unwrap());
        }
        let mut candidates =
            ds.convs.iter().filter(|c| !c.archived && c.assignee.is_none()).map(|c| c.id).collect::<Vec<_>>();
        candidates.sort_unstable_by_key(|&c| std::cmp::Reverse((ds.convs[c as usize].last_at, c)));
        Cedar {
            auth: Authorizer::new(),
            policies: POLICY.parse().unwrap(),
            entities: Entities::from_entities(es, None).unwrap(),
            users: (0..ds.teammates()).map(|k| uid("User", k)).collect(),
            convs,
            action: uid_str("Action", "view"),
            candidates,
            calls: 0,
        }
    }
    fn request(&self, viewer: u32, conv: u32) -> Request {
        Request::new(
            self.users[viewer as usize].clone(),
            self.action.clone(),
            self.convs[conv as usize].clone(),
            Context::empty(),
            None,
        )
        .unwrap()
    }
    fn check(&self, viewer: u32, conv: u32) -> bool {
        let r = self.request(viewer, conv);
        self.auth.is_authorized(&r, &self.policies, &self.entities).decision() == Decision::Allow
    }
}

fn uid_str(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().unwrap(), EntityId::new(id))
}

impl workload::Engine for Cedar {
    fn name(&self) -> &'static str {
        "cedar"
    }
    fn supports(&self, q: Q) -> bool {
        matches!(q, Q::Q1 | Q::Q2)
    }
    fn can_view(&mut self, viewer: u32, conv: u32) -> bool {
        self.check(viewer, conv)
    }
    fn page(&mut self, viewer: u32, f: &Filter, limit: usize, out: &mut Vec<u32>) {
        assert_eq!(*f, Filter::all());
        out.clear();
        for &c in &self.candidates {
            self.calls += 1;
            if self.check(viewer, c) {
                out.push(c);
                if out.len() == limit {
                    return;
                }
            }
        }
    }
    fn counts(&mut self, _: u32, _: &[Filter], _: &mut Vec<(u32, u32)>) {
        unreachable!()
    }
    fn visible(&mut self, _: u32, _: &mut Vec<u32>) {
        unreachable!()
    }
    fn audience(&mut self, _: u32, _: &mut Vec<u32>) {
        unreachable!()
    }
    fn message(&mut self, _: u32, _: i64) {
        unreachable!()
    }
    fn note(&mut self) -> String {
        let n = 20_000;
        let t = std::time::Instant::now();
        for i in 0..n {
            let (v, c) = (i % self.users.len(), i * 7919 % self.convs.len());
            std::hint::black_box(self.request(v as u32, c as u32));
        }
        let e = t.elapsed().as_nanos() / n as u128;
        format!("candidates {}, building a request {e} ns", self.candidates.len())
    }
}
