#!/usr/bin/env bash
# Everything that `npm run interop` needs besides npm's packages: Debian's clients and servers, a Python environment, Go programs.
# For Debian 12 as root, with Go and Python 3. What is there already is left alone, so a second run does nothing.
#
#   KINGLET_INTEROP_DIR  where the Go programs and the Python environment go; default ~/.cache/kinglet-interop
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
dir=${KINGLET_INTEROP_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/kinglet-interop}
mkdir -p "$dir/bin"
say() { printf 'interop: %s\n' "$*"; }
die() { printf 'interop: %s\n' "$*" >&2; exit 1; }
# Two runs at once would get in each other's way.
exec 9>"$dir/lock" && flock 9

debian() { # program, package: one pair an argument
    local missing=() pair
    for pair in "$@"; do command -v "${pair%%=*}" >/dev/null || missing+=("${pair##*=}"); done
    ((${#missing[@]} > 0)) || return 0
    say "installs ${missing[*]} (apt)"
    [[ $(id -u) == 0 ]] || die "these Debian packages are missing, and only root may install them: ${missing[*]}"
    # Servers that apt would start take port 80 from somebody: they are started by the tests, as they need them.
    local policy=/usr/sbin/policy-rc.d ours=
    [[ -e $policy ]] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && ours=1; }
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends "${missing[@]}"; } >"$dir/apt.log" 2>&1 9>&- ||
        { [[ -z $ours ]] || rm -f "$policy"; tail -n 20 "$dir/apt.log" >&2; die "apt-get failed, see $dir/apt.log"; }
    [[ -z $ours ]] || rm -f "$policy"
}

python() { # what requirements.txt names, in an environment of its own
    local wanted=$here/requirements.txt
    ! cmp -s "$wanted" "$dir/venv/installed.txt" || return 0
    say 'installs the Python packages of requirements.txt (pip)'
    command -v python3 >/dev/null || die 'python3 is missing'
    python3 -m venv "$dir/venv" >"$dir/pip.log" 2>&1 && "$dir/venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >>"$dir/pip.log" 2>&1 ||
        { tail -n 20 "$dir/pip.log" >&2; die "pip failed, see $dir/pip.log (python3-venv may be missing)"; }
    cp "$wanted" "$dir/venv/installed.txt"
}

go_tool() { # name, module@version
    [[ $(cat "$dir/bin/$1.version" 2>/dev/null) != "$2" ]] || return 0
    say "builds $2 (go)"
    command -v go >/dev/null || die 'go is missing'
    GOBIN="$dir/bin" GOFLAGS= go install "$2" >"$dir/go-$1.log" 2>&1 || { tail -n 20 "$dir/go-$1.log" >&2; die "go install $2 failed"; }
    printf '%s' "$2" >"$dir/bin/$1.version"
}

go_peer() { # name of a folder in peers/, which is a module
    say "builds peers/$1 (go)"
    (cd "$here/peers/$1" && GOFLAGS= go build -o "$dir/bin/$1" .) >"$dir/go-$1.log" 2>&1 || { tail -n 20 "$dir/go-$1.log" >&2; die "go build of peers/$1 failed"; }
}

debian curl=curl nginx=nginx haproxy=haproxy wrk=wrk h2load=nghttp2-client slowhttptest=slowhttptest chromium=chromium
python
go_tool hey github.com/rakyll/hey@v0.1.5
go_tool h2spec github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible
go_peer go-http
go_peer go-grpc
say "ready in $dir"
