#!/bin/sh
# Usage: ./run.sh [RUNS] [SECONDS]   every engine at S, M and L, then the cost by number of conversations; pinned to one CPU.
#
# Writes results/: results.jsonl, machine.txt, tables.md, readme.md (the table of the crate's README, to be copied there)
# and the plots. SIZES, ENGINES, GROWTH (sizes, or nothing) and CPU may be set. Expects PostgreSQL 15 or later.
set -eu
cd "$(dirname "$0")"
runs=${1:-3}; secs=${2:-0.6}; cpu=${CPU:-1}
sizes=${SIZES:-S,M,L}
list=${ENGINES:-bitset,visibly,roaring,naive,sqlite,casbin,cedar,pg,pg-rls}
growth=${GROWTH-1e4,1e5,1e6,1e7}
out=${OUT:-results}
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}"
mkdir -p data "$out"
nice -n 5 cargo build --release
case $list in *pg*) eval "$(taskset -c "$cpu" pg/cluster.sh start | grep '^export')" ;; esac
export PEERS_PG_PLAN=${PEERS_PG_PLAN:-force_generic_plan}
ask() { taskset -c "$cpu" "$CARGO_TARGET_DIR/release/peers" --secs "$secs" --out "$out/results.jsonl" "$@"; }
rm -f "$out/results.jsonl"
for i in $(seq "$runs"); do ask --sizes "$sizes" --engines "$list" > "data/run$i.txt"; done
if [ -n "$growth" ]; then ask --sizes "$growth" --engines bitset,visibly,sqlite,pg > data/growth.txt; fi
case $list in *pg*) pg/cluster.sh stop ;; esac
{
  sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1
  echo "$(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo), Linux $(uname -r)"
  rustc --version
} > "$out/machine.txt"
{ cat "$out/machine.txt"; python3 report.py "$out/results.jsonl"; } | tee "$out/tables.md"
case $sizes in *L*) python3 report.py --readme "$out/results.jsonl" > "$out/readme.md" ;; esac
python3 plot.py "$out/results.jsonl" "$out"
