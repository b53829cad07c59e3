#!/usr/bin/env bash
# Fetches the parts of the test suite that come from package registries, at
# the versions pinned in this repository, with each language's own client and
# its own settings and cache. A step whose pins have not changed is skipped.
#
#   scripts/fetch.sh              everything that tests use: go, e2e, npm, python, toxiproxy
#   scripts/fetch.sh STEP...      only these; also: tools (the linter),
#                                 steady (the mock server of make conformance)
#
# A step that cannot be done (no npm here, no network) says so and is not an
# error: the tests that needed it are then listed as left out, or fail in
# `make check`. Only the linter has no test to speak for it, so there it is.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=$PWD/.cache
stamps=$cache/stamps
mkdir -p "$stamps" "$cache/bin"

# fresh STEP FILE...: the step was done with these very files.
fresh() {
  local step=$1
  shift
  [[ -f $stamps/$step ]] && cat -- "$@" | cmp -s - "$stamps/$step"
}

# stamp STEP FILE...: remembers that it was.
stamp() {
  local step=$1
  shift
  cat -- "$@" >"$stamps/$step"
}

skip() {
  echo "fetch: $*" >&2
}

# quietly LOG COMMAND...: shows the command's output only if it fails.
quietly() {
  local log=$stamps/$1.log
  shift
  "$@" >"$log" 2>&1 </dev/null || {
    tail -n 20 "$log" >&2
    return 1
  }
}

fetch_go() {
  fresh go go.mod go.sum && return
  quietly go go mod download || { skip "the Go modules could not be fetched"; return; }
  stamp go go.mod go.sum
}

# The clients in Go are a module of their own. Its modules are fetched only as
# far as its packages need them.
fetch_e2e() {
  [[ -f test/e2e/go.mod ]] || return 0
  fresh e2e test/e2e/go.mod test/e2e/go.sum && return
  quietly e2e go -C test/e2e mod download || { skip "the Go modules of test/e2e could not be fetched"; return; }
  stamp e2e test/e2e/go.mod test/e2e/go.sum
}

fetch_npm() {
  local lock=test/e2e/package-lock.json
  [[ -f $lock ]] || return 0
  command -v npm >/dev/null || { skip "no npm on this machine: the Node clients and Codex CLI are left out"; return; }
  [[ -d test/e2e/node_modules ]] && fresh npm "$lock" && return
  echo "fetch: the Node clients and Codex CLI, half a gigabyte on the first time"
  rm -f "$stamps/npm"
  # No package of ours needs to run a script of its own to be installed.
  quietly npm npm --prefix test/e2e ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error || {
    skip "npm could not install test/e2e/package-lock.json"
    return
  }
  stamp npm "$lock"
}

# The mock server is for a target of its own, so it is not among what every
# test run fetches.
fetch_steady() {
  local lock=test/conformance/package-lock.json
  command -v npm >/dev/null || { skip "no npm on this machine: Steady cannot be fetched"; return; }
  [[ -d test/conformance/node_modules ]] && fresh steady "$lock" && return
  echo "fetch: Steady, a hundred megabytes on the first time"
  rm -f "$stamps/steady"
  quietly steady npm --prefix test/conformance ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error || {
    skip "npm could not install $lock"
    return
  }
  stamp steady "$lock"
}

fetch_python() {
  local pins=test/e2e/requirements.txt
  [[ -f $pins ]] || return 0
  command -v python3 >/dev/null || { skip "no python3 on this machine: the Python clients are left out"; return; }
  [[ -x $cache/venv/bin/python3 ]] && fresh python "$pins" && return
  echo "fetch: the Python clients"
  rm -rf "$cache/venv" "$stamps/python"
  # A half-made folder would be taken for a real part, so it goes.
  if quietly venv python3 -m venv "$cache/venv" &&
    quietly pip "$cache/venv/bin/python3" -m pip install --quiet --disable-pip-version-check --requirement "$pins"; then
    stamp python "$pins"
  else
    rm -rf "$cache/venv"
    skip "the Python packages of $pins could not be installed"
  fi
}

fetch_toxiproxy() {
  [[ -x $cache/bin/toxiproxy ]] && fresh toxiproxy tools/toxiproxy/go.mod tools/toxiproxy/go.sum && return
  quietly toxiproxy go -C tools/toxiproxy build -o "$cache/bin/toxiproxy" github.com/Shopify/toxiproxy/v2/cmd/server || {
    skip "toxiproxy could not be built"
    return
  }
  stamp toxiproxy tools/toxiproxy/go.mod tools/toxiproxy/go.sum
}

fetch_tools() {
  [[ -x $cache/bin/golangci-lint ]] && fresh tools tools/go.mod tools/go.sum && return
  echo "fetch: building the linter, minutes on the first time"
  go -C tools build -o "$cache/bin/" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
  stamp tools tools/go.mod tools/go.sum
}

[[ $# -gt 0 ]] || set -- go e2e npm python toxiproxy
for step in "$@"; do
  case $step in
    go | e2e | npm | python | toxiproxy | steady | tools) "fetch_$step" ;;
    *)
      echo "fetch: unknown step $step (go, e2e, npm, python, toxiproxy, steady, tools)" >&2
      exit 2
      ;;
  esac
done
