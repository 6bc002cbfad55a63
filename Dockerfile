# One image for every role: `docker run huixin worker --config …`. docker-compose.yml starts them all.
#
# Behind slow lines, name mirrors, which are the builder's choice and not ours:
#   docker build --build-arg IMAGES=registry.example.org/library \
#     --build-arg CRATES_MIRROR=sparse+https://crates.example.org/index/ \
#     --build-arg APT_MIRROR=http://debian.example.org .
#
# Cache mounts need BuildKit, the default since Docker 23. There is no `# syntax=` line on purpose: it would fetch the
# parser from Docker Hub, which is the very thing that is out of reach for many who need a mirror.

ARG IMAGES=docker.io/library

FROM ${IMAGES}/rust:1-bookworm AS builder
ARG CRATES_MIRROR=
WORKDIR /src
# Cargo.lock stays valid behind a mirror: checksums are the same, and a source that is replaced keeps its name.
RUN if [ -n "$CRATES_MIRROR" ]; then \
      printf '[source.crates-io]\nreplace-with = "mirror"\n[source.mirror]\nregistry = "%s"\n' "$CRATES_MIRROR" \
        >> "$CARGO_HOME/config.toml"; \
    fi
COPY . .
# The target folder is a cache and not part of the layer, so the binary is copied out of it in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin huixin && cp target/release/huixin /usr/local/bin/huixin

FROM ${IMAGES}/debian:bookworm-slim
ARG APT_MIRROR=
# ca-certificates: rustls asks the system which authorities to trust when it calls WeChat.
# A mirror must be http: before this step nothing here could check a certificate, and apt checks signatures itself.
RUN if [ -n "$APT_MIRROR" ]; then \
      sed -i "s|https\?://[^/ ]*|$APT_MIRROR|" /etc/apt/sources.list.d/debian.sources; \
    fi \
    && apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/huixin huixin
COPY --from=builder /usr/local/bin/huixin /usr/local/bin/huixin
USER huixin
# What a role writes without being told where, such as the file of an embedded queue, is written here.
WORKDIR /var/lib/huixin
# A volume that is mounted here for a receiver's spool takes its owner over.
RUN mkdir spool
# Pushes, the admin listener, the sandbox's chat page.
EXPOSE 8080 9600 8088
# huixin ends by itself on SIGTERM, which `docker stop` sends, so it needs no init before it.
ENTRYPOINT ["huixin"]
CMD ["--help"]
