#!/usr/bin/env bash
# Installs the parts of the test suite that come from the operating system:
# real servers, language runtimes, and the C compiler that the race detector
# needs. For Debian and its like; needs root, or sudo. Does nothing where
# nothing is missing, so it may run before every test.
#
#   scripts/deps.sh           install what is missing
#   scripts/deps.sh --list    print the packages that are missing, install nothing
set -euo pipefail

# have COMMAND: it is in PATH, or where Debian keeps servers.
have() {
  PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1
}

missing=()

# want COMMAND PACKAGE...: the packages, if the command is not there.
want() {
  local command=$1
  shift
  have "$command" || missing+=("$@")
}

want curl curl
want gcc gcc libc6-dev
want git git
want gzip gzip
want nginx nginx-light
want node nodejs
want npm npm
want shellcheck shellcheck
want zstd zstd
want python3 python3
python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || missing+=(python3-venv)

if [[ ${1:-} == --list ]]; then
  [[ ${#missing[@]} -eq 0 ]] || printf '%s\n' "${missing[@]}"
  exit 0
fi
if [[ ${#missing[@]} -eq 0 ]]; then
  echo "deps: nothing is missing"
  exit 0
fi
if ! have apt-get; then
  echo "deps: this machine has no apt-get; install by hand what provides: ${missing[*]}" >&2
  exit 1
fi
root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! have sudo; then
    echo "deps: run as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi

# A server's package starts the server when it is installed. The tests start
# their own on ports of their own, so no service is started here. The file that
# says so is removed again, and left alone if the machine has one already.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  # shellcheck disable=SC2064 # the values of now are the right ones
  trap "${root[*]} rm -f $policy" EXIT
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod 755 "$policy"
fi

log=$(mktemp)
run() {
  if ! "${root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; then
    cat "$log" >&2
    echo "deps: $* failed" >&2
    exit 1
  fi
}
echo "deps: installing ${missing[*]}"
run apt-get update -q
run apt-get install -q -y --no-install-recommends "${missing[@]}"
rm -f "$log"
