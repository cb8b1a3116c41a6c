# Short names for what the README says in full.
.PHONY: run test bench up

# The whole shop on http://127.0.0.1:8080, on embedded databases.
run:
	cargo run --release

# Everything that must hold before a change lands.
test:
	scripts/test

# How fast it is, beside its peers and beside what this machine can do at all: within five minutes once it is built.
bench:
	bench/run --quick

# The shop in containers, one per service.
up:
	docker compose up --build --detach
