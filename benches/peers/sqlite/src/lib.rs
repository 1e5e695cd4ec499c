//! SQLite in memory. Access is a materialised (viewer, endpoint) table; partial covering indexes over
//! the unarchived rows in time order; contact and conversation tags of unarchived conversations are kept
//! denormalised in (tag, time) order, so a tag page reads 3 x 50 index entries.

use rusqlite::{Connection, params};
use workload::*;

pub struct Sqlite {
    db: Connection,
    teammates: u32,
}

const SCHEMA: &str = "
CREATE TABLE conv(id INTEGER PRIMARY KEY, endpoint INT NOT NULL, archived INT NOT NULL, assignee INT,
  unread INT NOT NULL, last_at INT NOT NULL);
CREATE TABLE ep_viewer(viewer INT, endpoint INT, PRIMARY KEY(viewer, endpoint)) WITHOUT ROWID;
CREATE TABLE my_team(viewer INT, assignee INT, PRIMARY KEY(viewer, assignee)) WITHOUT ROWID;
CREATE TABLE conv_ctag(conv INT, tag INT, PRIMARY KEY(conv, tag)) WITHOUT ROWID;
CREATE TABLE conv_vtag(conv INT, tag INT, PRIMARY KEY(conv, tag)) WITHOUT ROWID;
CREATE TABLE live_ctag(tag INT, last_at INT, conv INT, endpoint INT, assignee INT, unread INT,
  PRIMARY KEY(tag, last_at, conv)) WITHOUT ROWID;
CREATE TABLE live_vtag(tag INT, last_at INT, conv INT, endpoint INT, assignee INT, unread INT,
  PRIMARY KEY(tag, last_at, conv)) WITHOUT ROWID;
";
const INDEXES: &str = "
CREATE INDEX ev ON ep_viewer(endpoint, viewer);
CREATE INDEX ix_all ON conv(last_at, id, endpoint) WHERE archived=0 AND assignee IS NULL;
CREATE INDEX ix_mine ON conv(assignee, last_at, id, endpoint, unread) WHERE archived=0 AND assignee IS NOT NULL;
CREATE INDEX ix_count ON conv(endpoint, assignee, unread) WHERE archived=0;
CREATE INDEX ix_ep ON conv(endpoint);
INSERT INTO live_ctag SELECT t.tag, c.last_at, c.id, c.endpoint, c.assignee, c.unread
  FROM conv c JOIN conv_ctag t ON t.conv=c.id WHERE c.archived=0 ORDER BY 1,2,3;
INSERT INTO live_vtag SELECT t.tag, c.last_at, c.id, c.endpoint, c.assignee, c.unread
  FROM conv c JOIN conv_vtag t ON t.conv=c.id WHERE c.archived=0 ORDER BY 1,2,3;
ANALYZE;
";

const CAN: &str =
    "SELECT EXISTS(SELECT 1 FROM ep_viewer WHERE viewer=?1 AND endpoint=(SELECT endpoint FROM conv WHERE id=?2))";
const ALL: &str = "SELECT id FROM conv INDEXED BY ix_all WHERE archived=0 AND assignee IS NULL
  AND +endpoint IN (SELECT endpoint FROM ep_viewer WHERE viewer=?1) ORDER BY last_at DESC, id DESC LIMIT ?2";
const MINE: &str = "SELECT id FROM conv INDEXED BY ix_mine WHERE archived=0 AND assignee=?1 AND assignee IS NOT NULL
  AND +endpoint IN (SELECT endpoint FROM ep_viewer WHERE viewer=?1) ORDER BY last_at DESC, id DESC LIMIT ?2";
const TAGS: &str = "SELECT conv FROM (
  SELECT * FROM (SELECT conv, last_at FROM live_ctag WHERE tag=?3 AND +endpoint IN (SELECT endpoint FROM ep_viewer WHERE viewer=?1)
    ORDER BY last_at DESC, conv DESC LIMIT ?2)
  UNION SELECT * FROM (SELECT conv, last_at FROM live_ctag WHERE tag=?4 AND +endpoint IN (SELECT endpoint FROM ep_viewer WHERE viewer=?1)
    ORDER BY last_at DESC, conv DESC LIMIT ?2)
  UNION SELECT * FROM (SELECT conv, last_at FROM live_ctag WHERE tag=?5 AND +endpoint IN (SELECT endpoint FROM ep_viewer WHERE viewer=?1)
    ORDER BY last_at DESC, conv DESC LIMIT ?2)
  ) ORDER BY last_at DESC, conv DESC LIMIT ?2";
const BASE: &str = "SELECT count(*), sum(unread), sum(assignee IS NULL), sum(CASE WHEN assignee IS NULL THEN unread ELSE 0 END),
  sum(CASE WHEN endpoint=0 THEN assignee IS NULL ELSE 0 END), sum(CASE WHEN endpoint=0 AND assignee IS NULL THEN unread ELSE 0 END)
  FROM conv INDEXED BY ix_count WHERE archived=0 AND endpoint IN (SELECT endpoint FROM ep_viewer WHERE viewer=?1)";
const MINE_N: &str = "SELECT count(*), coalesce(sum(unread),0) FROM conv INDEXED BY ix_mine WHERE archived=0 AND assignee=?1 AND assignee IS NOT NULL
  AND +endpoint IN (SELECT endpoint FROM ep_viewer WHERE viewer=?1)";
const TEAMS_N: &str =
    "SELECT count(*), coalesce(sum(unread),0) FROM conv INDEXED BY ix_mine WHERE archived=0 AND assignee IS NOT NULL
  AND assignee IN (SELECT assignee FROM my_team WHERE viewer=?1)
  AND +endpoint IN (SELECT endpoint FROM ep_viewer WHERE viewer=?1)";

fn tag_n(table: &str, tags: usize, extra: &str) -> String {
    let seen = "+endpoint IN (SELECT endpoint FROM ep_viewer WHERE viewer=?1)";
    if tags == 1 {
        format!("SELECT count(*), coalesce(sum(unread),0) FROM {table} WHERE tag=?2 AND {seen} {extra}")
    } else {
        let p = (0..tags).map(|i| format!("?{}", i + 2)).collect::<Vec<_>>().join(",");
        format!(
            "SELECT count(*), coalesce(sum(unread),0) FROM (SELECT conv, max(unread) unread FROM {table} WHERE tag IN ({p}) AND {seen} {extra} GROUP BY conv)"
        )
    }
}

impl Sqlite {
    pub fn build(ds: &Dataset) -> Sqlite {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "PRAGMA journal_mode=MEMORY; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-4000000; PRAGMA synchronous=OFF;",
        )
        .unwrap();
        db.set_prepared_statement_cache_capacity(64);
        db.execute_batch(SCHEMA).unwrap();
        let t = ds.teammates();
        let tx = db.transaction().unwrap();
        {
            let mut s = tx.prepare("INSERT INTO ep_viewer VALUES(?,?)").unwrap();
            let mut rows = Vec::new();
            for (e, a) in ds.endpoint_audiences().iter().enumerate() {
                rows.extend(a.iter().map(|&v| (v, e as u32)));
            }
            rows.sort_unstable();
            for (v, e) in rows {
                s.execute(params![v, e]).unwrap();
            }
            let mut s = tx.prepare("INSERT INTO my_team VALUES(?,?)").unwrap();
            for (v, ks) in ds.teams_of().iter().enumerate() {
                for k in ks {
                    s.execute(params![v as i64, t + k]).unwrap();
                }
            }
            let mut s = tx.prepare("INSERT INTO conv VALUES(?,?,?,?,?,?)").unwrap();
            let mut ct = tx.prepare("INSERT INTO conv_ctag VALUES(?,?)").unwrap();
            let mut vt = tx.prepare("INSERT INTO conv_vtag VALUES(?,?)").unwrap();
            for c in &ds.convs {
                let a = match c.assignee {
                    Some(Principal::Teammate(x)) => Some(x),
                    Some(Principal::Team(k)) => Some(t + k),
                    _ => None,
                };
                s.execute(params![c.id, c.endpoint, c.archived, a, c.unread, c.last_at]).unwrap();
                for g in ds.tags_of(c) {
                    ct.execute(params![c.id, g]).unwrap();
                }
                for g in &c.conv_tags {
                    vt.execute(params![c.id, g]).unwrap();
                }
            }
        }
        tx.commit().unwrap();
        db.execute_batch(INDEXES).unwrap();
        Sqlite { db, teammates: t }
    }

    fn ids(&self, sql: &str, p: impl rusqlite::Params, out: &mut Vec<u32>) {
        out.clear();
        let mut s = self.db.prepare_cached(sql).unwrap();
        let mut r = s.query(p).unwrap();
        while let Some(x) = r.next().unwrap() {
            out.push(x.get_unwrap(0));
        }
    }
    fn pair(&self, sql: &str, p: impl rusqlite::Params) -> (u32, u32) {
        let mut s = self.db.prepare_cached(sql).unwrap();
        s.query_row(p, |r| Ok((r.get_unwrap(0), r.get_unwrap(1)))).unwrap()
    }
    pub fn explain(&self) -> String {
        let mut o = String::new();
        for (n, q, k) in [("Q2", ALL, 2), ("Q4", TAGS, 5), ("Q5 base", BASE, 1)] {
            let mut s = self.db.prepare(&format!("EXPLAIN QUERY PLAN {q}")).unwrap();
            let p = rusqlite::params_from_iter((0..k).map(|_| 1));
            let mut r = s.query(p).unwrap();
            while let Some(x) = r.next().unwrap() {
                o += &format!("{n}: {}\n", x.get_unwrap::<_, String>(3));
            }
        }
        o
    }
}

impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }
    fn can_view(&mut self, viewer: u32, conv: u32) -> bool {
        let mut s = self.db.prepare_cached(CAN).unwrap();
        s.query_row(params![viewer, conv], |r| r.get(0)).unwrap()
    }
    fn page(&mut self, viewer: u32, f: &Filter, limit: usize, out: &mut Vec<u32>) {
        let n = limit as i64;
        if *f == Filter::all() {
            self.ids(ALL, params![viewer, n], out);
        } else if *f == Filter::mine() {
            self.ids(MINE, params![viewer, n], out);
        } else if f.contact_any.len() == 3 {
            self.ids(TAGS, params![viewer, n, f.contact_any[0], f.contact_any[1], f.contact_any[2]], out);
        } else {
            unreachable!("{f:?}")
        }
    }
    fn counts(&mut self, viewer: u32, f: &[Filter], out: &mut Vec<(u32, u32)>) {
        let [a, b, k, x, y] = sidebar_tags(f);
        let m: [u32; 6] = {
            let mut s = self.db.prepare_cached(BASE).unwrap();
            s.query_row(params![viewer], |r| {
                Ok(std::array::from_fn(|i| r.get::<_, Option<u32>>(i).unwrap().unwrap_or(0)))
            })
            .unwrap()
        };
        let free = "AND assignee IS NULL";
        *out = vec![
            (m[2], m[3]),
            self.pair(MINE_N, params![viewer]),
            self.pair(TEAMS_N, params![viewer]),
            (m[0], m[1]),
            (m[0] - m[2], m[1] - m[3]),
            self.pair(&tag_n("live_ctag", 3, ""), params![viewer, a, b, k]),
            self.pair(&tag_n("live_ctag", 1, ""), params![viewer, k]),
            self.pair(&tag_n("live_ctag", 2, free), params![viewer, a, b]),
            self.pair(&tag_n("live_vtag", 1, ""), params![viewer, x]),
            self.pair(&tag_n("live_vtag", 2, free), params![viewer, x, y]),
            (m[4], m[5]),
            self.pair(&tag_n("live_ctag", 1, "AND assignee=?1"), params![viewer, k]),
        ];
    }
    fn visible(&mut self, viewer: u32, out: &mut Vec<u32>) {
        self.ids(
            "SELECT c.id FROM ep_viewer v CROSS JOIN conv c INDEXED BY ix_ep ON c.endpoint=v.endpoint WHERE v.viewer=?1",
            params![viewer],
            out,
        );
    }
    fn audience(&mut self, conv: u32, out: &mut Vec<u32>) {
        self.ids(
            "SELECT viewer FROM ep_viewer WHERE endpoint=(SELECT endpoint FROM conv WHERE id=?1)",
            params![conv],
            out,
        );
    }
    fn message(&mut self, conv: u32, at: i64) {
        let run = |sql: &str, p: &[&dyn rusqlite::ToSql]| {
            self.db.prepare_cached(sql).unwrap().execute(p).unwrap();
        };
        run("BEGIN", &[]);
        let (old, archived): (i64, bool) = self
            .db
            .prepare_cached("SELECT last_at, archived FROM conv WHERE id=?1")
            .unwrap()
            .query_row(params![conv], |r| Ok((r.get_unwrap(0), r.get_unwrap(1))))
            .unwrap();
        if !archived {
            run(
                "DELETE FROM live_ctag WHERE tag IN (SELECT tag FROM conv_ctag WHERE conv=?1) AND last_at=?2 AND conv=?1",
                &[&conv, &old],
            );
            run(
                "DELETE FROM live_vtag WHERE tag IN (SELECT tag FROM conv_vtag WHERE conv=?1) AND last_at=?2 AND conv=?1",
                &[&conv, &old],
            );
        }
        run("UPDATE conv SET archived=0, unread=1, last_at=?2 WHERE id=?1", &[&conv, &at]);
        run(
            "INSERT INTO live_ctag SELECT t.tag, c.last_at, c.id, c.endpoint, c.assignee, 1 FROM conv c JOIN conv_ctag t ON t.conv=c.id WHERE c.id=?1",
            &[&conv],
        );
        run(
            "INSERT INTO live_vtag SELECT t.tag, c.last_at, c.id, c.endpoint, c.assignee, 1 FROM conv c JOIN conv_vtag t ON t.conv=c.id WHERE c.id=?1",
            &[&conv],
        );
        run("COMMIT", &[]);
    }
    fn foreign_bytes(&mut self) -> usize {
        let n = |p: &str| self.db.query_row(p, [], |r| r.get::<_, i64>(0)).unwrap() as usize;
        n("PRAGMA page_count") * n("PRAGMA page_size")
    }
    fn note(&mut self) -> String {
        let _ = self.teammates;
        format!("sqlite {}", rusqlite::version())
    }
}
