#!/usr/bin/env bash
# Fuzzes every target of the main module for the time given, one after the
# other, and stops at the first failure. A failing input is kept by go in the
# package's testdata/fuzz: commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:?usage: scripts/fuzz.sh TIME}
found=0
while IFS=: read -r file line; do
  target=$(sed -E 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/' <<<"$line")
  echo "fuzz: $(dirname "$file") $target for $time"
  go test "./$(dirname "$file")" -run='^$' -fuzz="^$target\$" -fuzztime="$time"
  found=$((found + 1))
done < <(grep -rE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*\(' cmd internal | sort)
echo "fuzz: $found targets"
[[ $found -gt 0 ]]
