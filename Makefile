# What a developer and CI run. Each target brings what it needs and is missing (Debian 12 with Rust; root or sudo).

SHELL := /bin/bash
STEP := scripts/step
CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Suites that need nothing installed.
FAST_SUITES := $(foreach suite,tidy docs cli,$(if $(wildcard tests/$(suite)/main.rs),--test $(suite)))

.PHONY: help check test-fast test demo docs

help:
	@echo 'make check       formatting, lints, dependencies, rules of the tree'
	@echo 'make test-fast   all tests that need nothing installed'
	@echo 'make test        all tests; brings PostgreSQL, the original program and sshd (what CI runs)'
	@echo 'make docs        writes the pages of docs/reference anew from the code'
	@echo 'make demo        the main job for real: a cluster is backed up, damaged and brought back'

check:
	@$(STEP) 'set-up' scripts/setup lint
	@$(STEP) 'formatting' $(CARGO) fmt --all --check
	@$(STEP) 'dependencies' scripts/deny
	@$(STEP) 'lints' $(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@$(STEP) 'rules of the tree' $(CARGO) test --locked -p pgkeep --test tidy --test docs

test-fast:
	@$(STEP) 'unit tests' $(CARGO) test --locked --workspace --lib --bins
	@$(STEP) 'fast suites' $(CARGO) test --locked -p pgkeep $(FAST_SUITES)

# One process for each suite, tests of a suite on two threads; suites print their seed (PGKEEP_TEST_SEED repeats one).
# What cannot run says "ignored" and why. The closing lines of cargo test come last.
test:
	@$(STEP) 'set-up' scripts/setup test
	@$(STEP) 'formatting' $(CARGO) fmt --all --check
	@$(STEP) 'dependencies' scripts/deny
	@$(STEP) 'lints' $(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@$(STEP) 'build' $(CARGO) test --locked --workspace --no-run
	@$(STEP) 'all suites' $(CARGO) test --locked --workspace --no-fail-fast

demo:
	@scripts/setup demo
	@$(CARGO) build --locked --release --bin pgkeep
	@$(TARGET)/release/pgkeep demo

docs:
	@PGKEEP_GOLDEN=write $(CARGO) test --locked -p pgkeep --test docs
