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

.PHONY: build
build: ## bin/plumbline, static and stamped with the version
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/plumbline ./cmd/plumbline

.PHONY: run
run: build ## build and serve, with all data in ./data (ARGS="--listen 127.0.0.1:9000" for more)
	bin/plumbline serve --data-dir ./data $(ARGS)

.PHONY: test
test: ## all tests that need no secret, on SQLite and, if installed, PostgreSQL (PKG=./internal/... for some)
	go run ./internal/apptest/postgres/cmd/pgtest -- go test -json $(PKG) | go run ./internal/apptest/cmd/testlog

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
	rm -rf bin .cache
