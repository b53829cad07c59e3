# Run before every block of a document; see the package comment of doctest.
# shellcheck shell=bash
set -euo pipefail

# What the blocks above have exported, and where they went.
if [[ -f $DOCTEST_STATE ]]; then
  # shellcheck disable=SC1090
  source "$DOCTEST_STATE"
fi
trap '{ export -p; printf "cd %q\n" "$PWD"; } >"$DOCTEST_STATE"' EXIT

fault() {
  echo "doctest: $*" >&2
  exit 1
}

# make: the server runs; any other target must exist.
make() {
  if [[ ${1:-} == run ]]; then
    command make --no-print-directory -C "$DOCTEST_ROOT" "$@" ${DOCTEST_SERVE_ARGS:+ARGS="$DOCTEST_SERVE_ARGS"}
  else
    command make --no-print-directory -C "$DOCTEST_ROOT" -n "$@" >/dev/null
  fi
}

# go: packages that would be built or tested must exist, modules that would be
# fetched must be pinned.
go() {
  local verb=${1:-} word
  case $verb in
    test | vet | build)
      for word in "${@:2}"; do
        if [[ $word == ./* ]]; then
          [[ -n $(command go -C "$DOCTEST_ROOT" list "$word" 2>/dev/null) ]] || fault "there is no package $word"
        fi
      done
      ;;
    get | install)
      for word in "${@:2}"; do
        [[ $word == -* ]] || pinned "${word%@*}" test/e2e/go.mod
      done
      ;;
    *) command go "$@" ;;
  esac
}

# pinned NAME FILE: the file of test/e2e names it, as a whole word.
pinned() {
  grep -qiE "(^|[\"[:space:]])${1//./\\.}([]\"[:space:]=<>~[]|\$)" "$DOCTEST_ROOT/$2" || fault "$1 is not pinned in $2"
}

# installs FILE VERB WORD...: each word that is no flag is pinned.
installs() {
  local file=$1 word
  shift
  case ${1:-} in
    install | i | add) ;;
    *) fault "$* is not known here" ;;
  esac
  for word in "${@:2}"; do
    word=${word%%==*} # pip: name==version
    case $word in
      -*) ;;
      @*@*) pinned "${word%@*}" "$file" && pinned "${word##*@}" "$file" ;; # npm: @scope/name@version
      @*) pinned "$word" "$file" ;;
      *@*) pinned "${word%@*}" "$file" && pinned "${word##*@}" "$file" ;;
      *) pinned "${word%%[*}" "$file" ;; # pip: name[extra]
    esac
  done
}

pip() { installs test/e2e/requirements.txt "$@"; }
pip3() { pip "$@"; }
npm() { installs test/e2e/package.json "$@"; }

# git: the reader gets a copy of the repository, and is in one here.
git() {
  if [[ ${1:-} == clone ]]; then
    [[ ${2:-} == */weir-gateway/weir?(.git) ]] || fault "${2:-nothing} is not where Weir comes from"
    ln -sfn . weir
  else
    command git "$@"
  fi
}

# curl: an answer of 400 or more is a failure.
curl() { command curl --fail-with-body --silent --show-error "$@"; }
