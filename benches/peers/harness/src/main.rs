//! Verifies every engine against the naive reference, then times it.
//!
//! peers [--sizes S,M,L] [--engines naive,bitset,...] [--secs 1.0] [--updates N] [--out FILE]
//! peers --explain SIZE        print the plans of SQLite and PostgreSQL

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use workload::measure::*;
use workload::naive::Naive;
use workload::*;

struct Counting;
// One thread does all the work that is measured, so a plain load and store is exact and nearly free.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        HELD.store(HELD.load(Relaxed).wrapping_add(l.size()), Relaxed);
        unsafe { System.alloc(l) }
    }
    unsafe fn alloc_zeroed(&self, l: Layout) -> *mut u8 {
        HELD.store(HELD.load(Relaxed).wrapping_add(l.size()), Relaxed);
        unsafe { System.alloc_zeroed(l) }
    }
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) {
        HELD.store(HELD.load(Relaxed).wrapping_sub(l.size()), Relaxed);
        unsafe { System.dealloc(p, l) }
    }
    unsafe fn realloc(&self, p: *mut u8, l: Layout, n: usize) -> *mut u8 {
        HELD.store(HELD.load(Relaxed).wrapping_add(n).wrapping_sub(l.size()), Relaxed);
        unsafe { System.realloc(p, l, n) }
    }
}
#[global_allocator]
static A: Counting = Counting;

/// Messages that an engine takes at most before it is the baseline's turn: enough that most find the caches as the
/// engine's own messages leave them. What the other has touched takes several hundred to be pushed out again.
const TURN: usize = 2_000;

fn run(
    e: &mut dyn Engine,
    base: &mut dyn Engine,
    q: &Queries,
    ex: &Expected,
    ds: &Dataset,
    (secs, updates): (f64, usize),
) -> Vec<Stat> {
    let name = e.name();
    let mut r = Vec::new();
    if !e.read(q, ex, secs, base, &mut r) {
        reads(e, q, ex, ds.convs.len(), secs, &mut r);
    }
    let (all, mine) = (Filter::all(), Filter::mine());
    if e.supports(Q::Q8) {
        let a = answers(e, q, true);
        same(name, &a, ex, e, true);
        drop(a);
        let (mut u, mut w) = (Vec::new(), Vec::new());
        let (mut base_u, mut base_w) = (Vec::new(), Vec::new());
        let t = Instant::now();
        let mut done = V8;
        let is_over = |taken: usize| taken >= 20 && t.elapsed() > Duration::from_secs_f64(secs * 2.0);
        for turn in q.updates[V8..V8.max(updates.min(q.updates.len()))].chunks(TURN) {
            let before = u.len();
            for &(c, at, v) in turn {
                let (message, both) = e.message_then_all(c, at, v);
                u.push(message);
                w.push(both);
                if is_over(u.len()) {
                    break;
                }
            }
            let taken = u.len() - before;
            for &(c, at, v) in &turn[..taken] {
                let (message, both) = base.message_then_all(c, at, v);
                base_u.push(message);
                base_w.push(both);
            }
            done += taken;
            if is_over(u.len()) {
                break;
            }
        }
        for (label, own, base) in [(Q::Q8u, u, base_u), (Q::Q8, w, base_w)] {
            let (own, base) = (stat(label, own, 1), stat(label, base, 1));
            r.push(Stat { ratio: Some(own.median / base.median), ..own });
        }
        // The state after all updates, against a reference that replays them.
        let mut n = Naive::build(ds);
        for &(c, at, _) in &q.updates[..done] {
            n.message(c, at);
        }
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for i in 0..4 {
            let (v, f) = &q.tag_broad[i];
            for f in [&all, &mine, f] {
                n.page(*v, f, PAGE, &mut x);
                e.page(*v, f, PAGE, &mut y);
                assert_eq!(x, y, "{name}: page after {done} updates");
            }
            let (v, f) = &q.sidebars[i];
            let (mut x, mut y) = (Vec::new(), Vec::new());
            n.counts(*v, f, &mut x);
            e.counts(*v, f, &mut y);
            assert_eq!(x, y, "{name}: counts after {done} updates");
        }
    }
    r
}

fn human(ns: f64) -> String {
    match ns {
        x if x < 1e3 => format!("{x:.1} ns"),
        x if x < 1e6 => format!("{:.2} us", x / 1e3),
        x if x < 1e9 => format!("{:.2} ms", x / 1e6),
        x => format!("{:.2} s", x / 1e9),
    }
}

fn engines(name: &str, ds: &Dataset) -> Option<Box<dyn Engine>> {
    Some(match name {
        "naive" => Box::new(Naive::build(ds)),
        "roaring" => Box::new(baseline::roar::Roar::build(ds)),
        "bitset" => Box::new(baseline::bitset::Bitset::build(ds)),
        "visibly" => Box::new(peer_visibly::Peer::build(ds)),
        #[cfg(feature = "sqlite")]
        "sqlite" => Box::new(peer_sqlite::Sqlite::build(ds)),
        #[cfg(feature = "cedar")]
        "cedar" => Box::new(peer_cedar::Cedar::build(ds)),
        #[cfg(feature = "casbin")]
        "casbin" => Box::new(peer_casbin::Casbin::build(ds)),
        // Both load the tables anew, since Q8 changes them.
        #[cfg(feature = "pg")]
        "pg" => Box::new(peer_pg::Pg::open(false, peer_pg::load(ds))),
        #[cfg(feature = "pg")]
        "pg-rls" => Box::new(peer_pg::Pg::open(true, peer_pg::load(ds))),
        _ => return None,
    })
}

fn main() {
    let args = std::env::args().skip(1).collect::<Vec<_>>();
    let opt = |n: &str, d: &str| {
        args.iter().position(|a| a == n).map_or(d.to_string(), |i| args.get(i + 1).expect("a value").clone())
    };
    if let Some(i) = args.iter().position(|a| a == "--explain") {
        let _ds = Dataset::size(&args[i + 1]);
        #[cfg(feature = "sqlite")]
        println!("{}", peer_sqlite::Sqlite::build(&_ds).explain());
        #[cfg(feature = "pg")]
        {
            let n = peer_pg::load(&_ds);
            for rls in [false, true] {
                println!("=== rls {rls}\n{}", peer_pg::Pg::open(rls, n).explain(7));
            }
        }
        return;
    }
    let secs: f64 = opt("--secs", "1.0").parse().expect("seconds");
    let list = opt("--engines", "bitset,roaring,naive,sqlite,casbin,cedar,pg,pg-rls,visibly");
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(opt("--out", "results.jsonl"))
        .expect("results file");
    for size in opt("--sizes", "S,M,L").split(',') {
        let t = Instant::now();
        let ds = Dataset::size(size);
        let q = Queries::new(&ds, 7);
        // Few enough that the share of unarchived conversations stays near the data set's.
        let updates: usize = opt("--updates", &(ds.convs.len() / 20).to_string()).parse().expect("a number");
        let live = ds.convs.iter().filter(|c| !c.archived).count();
        println!(
            "## {size}: {} teammates, {} teams, {} endpoints, {} conversations ({live} unarchived), {:?}",
            ds.teammates(),
            ds.teams.len(),
            ds.endpoints.len(),
            ds.convs.len(),
            t.elapsed()
        );
        let ex = answers(&mut Naive::build(&ds), &q, true);
        let mean = |v: &[Vec<u32>]| v.iter().map(Vec::len).sum::<usize>() as f64 / v.len() as f64;
        println!(
            "means: Q2 {} Q3 {} Q4 {} Q4s {} rows, Q6 {} ids, Q7 {} teammates; Q5 open {}",
            mean(&ex.q2),
            mean(&ex.q3),
            mean(&ex.q4),
            mean(&ex.q4s),
            mean(&ex.q6),
            mean(&ex.q7),
            ex.q5.iter().map(|v| f64::from(v[3].0)).sum::<f64>() / ex.q5.len() as f64
        );
        let mut base: Vec<Stat> = vec![];
        for name in list.split(',') {
            let held = HELD.load(Relaxed);
            let t = Instant::now();
            let Some(mut e) = engines(name, &ds) else {
                println!("{name}: not there");
                continue;
            };
            let (build_s, bytes) =
                e.built().unwrap_or((t.elapsed().as_secs_f64(), HELD.load(Relaxed).wrapping_sub(held)));
            let bytes = bytes + e.foreign_bytes();
            let t = Instant::now();
            let mut beside = baseline::bitset::Bitset::build(&ds);
            let base_build = t.elapsed().as_secs_f64();
            let r = run(e.as_mut(), &mut beside, &q, &ex, &ds, (secs, updates));
            drop(beside);
            let per = bytes as f64 / ds.convs.len() as f64;
            println!(
                "{name}: verified; built in {build_s:.3} s (x{:.2}), {bytes} bytes ({per:.1} a conversation); {}",
                build_s / base_build,
                e.note()
            );
            let mut j = format!(
                "{{\"size\":\"{size}\",\"engine\":\"{name}\",\"conversations\":{},\"build_s\":{:.3},\"build_ratio\":{:.4},\"bytes\":{bytes},\"bytes_per_conv\":{per:.2},\"note\":\"{}\",\"ns\":{{",
                ds.convs.len(),
                build_s,
                build_s / base_build,
                e.note()
            );
            for (i, s) in r.iter().enumerate() {
                let beside = s.ratio;
                let ratio = base.iter().find(|b| b.label == s.label).map_or(1.0, |b| s.median / b.median);
                let ratio = beside.unwrap_or(ratio);
                println!(
                    "  {:22} {:>12}  p95 {:>12}  x{ratio:<10.2} n={}",
                    s.label,
                    human(s.median),
                    human(s.p95),
                    s.n
                );
                let _ = write!(
                    j,
                    "{}\"{}\":{{\"median\":{:.1},\"p95\":{:.1},\"n\":{},\"ratio\":{ratio:.4}}}",
                    if i > 0 { "," } else { "" },
                    s.label,
                    s.median,
                    s.p95,
                    s.n
                );
            }
            writeln!(file, "{j}}}}}").expect("results file");
            if name == "bitset" {
                base = r;
            }
        }
    }
}
