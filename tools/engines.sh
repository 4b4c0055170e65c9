#!/usr/bin/env bash
# Makes sure that the engines which tests drive, tofu and terraform, are on this machine, and the
# providers and the S3 server that tests use (tools/nullprovider, tools/fakeprovider, tools/s3server):
#
#   1. $PLUMBLINE_TOFU and $PLUMBLINE_TERRAFORM, if set
#   2. tofu and terraform on PATH
#   3. the cache, ${PLUMBLINE_CACHE:-${XDG_CACHE_HOME:-~/.cache}/plumbline}/bin
#   4. else built there from tools/tofu and tools/terraform, which needs only Go's module proxy
#
# Tests look in the places 1 to 3 and never build. The others are always built into the cache: it takes
# seconds, or a minute the first time. usage: tools/engines.sh [tofu] [terraform] [nullprovider] [fakeprovider] [s3server]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
bin="${PLUMBLINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plumbline}/bin"

# version FILE: what the engine calls itself, such as v1.12.6
version() { "$1" version 2>/dev/null | sed -nE 's/^(OpenTofu|Terraform) (v[^ ]+).*/\2/p'; }

# found ENGINE FILE WHERE: says which file is used, fails if it is no engine
found() {
  local is; is="$(version "$2")"
  [ -n "$is" ] || { echo "engines: $2 ($3) is not a working $1" >&2; exit 1; }
  echo "engines: $1 $is: $2 ($3)"
}

# engine NAME VARIABLE PACKAGE COST FLAGS: steps 1 to 4 for one engine
engine() {
  local name="$1" given="${!2:-}" package="$3" cost="$4" flags="$5" wanted
  if [ -n "$given" ]; then found "$name" "$given" "\$$2"; return; fi
  if command -v "$name" >/dev/null; then found "$name" "$(command -v "$name")" PATH; return; fi
  wanted="$(cd "$name" && go list -f '{{.Module.Version}}' "$package")"
  if [ -x "$bin/$name" ] && [ "$(version "$bin/$name")" = "$wanted" ]; then found "$name" "$bin/$name" cache; return; fi

  echo "engines: building $name $wanted into $bin: once, $cost with cold caches"
  mkdir -p "$bin"
  SECONDS=0
  (cd "$name" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $flags" -o "$bin/.$name.$$" "$package")
  mv "$bin/.$name.$$" "$bin/$name"
  found "$name" "$bin/$name" "built in $SECONDS s"
}

# nullprovider builds our own provider; the version is that of hashicorp/null which it stands in for.
nullprovider() {
  local file="$bin/terraform-provider-null"
  mkdir -p "$bin"
  (cd nullprovider && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=3.2.4" -o "$file" .)
  echo "engines: nullprovider: $file"
}

# fakeprovider builds the provider of the fake cloud, which is several by the name it is called by.
fakeprovider() {
  local file="$bin/terraform-provider-fake"
  mkdir -p "$bin"
  (cd fakeprovider && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$file" .)
  echo "engines: fakeprovider: $file"
}

# s3server builds the S3 server with permissions, from which scans read states.
s3server() {
  local file="$bin/s3server"
  mkdir -p "$bin"
  (cd s3server && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$file" .)
  echo "engines: s3server: $file"
}

[ $# -gt 0 ] || set -- tofu terraform nullprovider fakeprovider s3server
for name in "$@"; do
  case "$name" in
    # Without version.dev=no the binary calls itself 1.12.6-dev and asks servers for that version.
    tofu) engine tofu PLUMBLINE_TOFU github.com/opentofu/opentofu/cmd/tofu "10 CPU minutes and 1.5 GB of modules" \
      "-X github.com/opentofu/opentofu/version.dev=no" ;;
    terraform) engine terraform PLUMBLINE_TERRAFORM github.com/hashicorp/terraform "4 CPU minutes" "" ;;
    nullprovider) nullprovider ;;
    fakeprovider) fakeprovider ;;
    s3server) s3server ;;
    *) echo "engines: no engine is called $name" >&2; exit 2 ;;
  esac
done
