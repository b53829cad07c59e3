#!/usr/bin/env bash
# Prints, as one argument for scripts/gotest, the run of those tests that the
# race detector would falsify: the ones in files with `//go:build !race`, such
# as allocation ceilings. They get a run without it, of their packages alone.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t files < <(grep -rlE --include='*_test.go' '^//go:build .*!race' cmd internal scripts 2>/dev/null | sort)
if [[ ${#files[@]} -eq 0 ]]; then
  exit 0
fi
tests=$(sed -nE 's/^func (Test[A-Za-z0-9_]*)\(.*/\1/p' "${files[@]}" | sort -u | paste -sd'|')
if [[ -z $tests ]]; then
  exit 0
fi
packages=$(printf '%s\n' "${files[@]}" | xargs -n1 dirname | sort -u | sed 's|^|./|' | paste -sd' ')
echo ". -run=^($tests)\$ $packages"
