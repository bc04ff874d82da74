# The image holds one static program, certificates to trust, and empty directories: no shell, no package manager, nobody but user 65532.
#
#   docker build --tag edgelatch .
#   docker run --read-only --tmpfs /tmp --volume edgelatch:/data edgelatch init --realm acme --save-admin-key /data/admin.PAK
#   docker run --read-only --tmpfs /tmp --volume edgelatch:/data --publish 8787:8787 edgelatch
FROM docker.io/library/rust:1.95-bookworm AS build
RUN apt-get update -q && apt-get install -q -y --no-install-recommends musl-tools ca-certificates
WORKDIR /src
COPY . .
RUN target="$(uname -m)-unknown-linux-musl" \
 && rustup target add "$target" \
 && CC=musl-gcc cargo build --locked --profile dist --package edgelatch --target "$target" \
 && install -D -m 0755 "target/$target/dist/edgelatch" /out/edgelatch \
 && install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt \
 && install -d -m 1777 /out/tmp \
 && install -d -m 0700 -o 65532 -g 65532 /out/data

FROM scratch
COPY --from=build /out/ /
USER 65532:65532
ENV EDGELATCH_DATA=/data
# What the health check asks: whether the process answers, since whatever starts anew what is not healthy mends no target and no database by that. With
# --tls-cert it is https://127.0.0.1:8787/livez.
ENV EDGELATCH_HEALTH=http://127.0.0.1:8787/livez
VOLUME /data
# Published files and streams; the management API, which has an address of its own wherever other machines reach it.
EXPOSE 8787 8788
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/edgelatch", "health"]
ENTRYPOINT ["/edgelatch"]
CMD ["serve", "--addr", "0.0.0.0:8787", "--api-addr", "0.0.0.0:8788"]
