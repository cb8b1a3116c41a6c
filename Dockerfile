# One image for every part of the shop: the command says which, such as `serve catalog`. Without one, the whole shop runs
# in one container.
FROM rust:1.95-slim-bookworm AS dependencies
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /src

# The dependencies alone, so that a change of our own code does not build them again.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY shared-types/Cargo.toml shared-types/
COPY service-kit/Cargo.toml service-kit/
COPY catalog-service/Cargo.toml catalog-service/
COPY order-service/Cargo.toml order-service/
COPY delivery-service/Cargo.toml delivery-service/
COPY gateway-service/Cargo.toml gateway-service/
RUN for crate in . shared-types service-kit catalog-service order-service delivery-service gateway-service; do \
        mkdir -p $crate/src && echo 'fn main() {}' >$crate/src/main.rs && touch $crate/src/lib.rs || exit 1; \
    done \
    && cargo build --release --locked \
    && find . -path ./target -prune -o -name '*.rs' -exec rm {} +

FROM dependencies AS build
COPY . .
# Copied files may be older than what was built from their stand-ins.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --bin lastcopy

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --no-create-home lastcopy && install -d -o lastcopy /data
COPY --from=build /src/target/release/lastcopy /usr/local/bin/lastcopy
COPY data/demo-books.csv /usr/local/share/lastcopy/demo-books.csv
USER lastcopy
WORKDIR /data
VOLUME /data
ENV LASTCOPY_DATA_DIR=/data LASTCOPY_HOST=0.0.0.0
EXPOSE 8080
# Of the whole shop. One service alone says where it listens (docker-compose.yml).
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=6 CMD ["lastcopy", "health", "http://127.0.0.1:8080"]
ENTRYPOINT ["lastcopy"]
CMD ["up"]
