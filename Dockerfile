# One image for every role: `docker run huixin worker --config …`. docker-compose.yml starts them all.
#
# Behind slow lines, name mirrors, which are the builder's choice and not ours:
#   docker build --build-arg IMAGES=registry.example.org/library \
#     --build-arg CRATES_MIRROR=sparse+https://crates.example.org/index/ .
#
# It is built with BuildKit and without: no cache mounts, and no `# syntax=` line, which would fetch a parser from Docker Hub.

ARG IMAGES=docker.io/library

FROM ${IMAGES}/rust:1-slim-bookworm AS builder
ARG CRATES_MIRROR=
WORKDIR /src
# Cargo.lock stays valid behind a mirror: checksums are the same, and a source that is replaced keeps its name.
RUN if [ -n "$CRATES_MIRROR" ]; then \
      printf '[source.crates-io]\nreplace-with = "mirror"\n[source.mirror]\nregistry = "%s"\n' "$CRATES_MIRROR" \
        >> "$CARGO_HOME/config.toml"; \
    fi
COPY . .
# One step, so that gigabytes of crates and objects don't become a layer.
RUN cargo build --release --locked --bin huixin \
    && mv target/release/huixin /usr/local/bin/huixin \
    && rm -rf target "$CARGO_HOME/registry"
# The image has the program, the libraries it is linked to, and the authorities to trust when it calls WeChat: no shell and
# no packages, so nothing in it needs updates but huixin, libc and the authorities, which a new build brings.
RUN mkdir -p /image/etc /image/usr/local/bin /data/spool \
    && mkdir -m 1777 /image/tmp \
    && cp -L --parents /etc/ssl/certs/ca-certificates.crt $(ldd /usr/local/bin/huixin | grep -o '/[^ ]*') /image \
    && cp /usr/local/bin/huixin /image/usr/local/bin/huixin \
    && echo 'huixin:x:10001:10001::/var/lib/huixin:/sbin/nologin' > /image/etc/passwd \
    && echo 'huixin:x:10001:' > /image/etc/group \
    && echo 'hosts: files dns' > /image/etc/nsswitch.conf

FROM scratch
COPY --from=builder /image /
# What a role writes without being told where is written here. A volume that is mounted at the spool takes its owner over.
COPY --from=builder --chown=10001:10001 /data /var/lib/huixin
ENV PATH=/usr/local/bin
# By number: Kubernetes can't tell by a name that it isn't root.
USER 10001:10001
WORKDIR /var/lib/huixin
# Pushes, the admin listener, the sandbox's chat page.
EXPOSE 8080 9600 9601 8088
# huixin ends by itself on SIGTERM, which `docker stop` sends, so it needs no init before it.
ENTRYPOINT ["huixin"]
CMD ["--help"]
