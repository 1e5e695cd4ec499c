//! Physical limits of the machine, and the bitmap primitives at 10 M conversations (XL).

use baseline::bits::{self, Terms};
use roaring::RoaringBitmap as Rb;
use std::hint::black_box;
use std::time::{Duration, Instant};
use workload::Rng;

fn median(secs: f64, mut op: impl FnMut()) -> f64 {
    op();
    let t = Instant::now();
    op();
    let k = (20_000 / t.elapsed().as_nanos().max(1)).clamp(1, 4096) as usize;
    let mut v = Vec::new();
    let t = Instant::now();
    while t.elapsed() < Duration::from_secs_f64(secs) || v.len() < 5 {
        let s = Instant::now();
        for _ in 0..k {
            op();
        }
        v.push(s.elapsed().as_nanos() as f64 / k as f64);
    }
    v.sort_by(f64::total_cmp);
    v[v.len() / 2]
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_avx2(a: &[u64]) -> u64 {
    let mut s = [0u64; 32];
    for c in a.chunks_exact(32) {
        for i in 0..32 {
            s[i] = s[i].wrapping_add(c[i]);
        }
    }
    s.iter().fold(0, |x, y| x.wrapping_add(*y))
}

fn main() {
    let secs: f64 = std::env::args().nth(1).map_or(1.0, |s| s.parse().expect("seconds"));
    let mut r = Rng::new(99);

    let timer = median(secs * 0.2, || {
        black_box(Instant::now());
    });
    println!("clock read {timer:.1} ns");

    println!("# read, one thread, sum of u64 (AVX2)");
    for (name, bytes) in [
        ("L1 16 KiB", 16 << 10),
        ("L2 512 KiB", 512 << 10),
        ("L3 8 MiB", 8 << 20),
        ("L3 24 MiB", 24 << 20),
        ("memory 2 GiB", 2usize << 30),
    ] {
        let a = (0..bytes / 8).map(|i| i as u64).collect::<Vec<_>>();
        let ns = median(secs, || {
            black_box(unsafe { sum_avx2(black_box(&a)) });
        });
        println!("{name:14} {:8.1} GB/s", bytes as f64 / ns);
    }

    println!("# memcpy of 1.6 MB (the list of 400 k ids)");
    let a = vec![1u32; 400_000];
    let mut o = vec![0u32; 400_000];
    let ns = median(secs * 0.5, || {
        o.copy_from_slice(black_box(&a));
        black_box(&o);
    });
    println!("warm {ns:.0} ns, {:.1} GB/s copied", 1.6e6 / ns);

    println!("# dependent random read (pointer chase) and independent random read");
    for (name, n) in [
        ("32 KiB", 1usize << 13),
        ("512 KiB", 1 << 17),
        ("2 MiB", 1 << 19),
        ("4 MiB", 1 << 20),
        ("16 MiB", 1 << 22),
        ("128 MiB", 1 << 25),
        ("1 GiB", 1 << 28),
    ] {
        let mut next = vec![0u32; n];
        let mut p = (0..n as u32).collect::<Vec<_>>();
        r.shuffle(&mut p);
        for i in 0..n {
            next[p[i] as usize] = p[(i + 1) % n];
        }
        let mut at = 0u32;
        let chase = median(secs * 0.4, || {
            for _ in 0..1000 {
                at = next[at as usize];
            }
            black_box(at);
        }) / 1000.0;
        let idx = (0..4096).map(|_| r.below(n as u32)).collect::<Vec<_>>();
        let big = (0..1 << 18).map(|_| r.below(n as u32)).collect::<Vec<_>>();
        let _ = idx;
        let mut k = 0;
        let indep = median(secs * 0.4, || {
            let mut s = 0u32;
            for &i in &big[k..k + 1024] {
                s ^= next[i as usize];
            }
            k = (k + 1024) % (1 << 18);
            black_box(s);
        }) / 1024.0;
        println!("{name:8} chase {chase:6.2} ns, independent {indep:6.2} ns");
    }

    println!("# AND + popcount of two bitmaps");
    for (name, words) in [
        ("10 KB each (80 k bits)", 1250usize),
        ("125 KB each (1 M bits, L2)", 15_625),
        ("256 KiB each (L2)", 32_768),
        ("1.25 MB each (10 M bits, L3)", 156_250),
        ("64 MiB each (memory)", 8 << 20),
    ] {
        let a = (0..words).map(|_| r.next_u64()).collect::<Vec<_>>();
        let b = (0..words).map(|_| r.next_u64()).collect::<Vec<_>>();
        let bytes = (words * 16) as f64;
        let f = |g: &dyn Fn(&[u64], &[u64]) -> u64| {
            let ns = median(secs * 0.4, || {
                black_box(g(black_box(&a), black_box(&b)));
            });
            (ns, bytes / ns)
        };
        let (p, pg) = f(&|a, b| bits::and_popcount_portable(a, b));
        let (q, qg) = f(&|a, b| bits::and_popcount_popcnt(a, b));
        let (v, vg) = f(&|a, b| bits::and_popcount_avx2(a, b));
        println!(
            "{name:30} portable {p:10.0} ns {pg:6.1} GB/s | popcnt {q:10.0} ns {qg:6.1} GB/s | avx2 {v:10.0} ns {vg:6.1} GB/s"
        );
    }

    for (name, n) in [("L, 1 M", 1_000_000u32), ("XL, 10 M", 10_000_000)] {
        println!("# bitmap primitives, {name} bits: visible 45 %, unarchived 8 %, unassigned 55 % of those, tag 15 %");
        let words = (n as usize).div_ceil(512) * 8;
        let mut mk = |p: f64| {
            let mut v = vec![0u64; words];
            (0..n).for_each(|i| {
                if r.chance(p) {
                    bits::set(&mut v, i)
                }
            });
            v
        };
        // Several viewers, so that one call does not find the last call's bitmap in a near cache.
        let vis = (0..16).map(|_| mk(0.45)).collect::<Vec<_>>();
        let (live, un, tag) = (mk(0.08), mk(0.55), mk(0.15));
        let rb = |v: &[u64]| {
            let mut x = Rb::new();
            bits::ones(v, |i| {
                x.insert(i);
            });
            x
        };
        let rvis = vis.iter().map(|v| rb(v)).collect::<Vec<_>>();
        let (rlive, run, rtag) = (rb(&live), rb(&un), rb(&tag));
        let rall = &rlive & &run;
        let rlt = &rlive & &rtag;
        println!(
            "bytes: plain {} each; roaring visible {} unarchived {} unarchived&unassigned {} tag {}",
            words * 8,
            rvis[0].serialized_size(),
            rlive.serialized_size(),
            rall.serialized_size(),
            rtag.serialized_size()
        );
        let mut k = 0;
        let mut out = Vec::with_capacity(n as usize);
        let mut t3 = |third: &[u64], portable: bool| {
            median(secs * 0.4, || {
                k = (k + 1) % 16;
                let mut t = Terms::default();
                t.and.push(&vis[k]);
                t.and.push(&live);
                t.and.push(third);
                out.clear();
                let f = |s| {
                    out.push(s);
                    out.len() < 50
                };
                if portable {
                    bits::scan_portable(&t, words / 8, f)
                } else {
                    bits::scan(&t, words / 8, f)
                }
                black_box(&out);
            })
        };
        let (p, pp, pt) = (t3(&un, false), t3(&un, true), t3(&tag, false));
        let mut k = 0;
        let mut rp = |c: &Rb| {
            median(secs * 0.4, || {
                k = (k + 1) % 16;
                out.clear();
                out.extend(c.iter().rev().filter(|&s| rvis[k].contains(s)).take(50));
                black_box(&out);
            })
        };
        let (q, qt) = (rp(&rall), rp(&rlt));
        let full = median(secs * 0.4, || {
            k = (k + 1) % 16;
            black_box((&rvis[k] & &rall).len());
        });
        println!(
            "page of 50 (Q2): plain {p:.0} ns, plain portable {pp:.0} ns, roaring walk+probe {q:.0} ns, roaring full AND {full:.0} ns"
        );
        println!("page of 50 with a tag: plain {pt:.0} ns, roaring walk+probe {qt:.0} ns");
        let c3 = median(secs * 0.4, || {
            k = (k + 1) % 16;
            let mut t = Terms::default();
            t.and.push(&vis[k]);
            t.and.push(&live);
            let mut o = [(0, 0)];
            let mut f = Terms::default();
            f.and.push(&un);
            bits::counts(&t, &tag, &[f], words / 8, &mut o);
            black_box(o);
        });
        let c2 = median(secs * 0.4, || {
            k = (k + 1) % 16;
            black_box(bits::and_popcount_avx2(&vis[k], &live));
        });
        let rc2 = median(secs * 0.4, || {
            k = (k + 1) % 16;
            black_box(rvis[k].intersection_len(&rlive));
        });
        println!(
            "count of visible & unarchived: plain avx2 {c2:.0} ns, roaring intersection_len {rc2:.0} ns; one filter with unread, generic kernel {c3:.0} ns"
        );
        let e = median(secs * 0.4, || {
            k = (k + 1) % 16;
            out.clear();
            bits::ones(&vis[k], |s| out.push(s));
            black_box(&out);
        });
        let re = median(secs * 0.4, || {
            k = (k + 1) % 16;
            out.clear();
            let mut it = rvis[k].iter();
            let mut buf = [0u32; 512];
            loop {
                let got = it.next_many(&mut buf);
                if got.is_empty() {
                    break;
                }
                out.extend_from_slice(got);
            }
            black_box(&out);
        });
        println!("list of all visible ({} ids): plain {e:.0} ns, roaring {re:.0} ns", out.len());
        let idx = (0..1 << 16).map(|_| r.below(n)).collect::<Vec<_>>();
        let mut i = 0;
        let c = median(secs * 0.4, || {
            let mut s = 0;
            for j in 0..1024 {
                s += u32::from(bits::get(&vis[j % 16], idx[i + j]));
            }
            i = (i + 1024) % (1 << 16);
            black_box(s);
        }) / 1024.0;
        let rc = median(secs * 0.4, || {
            let mut s = 0;
            for j in 0..1024 {
                s += u32::from(rvis[j % 16].contains(idx[i + j]));
            }
            i = (i + 1024) % (1 << 16);
            black_box(s);
        }) / 1024.0;
        println!("bit test: plain {c:.2} ns, roaring {rc:.2} ns");
    }
}
