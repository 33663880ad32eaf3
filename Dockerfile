# One image, one program: docker build -t kinglet:dev .   (after npm ci && npm run build)
# Any base with Node.js 24 on its PATH or in /nodejs/bin will do: --build-arg BASE=registry.example.com/node:24
ARG BASE=gcr.io/distroless/nodejs24-debian13:nonroot
FROM ${BASE}
COPY LICENSE package.json /app/
COPY dist/ /app/dist/
ENV NODE_ENV=production PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /app
USER 65532:65532
EXPOSE 8080 9080 9443 14080 14081 14082 14090
# The webhook starts sidecars by this path too, with flags of their own.
ENTRYPOINT ["node", "/app/dist/kinglet.js"]
