#!/usr/bin/env bash
# Runs go-tfe's own integration tests against a freshly started Plumbline with an empty database,
# and fails if a test of must-pass.txt does not pass. The runner lies beside the checkout, in
# ../shared/conformance; without it there is nothing to run, which is said and is no failure.
#
#   conformance/run.sh                        the tests of must-pass.txt
#   conformance/run.sh -A workspaces,teams    other tests: arguments go to the runner (run -h)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
runner=../shared/conformance/run
list=conformance/must-pass.txt
cache="${PLUMBLINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plumbline}/bin" # as in tools/engines.sh
work="$(mktemp -d)"
server=

finish() {
  if [ -n "$server" ] && kill "$server" 2>/dev/null; then
    for _ in $(seq 100); do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

fail() { echo "conformance: $1" >&2; exit 1; }

# free_port prints a port on which nothing listens.
free_port() {
  local port
  while port=$((20000 + RANDOM % 20000)); do
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

# healthy URL: waits up to 30 s for the server to answer.
healthy() {
  for _ in $(seq 300); do
    kill -0 "$server" 2>/dev/null || return 1
    if curl -fsS -o "$work/health" "$1/healthz" 2>/dev/null; then return; fi
    sleep 0.1
  done
  return 1
}

if [ ! -x "$runner" ]; then
  echo "conformance: skipped: no $runner beside this checkout"
  exit 0
fi
grep -vE '^[[:space:]]*(#|$)' "$list" | sed -E 's,[[:space:]#/].*,,' | sort -u >"$work/tests" || true
if [ $# -eq 0 ] && [ ! -s "$work/tests" ]; then
  echo "conformance: $list names no test yet"
  echo "0 passed, 0 failed"
  exit 0
fi
[ $# -gt 0 ] || set -- -l "$work/tests"

# engine: what runs use, by the rules of tools/engines.sh, which has found or built it.
engine() { echo "${PLUMBLINE_TOFU:-$(command -v tofu || echo "$cache/tofu")}"; }

# providers DIR: a mirror with the provider that the configurations of the tests use.
providers() {
  local platform host folder
  platform="$(go env GOOS)_$(go env GOARCH)"
  for host in registry.terraform.io registry.opentofu.org; do
    folder="$1/$host/hashicorp/null/3.2.4/$platform"
    mkdir -p "$folder"
    cp "${PLUMBLINE_NULLPROVIDER:-$cache/terraform-provider-null}" "$folder/terraform-provider-null_v3.2.4"
  done
}

make --no-print-directory build
tools/engines.sh tofu nullprovider
providers "$work/providers"
address="127.0.0.1:$(free_port)"
bin/plumbline serve --data-dir "$work/data" --work-dir "$work/work" --listen "$address" --tls off --outbound-allow 127.0.0.0/8 \
  --sandbox-egress optional --engine "$(engine)" --provider-mirror "$work/providers" >"$work/log" 2>&1 &
server=$!
healthy "http://$address" || { tail -n 50 "$work/log" >&2; fail "the server does not answer on $address"; }
token="$(bin/plumbline admin token --data-dir "$work/data" --user conformance)"
bin/plumbline admin seed-conformance --data-dir "$work/data"

status=0
"$runner" -a "http://$address" -t "$token" -m "$list" -j 4 "$@" | tee "$work/out" || status=$?
if grep -E 'level=ERROR|"level":"ERROR"|panic:' "$work/log" | tail -n 20; then
  echo "conformance: above, the last errors in the log of the server"
fi
# The runner ends with "must-pass: N checked, M not passing" if a test of the list was among those run.
read -r checked bad < <(sed -nE 's/^must-pass: ([0-9]+) checked, ([0-9]+) not passing$/\1 \2/p' "$work/out"; echo "0 0")
[ "$status" -lt 2 ] || fail "the runner itself failed (status $status)"
echo "$((checked - bad)) passed, $bad failed"
exit "$status"
