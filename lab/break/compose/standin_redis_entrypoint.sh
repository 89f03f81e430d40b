#!/bin/sh
# Entry point of the stand-in of redis:7 (standins.sh): the server answers other containers, as the
# official image's does; Debian's would answer loopback alone while no password is set.
[ "$1" != redis-server ] || exec "$@" --protected-mode no
exec "$@"
