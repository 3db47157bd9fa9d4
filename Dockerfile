# The image has one program and the libraries of C: no shell, no package manager, no user but the one it runs as.
ARG BUN_IMAGE=docker.io/oven/bun:1.4.5
ARG BASE_IMAGE=gcr.io/distroless/base-nossl-debian12:nonroot

FROM ${BUN_IMAGE} AS build
WORKDIR /build
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production --ignore-scripts
COPY src src
COPY layers layers
COPY templates templates
COPY test/support/build test/support/build
# There is no repository here: docker build --build-arg COMMIT="$(git rev-parse HEAD)" --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"
ARG COMMIT=
ARG SOURCE_DATE_EPOCH=
RUN MANIFOLD_COMMIT="$COMMIT" SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" bun test/support/build/run.ts \
    && mkdir -p volume/data && chmod 2770 volume/data

FROM ${BASE_IMAGE}
COPY --from=build /build/dist/manifold /usr/local/bin/manifold
# Group 0, so that a random user of that group (as OpenShift runs containers) can write as well.
COPY --from=build --chown=65532:0 /build/volume/ /
ENV HOST=0.0.0.0 \
    PORT=8000 \
    XDG_CONFIG_HOME=/etc \
    MANIFOLD_STORAGE_DIR=/data \
    HOME=/data
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["/usr/local/bin/manifold", "health"]
ENTRYPOINT ["/usr/local/bin/manifold"]
CMD ["serve", "--http"]
