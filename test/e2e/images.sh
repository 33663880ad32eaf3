#!/usr/bin/env bash
# Puts the images that the end-to-end suites run into the node of a one-machine cluster: the app (podinfo), the load client,
# and Kinglet itself from dist/ (`npm run build` first).
#
# usage: test/e2e/images.sh CLUSTER_DIR [--fast]
#   CLUSTER_DIR  the folder with the scripts `cluster` and `images/…`; the cluster is up
#   --fast       packs Kinglet's image without the Dockerfile, in two seconds, for development;
#                otherwise Debian's buildah builds the Dockerfile, and is installed if it is missing
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
cluster_dir=${1:?usage: test/e2e/images.sh CLUSTER_DIR [--fast]}
mode=${2:-}
cluster=$cluster_dir/cluster
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$cluster_dir/images/node-base" >/dev/null
"$cluster_dir/images/podinfo" >/dev/null

client() { # an ordinary client knows nothing of Kinglet: three files on the plain Node.js image
    mkdir -p "$work/client/app"
    cp "$root"/test/e2e/client/{load,tally,grpc-call}.ts "$work/client/app/"
    chmod -R a+rX "$work/client"
    "$cluster" build-image kinglet-e2e-client:1 "$work/client" '["/usr/local/bin/node","/app/load.ts"]' --from node-base:24 >/dev/null
}

kinglet_fast() {
    "$root/dist/kinglet-proxy" --version >/dev/null
    mkdir -p "$work/kinglet/app"
    cp -r "$root/dist" "$work/kinglet/app/"
    echo '{"type":"module"}' >"$work/kinglet/app/package.json"
    chmod -R a+rX "$work/kinglet"
    "$cluster" build-image kinglet:dev "$work/kinglet" '["/usr/local/bin/node","/app/dist/kinglet.js"]' --from node-base:24 >/dev/null
}

kinglet_by_dockerfile() {
    if ! command -v buildah >/dev/null; then
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends buildah; } >"$work/apt.log" 2>&1 ||
            { tail -n 20 "$work/apt.log" >&2; echo 'images.sh: buildah could not be installed' >&2; exit 1; }
    fi
    # The base leaves the node as an archive, with an empty layer on top: buildah reads it from there, no registry is asked.
    mkdir "$work/empty"
    "$cluster" build-image kinglet-base:1 "$work/empty" '["/usr/local/bin/node"]' --from node-base:24 --no-load --output "$work/base.tar" >/dev/null
    # Neither namespaces nor an overlay file system are needed, so this runs inside a container or a small virtual machine as well.
    local buildah=(buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run")
    "${buildah[@]}" bud --isolation chroot --build-arg "BASE=docker-archive:$work/base.tar" --tag docker.io/library/kinglet:dev \
        --file "$root/Dockerfile" "$root" >"$work/buildah.log" 2>&1 || { tail -n 30 "$work/buildah.log" >&2; echo 'images.sh: the Dockerfile does not build' >&2; exit 1; }
    "${buildah[@]}" push --quiet docker.io/library/kinglet:dev "docker-archive:$work/kinglet.tar:docker.io/library/kinglet:dev" >"$work/buildah.log" 2>&1 ||
        { cat "$work/buildah.log" >&2; exit 1; }
    "$cluster" load-image "$work/kinglet.tar" >/dev/null
}

client
if [[ $mode == --fast ]]; then kinglet_fast; else kinglet_by_dockerfile; fi
