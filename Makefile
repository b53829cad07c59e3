# `make help` lists the targets. Everything that is fetched or built lands in
# .cache/ and bin/, which git ignores.

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 10s
GOTEST   := go run ./scripts/gotest
ARGS     ?=

# Real clients in Go are a module of their own: none of its dependencies is
# one of Weir's. It is tested without the race detector, which would see only
# the clients.
E2E := $(if $(wildcard test/e2e/*_test.go),"test/e2e -timeout=20m")

.DEFAULT_GOAL := help
.PHONY: help run build test matrix deps check race lint fmt policy fuzz soak bench conformance golden clean clean-tree

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build and serve with the simulator behind it (ARGS="--listen 127.0.0.1:9000")
	./bin/weir serve --simulator $(ARGS)

build: ## build the static binary bin/weir
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/weir ./cmd/weir

test: ## run every test this machine can, and list what was left out
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then scripts/deps.sh || true; fi
	@scripts/fetch.sh
	@$(GOTEST) ". -timeout=15m" $(E2E)

matrix: ## run every client against every upstream, and every fault everywhere, where "make test" runs pairs
	@scripts/fetch.sh
	@WEIR_MATRIX=1 $(GOTEST) ". ./test/faults" $(E2E)

deps: ## install what tests need from the system (Debian, root) and from the registries
	@scripts/deps.sh
	@scripts/fetch.sh

# The tests run under the race detector here, and so do the policy tests: they
# are a package like any other. Nothing runs twice.
check: ## what continuous integration runs: deps, lint, every test with race, policy, clean tree
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory lint
	@WEIR_TEST_STRICT=1 $(MAKE) --no-print-directory race
	@$(MAKE) --no-print-directory clean-tree

race: ## run every test under the race detector
	@scripts/fetch.sh
	@$(GOTEST) ". -race -timeout=20m" "$$(scripts/plain.sh)" $(E2E)

lint: ## check style and formatting of Go and shell
	@scripts/fetch.sh tools
	@scripts/lint.sh

fmt: ## format the Go code
	@scripts/fetch.sh tools
	@.cache/bin/golangci-lint fmt

policy: ## check the rules of the house: imports, package docs, dependencies, sizes
	@$(GOTEST) ". ./internal/policy"

fuzz: ## fuzz every target (FUZZTIME=10s each)
	@scripts/fuzz.sh $(FUZZTIME)

soak: ## run the long tests: an hour or more
	@WEIR_SOAK=1 $(GOTEST) ". -run=Soak -timeout=2h"
	@scripts/fuzz.sh 5m

bench: build ## compare with a bare ReverseProxy and nginx, as a table of ratios
	@bash bench/run.sh

conformance: ## check simulator, dialects and openai-go's own tests against published schemas (SPEC=<folder>)
	@test -d "$(SPEC)" || { echo 'name the folder of the documents: make conformance SPEC=<folder>' >&2; exit 2; }
	@scripts/fetch.sh go e2e steady
	@WEIR_TEST_STRICT=1 WEIR_SPEC="$(abspath $(SPEC))" $(GOTEST) ". ./internal/simulator/... ./internal/dialect/..." ". -timeout=10m $(ARGS) ./test/conformance"

golden: ## rewrite the expected results of golden tests; read the diff before committing it
	@packages=$$(grep -rl --include='*_test.go' 'flag.Bool("update"' cmd internal | xargs -r -n1 dirname | sort -u | sed 's|^|./|'); \
	test -n "$$packages" || { echo 'no package has golden files'; exit 0; }; \
	go test -count=1 $$packages -update

clean: ## remove what was built and fetched
	rm -rf bin .cache test/e2e/node_modules test/conformance/node_modules

clean-tree:
	@git diff --exit-code
	@test -z "$$(git status --porcelain)" || { git status --short; echo 'the tests left files behind, or something is not committed' >&2; exit 1; }
