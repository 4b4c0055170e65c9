# The commands of this repository. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X plumbline.dev/plumbline/internal/kernel/config.Version=$(VERSION)
PKG ?= ./...
# What is compiled serves `make build`, the tests and every checkout alike.
export GOFLAGS := $(filter-out -trimpath,$(GOFLAGS)) -trimpath

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name does; do printf '  make %-12s %s\n' "$$name" "$$does"; done

# What the UI is made of; a build is done again only when some of it is newer.
WEB := $(shell find web/src web/scripts web/index.html web/*.json web/*.ts -type f -not -name schema.d.ts 2>/dev/null)
NPM = command -v npm >/dev/null || { echo "npm is missing: the web UI needs Node.js 20.19 or later. Without the UI: go build ./cmd/plumbline" >&2; exit 1; }

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@$(NPM)
	cd web && npm ci --no-audit --no-fund
	@touch $@

web/dist/app/index.html: web/node_modules/.package-lock.json $(WEB)
	cd web && npm run --silent build

.PHONY: web
web: web/dist/app/index.html ## the web UI, into web/dist, which the binary embeds

.PHONY: web-types
web-types: web/node_modules/.package-lock.json ## the UI's types, from the server's own OpenAPI document
	@mkdir -p .cache
	go run ./cmd/plumbline openapi > .cache/openapi.json
	cd web && npm run --silent types

.PHONY: web-check
web-check: web-types ## type check, linter and unit tests of the UI
	cd web && npm run --silent check && npm run --silent test

.PHONY: build
build: web ## bin/plumbline with the UI, static and stamped with the version
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/plumbline ./cmd/plumbline
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/plumbline-launcher ./cmd/plumbline-launcher
	GOOS= GOARCH= go run ./cmd/plumbline-launcher attach bin/plumbline-launcher bin/plumbline
	rm bin/plumbline-launcher

.PHONY: run
run: build ## build and serve, with all data in ./data (ARGS="--listen 127.0.0.1:9000" for more)
	bin/plumbline serve --data-dir ./data $(ARGS)

GOTEST := go run ./internal/apptest/postgres/cmd/pgtest -- go test -json -timeout 30m
# The browser comes last and has the machine to itself: what a page shows late it would show too late.
BROWSER := plumbline.dev/plumbline/internal/e2e

.PHONY: test
test: ## all tests that need no secret, on SQLite and, if installed, PostgreSQL (PKG=./internal/... for some); those of the UI where npm is
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory web && cd web && npm run --silent test; else echo "npm is missing: the UI is not built, and its tests are skipped"; fi
	@failed=0; all=$$(go list $(PKG)); others=$$(grep -vx '$(BROWSER)' <<<"$$all" || true); { \
	[ -z "$$others" ] || $(GOTEST) $$others || failed=1; \
	[ "$$others" = "$$all" ] || $(GOTEST) $(BROWSER) || failed=1; \
	exit $$failed; } | go run ./internal/apptest/cmd/testlog

PICTURES ?= $(CURDIR)/.cache/pictures
.PHONY: screenshots
screenshots: ## every screen in light, dark and 390 px, as PNG files in .cache/pictures (PICTURES=/some/folder), and those of docs/pictures; needs Chromium
	$(MAKE) --no-print-directory web
	SCREENSHOTS='$(PICTURES)' DOCS='$(CURDIR)/docs/pictures' go test -count=1 ./internal/e2e

.PHONY: bench
bench: build ## the Go benchmarks, then a fresh server under load (LOAD="-seconds 1 -databases sqlite" for less)
	go run ./internal/apptest/postgres/cmd/pgtest -- go test -run '^$$' -bench . -benchmem $$(grep -rl --include='*_test.go' '^func Benchmark' internal | xargs -n1 dirname | sort -u | sed 's,^,./,')
	go run ./cmd/loadgen -binary bin/plumbline $(LOAD)

.PHONY: lint
lint: ## golangci-lint, built on first use (3 CPU minutes); its cache holds paths of files, so each checkout has its own
	GOLANGCI_LINT_CACHE='$(CURDIR)/.cache/lint' go tool -modfile=tools/lint/go.mod golangci-lint run

.PHONY: engines
engines: ## find or build the tofu, terraform and provider that tests drive
	tools/engines.sh

.PHONY: conformance
conformance: ## go-tfe's own tests against a fresh server, if ../shared/conformance is there
	conformance/run.sh

.PHONY: clean
clean: ## remove what make built; ./data stays
	rm -rf bin .cache web/dist/app web/node_modules
