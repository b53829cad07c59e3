#!/usr/bin/env bash
# Measures Weir, a bare httputil.ReverseProxy and nginx side by side; see
# bench/README.md. Every argument goes to the program, for example --quick.
# WEIR=<program> measures that one instead of building this tree's.
set -euo pipefail
cd "$(dirname "$0")/.."

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

CGO_ENABLED=0 go build -trimpath -o "$tmp/" ./bench ./bench/proxy
weir=${WEIR:-}
if [ -z "$weir" ]; then
  weir=$tmp/weir
  CGO_ENABLED=0 go build -trimpath -o "$weir" ./cmd/weir
fi

args=(-proxy "$tmp/proxy" -weir "$weir")
nginx=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nginx || true)
if [ -n "$nginx" ]; then
  args+=(-nginx "$nginx")
else
  echo 'bench: nginx is not installed and left out (apt-get install nginx-light)' >&2
fi
# One processor for generator and mock, another for the peer. With a single
# one nothing is bound, and the figures are worth little.
if command -v taskset >/dev/null && [ "$(nproc)" -ge 2 ]; then
  run=(taskset -c 0 "$tmp/bench" -cpu 1)
else
  echo 'bench: fewer than two processors or no taskset: nothing is bound' >&2
  run=("$tmp/bench" -cpu -1)
fi
mkdir -p bin
"${run[@]}" "${args[@]}" -json bin/bench.json "$@"
