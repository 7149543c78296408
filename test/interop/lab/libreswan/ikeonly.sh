#!/bin/bash
# IKE-only libreswan peer without any virtual machine: Debian's pluto from the
# root file system that build-image.sh made, in its own network and mount
# namespaces on this host. Starts in about a second; answers IKE in TCP on
# 198.18.78.2:4500 (and UDP 500/4500); no ESP is processed.
#
#   ikeonly.sh start | stop | whack ARGS... | log
set -euo pipefail
. "$(dirname "$0")/common.sh"
NS=${LSW_IKEONLY_NS:-lswike}; A=${LSW_IKEONLY_NET:-198.18.78}; d=$LSW_LAB/run/ikeonly; r=$LSW_LAB/rootfs
mkdir -p "$d"
case ${1:-start} in
start)
  [ -x "$r/usr/libexec/ipsec/pluto" ] || die "run build-image.sh rootfs first"
  [ -e "$d/pid" ] && kill -0 "$(cat "$d/pid")" 2>/dev/null && die "already runs"
  gcc -shared -fPIC -O2 -o "$r/lab/ikeonly-shim.so" "$HERE/ikeonly-shim.c" -ldl
  ip netns list | grep -qw "$NS" || {
    ip netns add "$NS"; ip link add "$NS-h" type veth peer name "$NS-p"
    ip link set "$NS-p" netns "$NS"; ip addr add "$A.1/24" dev "$NS-h"; ip link set "$NS-h" up
    ip -n "$NS" link set lo up; ip -n "$NS" addr add "$A.2/24" dev "$NS-p"; ip -n "$NS" link set "$NS-p" up
    ip -n "$NS" addr add 192.0.2.1/32 dev lo; ip -n "$NS" route add default via "$A.1"; }
  rm -rf "$d/run"; mkdir -p "$d/run/lab"; cp "$HERE/guest/lab/gw.conf" "$d/run/lab/ipsec.conf"; cp "$HERE/guest/lab/ipsec.secrets" "$d/run/lab/"
  { echo; sed "s/@HOST@/$A.1/" "$HERE/ikeonly-asks.conf"; } >>"$d/run/lab/ipsec.conf"
  sed -i 's#/var/log/pluto.log#/run/lab/pluto.log#' "$d/run/lab/ipsec.conf"; mkdir -p "$d/run/pluto"
  cat >"$d/inner.sh" <<I
mount --bind "$d/run" "$r/run"; mount -t proc proc "$r/proc"; mount --bind /dev "$r/dev"; mount -t tmpfs tmpfs "$r/tmp"; mount -t sysfs sysfs "$r/sys"
exec chroot "$r" /usr/bin/env LD_PRELOAD=/lab/ikeonly-shim.so:/lab/keylog.so LAB_KEYLOG=/run/lab/keys.log \
  /usr/libexec/ipsec/pluto --nofork --config /run/lab/ipsec.conf --secretsfile /run/lab/ipsec.secrets
I
  setsid ip netns exec "$NS" unshare -m --propagation private bash "$d/inner.sh" >"$d/out.log" 2>&1 </dev/null &
  echo $! >"$d/pid"
  for _ in $(seq 50); do [ -S "$d/run/pluto/pluto.ctl" ] && break; sleep 0.1; done
  [ -S "$d/run/pluto/pluto.ctl" ] || { tail -5 "$d/out.log"; die "pluto did not start"; }
  "$0" in ipsec addconn --config /run/lab/ipsec.conf --autoall >"$d/addconn.log" 2>&1 || true
  "$0" in ipsec whack --listen >/dev/null
  echo "IKE-only peer on $A.2, pid $(cat "$d/pid")";;
in) shift
  # the mount namespace of the running pluto has the right /run
  exec nsenter -t "$(cat "$d/pid")" -n -m chroot "$r" "$@";;
whack) shift; exec "$0" in ipsec whack "$@";;
log) exec cat "$d/run/lab/pluto.log";;
stop)
  [ -e "$d/pid" ] && { p=$(cat "$d/pid"); kill "$p" 2>/dev/null || true; for _ in $(seq 30); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done; rm -f "$d/pid"; }
  ip link del "$NS-h" 2>/dev/null || true; ip netns del "$NS" 2>/dev/null || true;;
esac
