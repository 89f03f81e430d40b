#!/usr/bin/env bash
# pg_isready of the stand-in of postgres:18 (standins.sh), whatever its options. Exit code 0: the
# server answers a startup packet by asking for a password. One that recovers answers with an error.
exec 3<> /dev/tcp/127.0.0.1/5432 || exit 2
printf '\0\0\0\x17\0\x03\0\0user\0postgres\0\0' >&3
IFS= read -r -N 1 -t 2 answer <&3
# the rest is read too: the server would log a reset connection
IFS= read -r -N 512 -t 0.2 <&3
[[ $answer == R ]]
