//! The reference: a loop over structs with `HashSet` membership. Also a baseline.

use crate::*;
use std::collections::HashSet;

pub struct Naive {
    principals: Vec<HashSet<Principal>>,
    endpoints: Vec<Endpoint>,
    contact_tags: Vec<HashSet<u16>>,
    convs: Vec<Conv>,
}

impl Naive {
    pub fn build(ds: &Dataset) -> Naive {
        let teams = ds.teams_of();
        let principals = teams
            .iter()
            .enumerate()
            .map(|(i, ts)| {
                let mut s = HashSet::new();
                s.insert(Principal::Org);
                s.insert(Principal::Teammate(i as u32));
                s.extend(ts.iter().map(|&k| Principal::Team(k)));
                s
            })
            .collect();
        Naive {
            principals,
            endpoints: ds.endpoints.clone(),
            contact_tags: ds.contacts.iter().map(|v| v.iter().copied().collect()).collect(),
            convs: ds.convs.clone(),
        }
    }

    fn sees(&self, viewer: u32, c: &Conv) -> bool {
        let p = &self.principals[viewer as usize];
        let e = &self.endpoints[c.endpoint as usize];
        p.contains(&e.owner) || e.extra.iter().any(|x| p.contains(x))
    }

    fn matches(&self, viewer: u32, f: &Filter, c: &Conv) -> bool {
        if c.archived || f.endpoint.is_some_and(|e| e != c.endpoint) {
            return false;
        }
        let who = match f.who {
            Who::Any => true,
            Who::Unassigned => c.assignee.is_none(),
            Who::Assigned => c.assignee.is_some(),
            Who::Me => c.assignee == Some(Principal::Teammate(viewer)),
            Who::MyTeams => {
                matches!(c.assignee, Some(p @ Principal::Team(_)) if self.principals[viewer as usize].contains(&p))
            }
        };
        who && (f.conv_any.is_empty() || f.conv_any.iter().any(|t| c.conv_tags.contains(t)))
            && (f.contact_any.is_empty()
                || c.contacts.iter().any(|&k| {
                    let h = &self.contact_tags[k as usize];
                    f.contact_any.iter().any(|t| h.contains(t))
                }))
            && self.sees(viewer, c)
    }
}

impl Engine for Naive {
    fn name(&self) -> &'static str {
        "naive"
    }
    fn can_view(&mut self, viewer: u32, conv: u32) -> bool {
        self.sees(viewer, &self.convs[conv as usize])
    }
    fn page(&mut self, viewer: u32, f: &Filter, limit: usize, out: &mut Vec<u32>) {
        let mut v =
            self.convs.iter().filter(|c| self.matches(viewer, f, c)).map(|c| (c.last_at, c.id)).collect::<Vec<_>>();
        v.sort_unstable_by(|a, b| b.cmp(a));
        v.truncate(limit);
        out.clear();
        out.extend(v.iter().map(|x| x.1));
    }
    fn counts(&mut self, viewer: u32, f: &[Filter], out: &mut Vec<(u32, u32)>) {
        out.clear();
        for f in f {
            let (mut n, mut u) = (0, 0);
            for c in &self.convs {
                if self.matches(viewer, f, c) {
                    n += 1;
                    u += u32::from(c.unread);
                }
            }
            out.push((n, u));
        }
    }
    fn visible(&mut self, viewer: u32, out: &mut Vec<u32>) {
        out.clear();
        for c in &self.convs {
            if self.sees(viewer, c) {
                out.push(c.id);
            }
        }
    }
    fn audience(&mut self, conv: u32, out: &mut Vec<u32>) {
        out.clear();
        let c = &self.convs[conv as usize];
        for v in 0..self.principals.len() as u32 {
            if self.sees(v, c) {
                out.push(v);
            }
        }
    }
    fn message(&mut self, conv: u32, at: i64) {
        let c = &mut self.convs[conv as usize];
        c.last_at = at;
        c.archived = false;
        c.unread = true;
    }
}
