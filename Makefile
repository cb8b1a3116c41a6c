# Short names for what the README says in full.
.PHONY: run test up

# The whole shop on http://127.0.0.1:8080, on embedded databases.
run:
	cargo run --release

# Everything that must hold before a change lands.
test:
	scripts/test

# The shop in containers, one per service.
up:
	docker compose up --build --detach
