# What a developer and CI run. Each target brings what it needs and is missing (Debian 12 with Rust; root or sudo).

SHELL := /bin/bash
STEP := scripts/step
SUITES := scripts/suites
CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Suites that need nothing installed.
FAST_SUITES := $(foreach suite,tidy docs fuzz_corpus cli,$(if $(wildcard tests/$(suite)/main.rs),--test $(suite)))

.PHONY: help check test-fast test soak fuzz demo docs package bench bench-quick bench-page

help:
	@echo 'make check       formatting, lints, dependencies, rules of the tree'
	@echo 'make test-fast   all tests that need nothing installed'
	@echo 'make test        all tests; brings PostgreSQL, pgBackRest and sshd (what CI runs)'
	@echo 'make soak        all tests with every fault, damage, row and case there is (hours)'
	@echo 'make fuzz        every fuzz target for ten minutes (FUZZ_SECONDS=n); needs a nightly compiler'
	@echo 'make docs        writes the pages of docs/reference anew from the code'
	@echo 'make bench       measures beside pgBackRest and writes docs/performance.md anew (hours; BENCHES="local archive" runs some)'
	@echo 'make bench-quick measures a few cases of each bench once and only prints (20 minutes)'
	@echo 'make bench-page  writes that page from the results that are kept'
	@echo 'make package     Debian packages in target/package'
	@echo 'make demo        the main job for real: a cluster is backed up, damaged and brought back'

check:
	@$(STEP) 'set-up' scripts/setup lint
	@$(STEP) 'formatting' $(CARGO) fmt --all --check
	@$(STEP) 'dependencies' scripts/deny
	@$(STEP) 'lints' $(CARGO) clippy --workspace --all-targets --features pgkeep/faulty --locked -- -D warnings
	@$(STEP) 'rules of the tree' $(CARGO) test --locked -p pgkeep --test tidy --test docs

test-fast:
	@$(STEP) 'unit tests' $(CARGO) test --locked --workspace --lib --bins
	@$(STEP) 'fast suites' $(CARGO) test --locked -p pgkeep $(FAST_SUITES)

# One process for each suite, several tests of a suite at a time; suites print their seed (PGKEEP_TEST_SEED repeats one).
# What cannot run says "ignored" and why. What failed is said again at the end.
test:
	@$(STEP) 'set-up' scripts/setup test
	@$(STEP) 'formatting' $(CARGO) fmt --all --check
	@$(STEP) 'dependencies' scripts/deny
	@$(STEP) 'lints' $(CARGO) clippy --workspace --all-targets --features pgkeep/faulty --locked -- -D warnings
	@$(STEP) 'build' $(CARGO) test --locked --workspace --features pgkeep/faulty --no-run
	@$(STEP) 'all suites' $(SUITES) scripts/several $(CARGO) test --locked --workspace --features pgkeep/faulty --no-fail-fast

# The same suites in full.
soak:
	@$(STEP) 'set-up' scripts/setup soak
	@PGKEEP_TEST_FULL=1 PGKEEP_TEST_ROWS=all PGKEEP_TEST_CASES=1000 \
	    $(STEP) 'all suites in full' $(SUITES) scripts/several $(CARGO) test --locked --workspace --features pgkeep/faulty --no-fail-fast

fuzz:
	@$(STEP) 'fuzz targets' scripts/fuzz

demo:
	@scripts/setup demo
	@$(CARGO) build --locked --release --bin pgkeep
	@$(TARGET)/release/pgkeep demo

docs:
	@PGKEEP_GOLDEN=write $(CARGO) test --locked -p pgkeep --test docs

# Clusters belong to postgres and networks have namespaces: the benches need root.
bench bench-quick:
	@$(STEP) 'set-up' scripts/setup bench
	@$(STEP) 'build' $(CARGO) build --locked --release --bin pgkeep
	@$(STEP) 'build of the front of the S3 server' $(CARGO) build --locked --release -p pgkeep-testkit --example object_front
	@$(STEP) 'benches' $(if $(filter 0,$(shell id -u)),,sudo -E) benches/all $(if $(filter bench-quick,$@),--quick) $(BENCHES)

bench-page:
	@benches/page/make

package:
	@scripts/setup package
	@$(CARGO) build --locked --release --bin pgkeep
	@BINARY=$(TARGET)/release/pgkeep scripts/package $(TARGET)/package
