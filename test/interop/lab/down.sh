#!/bin/bash
# Stop what was started in the lab (recorded pids only, daemons last) and remove its namespaces.
# `down.sh --purge` also deletes keys, configurations and logs.
. "$(dirname "$0")/env.sh"
[ "$(id -u)" = 0 ] || die "the lab needs root"

recorded() { # the names of all recorded processes
	local file
	for file in "$RUN"/pids/*; do [ -e "$file" ] && basename "$file"; done
}

for name in $(recorded); do
	case $name in charon-*) ;; *) stop_pid "$name" ;; esac
done
for name in $(recorded); do stop_pid "$name"; done
for name in $NS_DAVE $NS_CAROL $NS_SUN $NS_MOON $NS_NET; do
	have_ns "$name" && ip netns del "$name"
done
[ "${1-}" = --purge ] && rm -rf "$RUN"
exit 0
