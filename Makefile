# make run     a simulated contact centre in a running server: http://127.0.0.1:8090
# make test    all tests; what cannot run on this machine is left out, and said so
# make race    all tests under the race detector, in their short form
# make fuzz    every fuzz target for FUZZTIME
# make lint    gofmt, go vet, staticcheck
# make bench   the measurements of bench/RESULTS.md
# make build   bin/trunkline
# make s3server  the S3 server that some tests run against; make test builds it too

GO       ?= go
FUZZTIME ?= 5s

.PHONY: run build test race fuzz lint bench s3server

run:
	$(GO) run ./cmd/trunkline demo

build:
	$(GO) build -trimpath -o bin/trunkline ./cmd/trunkline

test:
	@scripts/test

race:
	@scripts/test -race -short

fuzz:
	@scripts/fuzz $(FUZZTIME)

lint:
	@scripts/lint

bench:
	@bench/record

s3server:
	cd tools/versitygw && $(GO) build -o ../../.cache/s3server .
