#!/usr/bin/env bash
# Entry point of the stand-in of postgres:18 (standins.sh): makes the cluster and the database at
# the first start, as the official image does from POSTGRES_PASSWORD and POSTGRES_DB.
set -euo pipefail

export PGDATA=${PGDATA:-/var/lib/postgresql/18/docker}
bin=/opt/postgres/bin

if [[ $(id -u) -eq 0 ]]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres /var/lib/postgresql
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

# moved into its place when it is complete: a start that died on the way begins again
if [[ ! -s $PGDATA/PG_VERSION ]]; then
  fresh="$PGDATA.fresh"
  rm -rf "$fresh"
  "$bin/initdb" --pgdata="$fresh" --username=postgres --auth=scram-sha-256 \
    --pwfile=<(printf '%s' "$POSTGRES_PASSWORD") --encoding=UTF8 --locale=C > /dev/null
  [[ -z ${POSTGRES_DB:-} ]] \
    || echo "create database \"$POSTGRES_DB\";" | "$bin/postgres" --single -D "$fresh" postgres > /dev/null
  echo "host all all all scram-sha-256" >> "$fresh/pg_hba.conf"
  mv --no-target-directory "$fresh" "$PGDATA"
fi

[[ ${1:-} != postgres ]] || shift
exec "$bin/postgres" -D "$PGDATA" -c listen_addresses='*' "$@"
