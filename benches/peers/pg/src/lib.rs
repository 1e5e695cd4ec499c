//! PostgreSQL over a unix socket, prepared statements, one connection. Two engines over one database:
//! `pg` with the access predicate in the query, `pg-rls` with row-level security and the viewer in a
//! session setting (set in a round trip of its own before each query, as a pooled connection must).

use postgres::{Client, NoTls, Statement};
use std::io::Write;
use workload::*;

const SCHEMA: &str = "
DROP TABLE IF EXISTS conv, ep_viewer, my_team, conv_ctag, conv_vtag, live_ctag, live_vtag CASCADE;
CREATE TABLE conv(id int NOT NULL, endpoint int NOT NULL, archived bool NOT NULL, assignee int, unread bool NOT NULL, last_at bigint NOT NULL)
  WITH (fillfactor=90);
CREATE TABLE ep_viewer(viewer int, endpoint int);
CREATE TABLE my_team(viewer int, assignee int);
CREATE TABLE conv_ctag(conv int, tag int);
CREATE TABLE conv_vtag(conv int, tag int);
CREATE TABLE live_ctag(tag int, last_at bigint, conv int, endpoint int, assignee int, unread bool);
CREATE TABLE live_vtag(tag int, last_at bigint, conv int, endpoint int, assignee int, unread bool);
";
const INDEXES: &str = "
ALTER TABLE conv ADD PRIMARY KEY (id) INCLUDE (endpoint);
ALTER TABLE ep_viewer ADD PRIMARY KEY (viewer, endpoint);
CREATE INDEX ev ON ep_viewer(endpoint, viewer);
ALTER TABLE my_team ADD PRIMARY KEY (viewer, assignee);
CREATE INDEX ctag_conv ON conv_ctag(conv, tag);
CREATE INDEX vtag_conv ON conv_vtag(conv, tag);
CREATE INDEX ix_all ON conv(last_at DESC, id DESC) INCLUDE (endpoint) WHERE NOT archived AND assignee IS NULL;
CREATE INDEX ix_mine ON conv(assignee, last_at DESC, id DESC) INCLUDE (endpoint, unread) WHERE NOT archived AND assignee IS NOT NULL;
CREATE INDEX ix_count ON conv(endpoint, assignee, unread) WHERE NOT archived;
CREATE INDEX ix_ep ON conv(endpoint) INCLUDE (id);
INSERT INTO live_ctag SELECT t.tag, c.last_at, c.id, c.endpoint, c.assignee, c.unread
  FROM conv c JOIN conv_ctag t ON t.conv=c.id WHERE NOT c.archived ORDER BY 1,2,3;
INSERT INTO live_vtag SELECT t.tag, c.last_at, c.id, c.endpoint, c.assignee, c.unread
  FROM conv c JOIN conv_vtag t ON t.conv=c.id WHERE NOT c.archived ORDER BY 1,2,3;
CREATE INDEX lct ON live_ctag(tag, last_at DESC, conv DESC) INCLUDE (endpoint, assignee, unread);
CREATE INDEX lvt ON live_vtag(tag, last_at DESC, conv DESC) INCLUDE (endpoint, assignee, unread);
";
const RLS: &str = "
DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname='rls_app') THEN CREATE ROLE rls_app LOGIN; END IF; END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO rls_app;
DO $$ DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['conv','live_ctag','live_vtag'] LOOP
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
  EXECUTE format('CREATE POLICY seen ON %I TO rls_app USING (endpoint = ANY (ARRAY(SELECT endpoint FROM ep_viewer WHERE viewer = current_setting(''app.viewer'')::int)))', t);
END LOOP; END $$;
";

fn sql(rls: bool) -> [(&'static str, String); 8] {
    let w = if rls { "true" } else { "endpoint = ANY (ARRAY(SELECT endpoint FROM ep_viewer WHERE viewer=$1))" };
    // With RLS $1 stays a parameter but only the assignee tests use it.
    let keep = if rls { "AND $1::int IS NOT NULL" } else { "" };
    let tag = |p: &str| {
        format!("(SELECT conv, last_at FROM live_ctag WHERE tag={p} AND {w} ORDER BY last_at DESC, conv DESC LIMIT 50)")
    };
    let n1 = |t: &str, p: &str, x: &str| {
        format!("(SELECT count(*) n, count(*) FILTER (WHERE unread) u FROM {t} WHERE tag={p} AND {w} {x})")
    };
    let nn = |t: &str, p: &str, x: &str| {
        format!(
            "(SELECT count(*) n, count(*) FILTER (WHERE unread) u FROM (SELECT conv, bool_or(unread) unread FROM {t} WHERE tag IN ({p}) AND {w} {x} GROUP BY conv) z)"
        )
    };
    let free = "AND assignee IS NULL";
    let sidebar = format!(
        "SELECT b.n, b.u, b.fn, b.fu, b.sn, b.su, m.n, m.u, t.n, t.u, f5.n, f5.u, f6.n, f6.u, f7.n, f7.u, f8.n, f8.u, f9.n, f9.u, f11.n, f11.u
         FROM (SELECT count(*) n, count(*) FILTER (WHERE unread) u, count(*) FILTER (WHERE assignee IS NULL) fn,
                 count(*) FILTER (WHERE assignee IS NULL AND unread) fu, count(*) FILTER (WHERE assignee IS NULL AND endpoint=0) sn,
                 count(*) FILTER (WHERE assignee IS NULL AND endpoint=0 AND unread) su
               FROM conv WHERE NOT archived AND {w}) b,
              (SELECT count(*) n, count(*) FILTER (WHERE unread) u FROM conv WHERE NOT archived AND assignee IS NOT NULL AND assignee=$1 AND {w}) m,
              (SELECT count(*) n, count(*) FILTER (WHERE unread) u FROM conv WHERE NOT archived AND assignee IS NOT NULL
                 AND assignee = ANY (ARRAY(SELECT assignee FROM my_team WHERE viewer=$1)) AND {w}) t,
              {} f5, {} f6, {} f7, {} f8, {} f9, {} f11",
        nn("live_ctag", "$2,$3,$4", ""),
        n1("live_ctag", "$4", ""),
        nn("live_ctag", "$2,$3", free),
        n1("live_vtag", "$5", ""),
        nn("live_vtag", "$5,$6", free),
        n1("live_ctag", "$4", "AND assignee=$1"),
    );
    [
        ("can", if rls {
            "SELECT EXISTS(SELECT 1 FROM conv WHERE id=$2) AND $1::int IS NOT NULL".into()
        } else {
            "SELECT EXISTS(SELECT 1 FROM conv c JOIN ep_viewer v ON v.endpoint=c.endpoint WHERE v.viewer=$1 AND c.id=$2)".into()
        }),
        ("all", format!("SELECT id FROM conv WHERE NOT archived AND assignee IS NULL AND {w} {keep} ORDER BY last_at DESC, id DESC LIMIT 50")),
        ("mine", format!("SELECT id FROM conv WHERE NOT archived AND assignee IS NOT NULL AND assignee=$1 AND {w} ORDER BY last_at DESC, id DESC LIMIT 50")),
        ("tags", format!(
            "SELECT conv FROM ({} UNION {} UNION {}) u WHERE true {keep} ORDER BY last_at DESC, conv DESC LIMIT 50",
            tag("$2"), tag("$3"), tag("$4"))),
        ("sidebar", sidebar),
        ("visible", format!("SELECT coalesce(array_agg(id), '{{}}') FROM conv WHERE {w} {keep}")),
        ("audience", "SELECT viewer FROM ep_viewer WHERE endpoint=(SELECT endpoint FROM conv WHERE id=$1)".into()),
        ("message",
         "WITH c AS (SELECT id, endpoint, assignee, last_at FROM conv WHERE id=$1),
           d1 AS (DELETE FROM live_ctag l USING c, conv_ctag t WHERE t.conv=c.id AND l.tag=t.tag AND l.last_at=c.last_at AND l.conv=c.id),
           d2 AS (DELETE FROM live_vtag l USING c, conv_vtag t WHERE t.conv=c.id AND l.tag=t.tag AND l.last_at=c.last_at AND l.conv=c.id),
           i1 AS (INSERT INTO live_ctag SELECT t.tag, $2, c.id, c.endpoint, c.assignee, true FROM c JOIN conv_ctag t ON t.conv=c.id),
           i2 AS (INSERT INTO live_vtag SELECT t.tag, $2, c.id, c.endpoint, c.assignee, true FROM c JOIN conv_vtag t ON t.conv=c.id)
         UPDATE conv SET archived=false, unread=true, last_at=$2 WHERE id=$1".into()),
    ]
}

fn connect(user: &str) -> Client {
    let host = std::env::var("PEERS_PG_SOCKET").expect("PEERS_PG_SOCKET names the socket's folder");
    let mut c = Client::connect(&format!("host={host} user={user} dbname=postgres"), NoTls).expect("connect");
    let plan = std::env::var("PEERS_PG_PLAN").unwrap_or("auto".into());
    c.batch_execute(&format!("SET plan_cache_mode={plan}")).unwrap();
    c
}

/// Loads the data set; the engines then only connect.
pub fn load(ds: &Dataset) -> usize {
    let mut c = connect("postgres");
    c.batch_execute(SCHEMA).unwrap();
    let t = ds.teammates();
    let copy = |c: &mut Client, table: &str, f: &mut dyn FnMut(&mut dyn Write)| {
        let mut w = std::io::BufWriter::with_capacity(1 << 20, c.copy_in(&format!("COPY {table} FROM STDIN")).unwrap());
        f(&mut w);
        w.into_inner().map_err(|e| e.into_error()).unwrap().finish().unwrap();
    };
    copy(&mut c, "ep_viewer", &mut |w| {
        for (e, a) in ds.endpoint_audiences().iter().enumerate() {
            for v in a {
                writeln!(w, "{v}\t{e}").unwrap();
            }
        }
    });
    copy(&mut c, "my_team", &mut |w| {
        for (v, ks) in ds.teams_of().iter().enumerate() {
            for k in ks {
                writeln!(w, "{v}\t{}", t + k).unwrap();
            }
        }
    });
    copy(&mut c, "conv", &mut |w| {
        for c in &ds.convs {
            let a = match c.assignee {
                Some(Principal::Teammate(x)) => x.to_string(),
                Some(Principal::Team(k)) => (t + k).to_string(),
                _ => "\\N".into(),
            };
            writeln!(w, "{}\t{}\t{}\t{a}\t{}\t{}", c.id, c.endpoint, c.archived, c.unread, c.last_at).unwrap();
        }
    });
    copy(&mut c, "conv_ctag", &mut |w| {
        for c in &ds.convs {
            for g in ds.tags_of(c) {
                writeln!(w, "{}\t{g}", c.id).unwrap();
            }
        }
    });
    copy(&mut c, "conv_vtag", &mut |w| {
        for c in &ds.convs {
            for g in &c.conv_tags {
                writeln!(w, "{}\t{g}", c.id).unwrap();
            }
        }
    });
    c.batch_execute(INDEXES).unwrap();
    c.batch_execute(RLS).unwrap();
    for t in ["conv", "ep_viewer", "my_team", "conv_ctag", "conv_vtag", "live_ctag", "live_vtag"] {
        c.batch_execute(&format!("VACUUM (ANALYZE, FREEZE) {t}")).unwrap();
    }
    c.batch_execute("CHECKPOINT").unwrap();
    c.query_one(
        "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n ON n.oid=relnamespace WHERE nspname='public' AND relkind='r'",
        &[],
    )
    .unwrap()
    .get::<_, i64>(0) as usize
}

pub struct Pg {
    c: Client,
    /// Writes go through the owner: the RLS policies guard reads.
    w: Client,
    rls: bool,
    bytes: usize,
    set: Statement,
    st: Vec<Statement>,
    msg: Statement,
    ping: Statement,
}

impl Pg {
    pub fn open(rls: bool, bytes: usize) -> Pg {
        let mut c = connect(if rls { "rls_app" } else { "postgres" });
        let mut w = connect("postgres");
        let q = sql(rls);
        let st = q.iter().map(|(n, s)| c.prepare(s).unwrap_or_else(|e| panic!("{n}: {e} {s}"))).collect();
        let set = c.prepare("SELECT set_config('app.viewer', $1, false)").unwrap();
        let ping = c.prepare("SELECT 1").unwrap();
        let msg = w.prepare(&q[7].1).unwrap();
        Pg { c, w, rls, bytes, set, st, msg, ping }
    }
    fn viewer(&mut self, v: u32) {
        if self.rls {
            self.c.query_one(&self.set, &[&v.to_string()]).unwrap();
        }
    }
    pub fn ping(&mut self) {
        self.c.query_one(&self.ping, &[]).unwrap();
    }
    pub fn explain(&mut self, v: u32) -> String {
        self.viewer(v);
        let mut o = String::new();
        for (n, s) in sql(self.rls).iter().take(6) {
            let s = s
                .replace("$1", &v.to_string())
                .replace("$2", "3")
                .replace("$3", "4")
                .replace("$4", "35")
                .replace("$5", "3")
                .replace("$6", "4");
            o += &format!("--- {n}\n");
            for r in self.c.query(&format!("EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF) {s}"), &[]).unwrap() {
                o += r.get::<_, &str>(0);
                o.push('\n');
            }
        }
        o
    }
}

impl Engine for Pg {
    fn name(&self) -> &'static str {
        if self.rls { "pg-rls" } else { "pg" }
    }
    fn can_view(&mut self, viewer: u32, conv: u32) -> bool {
        self.viewer(viewer);
        self.c.query_one(&self.st[0], &[&(viewer as i32), &(conv as i32)]).unwrap().get(0)
    }
    fn page(&mut self, viewer: u32, f: &Filter, limit: usize, out: &mut Vec<u32>) {
        assert_eq!(limit, 50);
        self.viewer(viewer);
        let v = viewer as i32;
        let rows = if *f == Filter::all() {
            self.c.query(&self.st[1], &[&v])
        } else if *f == Filter::mine() {
            self.c.query(&self.st[2], &[&v])
        } else if f.contact_any.len() == 3 {
            let t = f.contact_any.iter().map(|&x| i32::from(x)).collect::<Vec<_>>();
            self.c.query(&self.st[3], &[&v, &t[0], &t[1], &t[2]])
        } else {
            unreachable!("{f:?}")
        };
        out.clear();
        out.extend(rows.unwrap().iter().map(|r| r.get::<_, i32>(0) as u32));
    }
    fn counts(&mut self, viewer: u32, f: &[Filter], out: &mut Vec<(u32, u32)>) {
        self.viewer(viewer);
        let [a, b, k, x, y] = sidebar_tags(f).map(i32::from);
        let r = self.c.query_one(&self.st[4], &[&(viewer as i32), &a, &b, &k, &x, &y]).unwrap();
        let p = |i: usize| (r.get::<_, i64>(2 * i) as u32, r.get::<_, i64>(2 * i + 1) as u32);
        let (all, free) = (p(0), p(1));
        *out = vec![free, p(3), p(4), all, (all.0 - free.0, all.1 - free.1), p(5), p(6), p(7), p(8), p(9), p(2), p(10)];
    }
    fn visible(&mut self, viewer: u32, out: &mut Vec<u32>) {
        self.viewer(viewer);
        let r = self.c.query_one(&self.st[5], &[&(viewer as i32)]).unwrap();
        out.clear();
        out.extend(r.get::<_, Vec<i32>>(0).into_iter().map(|x| x as u32));
    }
    fn supports(&self, q: Q) -> bool {
        // Under RLS the table of grants is not the conversation's; Q7 has no viewer.
        !(self.rls && q == Q::Q7)
    }
    fn audience(&mut self, conv: u32, out: &mut Vec<u32>) {
        let r = self.c.query(&self.st[6], &[&(conv as i32)]).unwrap();
        out.clear();
        out.extend(r.iter().map(|r| r.get::<_, i32>(0) as u32));
    }
    fn message(&mut self, conv: u32, at: i64) {
        self.w.execute(&self.msg, &[&(conv as i32), &at]).unwrap();
    }
    fn foreign_bytes(&mut self) -> usize {
        self.bytes
    }
    fn note(&mut self) -> String {
        let n = 2000;
        for _ in 0..200 {
            self.ping();
        }
        let t = std::time::Instant::now();
        for _ in 0..n {
            self.ping();
        }
        let e = t.elapsed().as_nanos() / n;
        format!("empty round trip {e} ns")
    }
}
