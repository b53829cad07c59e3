#!/usr/bin/env bash
# Runs the linters over every module and every script. Formatting is one of
# the things golangci-lint checks: `make fmt` repairs it.
set -euo pipefail
cd "$(dirname "$0")/.."

linter=$PWD/.cache/bin/golangci-lint
for module in . test/e2e; do
  [[ -n $(find "$module" -maxdepth 1 -name go.mod) ]] || continue
  [[ $module == . || -n $(find "$module" -maxdepth 1 -name '*.go') ]] || continue
  echo "lint: $module"
  (cd "$module" && "$linter" run ./...)
done

mapfile -t scripts < <(git ls-files -- '*.sh' '*.bash' .ci/run)
if command -v shellcheck >/dev/null; then
  echo "lint: ${#scripts[@]} scripts"
  shellcheck "${scripts[@]}"
elif [[ ${CI:-} == true ]]; then
  echo "lint: shellcheck is missing; add it with: make deps" >&2
  exit 1
else
  echo "lint: no shellcheck on this machine, scripts are not checked; add it with: make deps" >&2
fi
