# One image, one program: docker build -t kinglet:dev .   (after npm ci && npm run build)
# Any base with glibc and Node.js 24 on its PATH or in /nodejs/bin will do: --build-arg BASE=registry.example.com/node:24
# The sidecar's executable is for the machine that built it; for another: npm run build -- linux-arm64, docker build --platform linux/arm64
ARG BASE=gcr.io/distroless/nodejs24-debian13:nonroot
FROM ${BASE}
COPY LICENSE package.json /app/
COPY dist/*.js dist/*.txt dist/kinglet-proxy /app/dist/
# An executable for another platform than the base's ends the build here, not the pods later. (A builder with another processor: binfmt_misc.)
RUN ["/app/dist/kinglet-proxy", "--version"]
ENV NODE_ENV=production PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /app
USER 65532:65532
EXPOSE 8080 9080 9443 14080 14081 14082 14090
# Controller and webhook. The webhook starts sidecars as /app/dist/kinglet-proxy.
ENTRYPOINT ["node", "/app/dist/kinglet.js"]
