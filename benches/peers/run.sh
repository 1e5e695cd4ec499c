#!/bin/sh
# Usage: ./run.sh [RUNS] [SECONDS]   everything, pinned to one CPU; figures in data/, tables by report.py.
# SIZES and ENGINES may be set. Expects PostgreSQL 15 or later installed (see README.md).
set -eu
cd "$(dirname "$0")"
runs=${1:-3}; secs=${2:-0.6}; cpu=${CPU:-0}
sizes=${SIZES:-S,M,L}
list=${ENGINES:-bitset,roaring,naive,sqlite,casbin,cedar,pg,pg-rls,visibly}
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}"
mkdir -p data
nice -n 5 cargo build --release
case $list in *pg*) eval "$(taskset -c "$cpu" pg/cluster.sh start | grep '^export')" ;; esac
export PEERS_PG_PLAN=${PEERS_PG_PLAN:-force_generic_plan}
rm -f data/results.jsonl
for i in $(seq "$runs"); do
  taskset -c "$cpu" "$CARGO_TARGET_DIR/release/peers" --sizes "$sizes" --engines "$list" --secs "$secs" --out data/results.jsonl > "data/run$i.txt"
done
case $list in *pg*) pg/cluster.sh stop ;; esac
python3 report.py data/results.jsonl $(echo "$sizes" | tr , ' ') | tee data/tables.md
