//! What is asked of every engine, how the answers are compared, and how the time is taken.

use std::fmt::Debug;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::*;

/// Bytes held by the allocator of the harness.
pub static HELD: AtomicUsize = AtomicUsize::new(0);

pub fn held() -> usize {
    HELD.load(Relaxed)
}

/// The reference's answers to the verification part of the query list.
#[derive(Default)]
pub struct Expected {
    pub q1: Vec<bool>,
    pub q2: Vec<Vec<u32>>,
    pub q3: Vec<Vec<u32>>,
    pub q4: Vec<Vec<u32>>,
    pub q4s: Vec<Vec<u32>>,
    pub q5: Vec<Vec<(u32, u32)>>,
    pub q6: Vec<Vec<u32>>,
    pub q7: Vec<Vec<u32>>,
    pub q8: Vec<Vec<u32>>,
}

pub const V1: usize = 4096;
pub const VP: usize = 32;
pub const V5: usize = 12;
pub const V6: usize = 6;
pub const V8: usize = 64;

fn pages(e: &mut dyn Engine, l: impl Iterator<Item = (u32, Filter)>) -> Vec<Vec<u32>> {
    l.take(VP)
        .map(|(v, f)| {
            let mut o = Vec::new();
            e.page(v, &f, PAGE, &mut o);
            o
        })
        .collect()
}

/// Answers of `e` to the verification part of the query list; changes `e` (Q8) only when `updates`.
pub fn answers(e: &mut dyn Engine, q: &Queries, updates: bool) -> Expected {
    let mut x = Expected::default();
    if e.supports(Q::Q1) {
        x.q1 = q.pairs[..V1].iter().map(|&(v, c)| e.can_view(v, c)).collect();
    }
    if e.supports(Q::Q2) {
        x.q2 = pages(e, q.viewers.iter().map(|&v| (v, Filter::all())));
    }
    if e.supports(Q::Q3) {
        x.q3 = pages(e, q.viewers.iter().map(|&v| (v, Filter::mine())));
    }
    if e.supports(Q::Q4) {
        x.q4 = pages(e, q.tag_broad.iter().cloned());
    }
    if e.supports(Q::Q4s) {
        x.q4s = pages(e, q.tag_selective.iter().cloned());
    }
    if e.supports(Q::Q5) {
        x.q5 = q.sidebars[..V5]
            .iter()
            .map(|(v, f)| {
                let mut o = Vec::new();
                e.counts(*v, f, &mut o);
                o
            })
            .collect();
    }
    let sorted = |mut o: Vec<u32>| {
        o.sort_unstable();
        o
    };
    if e.supports(Q::Q6) {
        x.q6 = q.viewers[..V6]
            .iter()
            .map(|&v| {
                let mut o = Vec::new();
                e.visible(v, &mut o);
                sorted(o)
            })
            .collect();
    }
    if e.supports(Q::Q7) {
        x.q7 = q.convs[..VP]
            .iter()
            .map(|&c| {
                let mut o = Vec::new();
                e.audience(c, &mut o);
                sorted(o)
            })
            .collect();
    }
    if updates && e.supports(Q::Q8) {
        x.q8 = q.updates[..V8]
            .iter()
            .map(|&(c, at, v)| {
                e.message(c, at);
                let mut o = Vec::new();
                e.page(v, &Filter::all(), PAGE, &mut o);
                o
            })
            .collect();
    }
    x
}

pub fn same(name: &str, a: &Expected, b: &Expected, e: &dyn Engine, with8: bool) {
    let ck = |q: Q, ok: bool| {
        if e.supports(q) {
            assert!(ok, "{name}: {q:?} differs from the reference");
        }
    };
    ck(Q::Q1, a.q1 == b.q1);
    ck(Q::Q2, a.q2 == b.q2);
    ck(Q::Q3, a.q3 == b.q3);
    ck(Q::Q4, a.q4 == b.q4);
    ck(Q::Q4s, a.q4s == b.q4s);
    ck(Q::Q5, a.q5 == b.q5);
    ck(Q::Q6, a.q6 == b.q6);
    ck(Q::Q7, a.q7 == b.q7);
    if with8 {
        ck(Q::Q8, a.q8 == b.q8);
    }
}

#[derive(Clone)]
pub struct Stat {
    pub label: String,
    pub median: f64,
    pub p95: f64,
    pub n: usize,
    /// To the baseline's time, taken in turns with it: the median over turns. `None` if it was not beside.
    pub ratio: Option<f64>,
}

pub fn stat(label: impl Debug, mut v: Vec<f64>, per: usize) -> Stat {
    v.sort_by(f64::total_cmp);
    let p = |x: f64| v[((v.len() - 1) as f64 * x) as usize];
    Stat { label: format!("{label:?}").replace('"', ""), median: p(0.5), p95: p(0.95), n: v.len() * per, ratio: None }
}

/// Has a yes or no worked out that nobody looks at.
///
/// It is handed over as wide as a register: a byte that is written to the stack, where eight are read right after it,
/// makes each call wait for the one before, which takes as long as the shortest questions.
pub fn answered(answer: bool) {
    black_box(usize::from(answer));
}

/// Median over batches of about 20 us (one call where a call is longer), cycling the arguments.
pub fn time(q: impl Debug, secs: f64, mut op: impl FnMut(usize)) -> Stat {
    let mut i = 0;
    let t = Instant::now();
    while t.elapsed() < Duration::from_secs_f64(secs * 0.2) && i < 4096 {
        op(i);
        i += 1;
    }
    let one = t.elapsed().as_nanos() as f64 / i as f64;
    let k = ((20_000.0 / one) as usize).clamp(1, 4096);
    let mut v = Vec::new();
    let t = Instant::now();
    while (t.elapsed() < Duration::from_secs_f64(secs) && v.len() < 50_000) || v.len() < 5 {
        let s = Instant::now();
        for _ in 0..k {
            op(i);
            i += 1;
        }
        v.push(s.elapsed().as_nanos() as f64 / k as f64);
    }
    stat(q, v, k)
}

/// Turns that an engine and the baseline take, so that both see the same phases of a machine that is not quiet.
const TURNS: usize = 25;

/// As [`time`], in turns with what the baseline does for the same question.
pub fn beside(q: impl Debug, secs: f64, mut op: impl FnMut(usize), mut base: impl FnMut(usize)) -> Stat {
    let (per_op, per_base) = (per_batch(&mut op), per_batch(&mut base));
    let (mut own, mut others, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut at, mut base_at) = (0, 0);
    for _ in 0..TURNS {
        let base = one_turn(&mut others, &mut base_at, (per_base, secs), &mut base);
        ratios.push(one_turn(&mut own, &mut at, (per_op, secs), &mut op) / base);
    }
    ratios.sort_by(f64::total_cmp);
    Stat { ratio: Some(ratios[TURNS / 2]), ..stat(q, own, per_op) }
}

/// The median of a turn's batches. Compiled for each question, so that between two of a batch nothing is called.
fn one_turn(batches: &mut Vec<f64>, from: &mut usize, (per, secs): (usize, f64), op: &mut impl FnMut(usize)) -> f64 {
    let first = batches.len();
    let t = Instant::now();
    while t.elapsed().as_secs_f64() < secs / TURNS as f64 || batches.len() < first + 3 {
        let s = Instant::now();
        (*from..*from + per).for_each(&mut *op);
        *from += per;
        batches.push(s.elapsed().as_nanos() as f64 / per as f64);
    }
    let mut turn = batches[first..].to_vec();
    turn.sort_by(f64::total_cmp);
    turn[turn.len() / 2]
}

/// How many questions take about 20 µs.
fn per_batch(op: &mut impl FnMut(usize)) -> usize {
    let t = Instant::now();
    (0..64).for_each(op);
    ((20_000.0 * 64.0 / t.elapsed().as_nanos() as f64) as usize).clamp(1, 4096)
}

/// Asserts and times every question that changes nothing, through the trait.
pub fn reads(e: &mut dyn Engine, q: &Queries, ex: &Expected, n_convs: usize, secs: f64, r: &mut Vec<Stat>) {
    let name = e.name();
    let a = answers(e, q, false);
    same(name, &a, ex, e, false);
    drop(a);
    let mut out = Vec::with_capacity(n_convs);
    if e.supports(Q::Q1) {
        r.push(time(Q::Q1, secs, |i| {
            let (v, c) = q.pairs[i % PAIRS];
            answered(e.can_view(v, c));
        }));
    }
    let (all, mine) = (Filter::all(), Filter::mine());
    let nv = q.viewers.len();
    if e.supports(Q::Q2) {
        r.push(time(Q::Q2, secs, |i| {
            e.page(q.viewers[i % nv], &all, PAGE, &mut out);
            black_box(&out);
        }));
    }
    if e.supports(Q::Q3) {
        r.push(time(Q::Q3, secs, |i| {
            e.page(q.viewers[i % nv], &mine, PAGE, &mut out);
            black_box(&out);
        }));
    }
    for (k, l) in [(Q::Q4, &q.tag_broad), (Q::Q4s, &q.tag_selective)] {
        if e.supports(k) {
            r.push(time(k, secs, |i| {
                let (v, f) = &l[i % l.len()];
                e.page(*v, f, PAGE, &mut out);
                black_box(&out);
            }));
        }
    }
    if e.supports(Q::Q5) {
        let mut o = Vec::new();
        r.push(time(Q::Q5, secs, |i| {
            let (v, f) = &q.sidebars[i % q.sidebars.len()];
            e.counts(*v, f, &mut o);
            black_box(&o);
        }));
    }
    if e.supports(Q::Q6) {
        r.push(time(Q::Q6, secs, |i| {
            e.visible(q.viewers[i % nv], &mut out);
            black_box(&out);
        }));
    }
    if e.supports(Q::Q7) {
        r.push(time(Q::Q7, secs, |i| {
            e.audience(q.convs[i % q.convs.len()], &mut out);
            black_box(&out);
        }));
    }
}
