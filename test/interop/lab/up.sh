#!/bin/bash
# Bring the lab up: packages, certificates, namespaces, one charon on carol, moon and dave. Running it again is
# harmless: it renders the configurations anew (knobs: render.sh) and has running daemons reload them.
#   up.sh                     everything
#   up.sh packages            only install what is missing
#   up.sh restart [SIDE...]   also restart these daemons, or all
set -eu
. "$(dirname "$0")/env.sh"
[ "$(id -u)" = 0 ] || die "the lab needs root"
mkdir -p "$RUN/pids"
chmod 700 "$RUN"
install_packages
[ "${1-}" = packages ] && exit 0
[ -c /dev/net/tun ] || die "the lab needs /dev/net/tun"

. "$LAB_DIR/render.sh"
bash "$LAB_DIR/pki.sh"

# link NS-A NAME-A ADDRESS-A  NS-B NAME-B ADDRESS-B   a wire between two namespaces
link() {
	ip -n "$1" link add "$2" type veth peer name "$5" netns "$4"
	ip -n "$1" addr add "$3" dev "$2"
	ip -n "$4" addr add "$6" dev "$5"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set "$5" up
}

# protected NS ADDRESS   an address for a tunnel to protect. It sits on a veth stub: not every kernel has the
# dummy device, and a loopback address does not become the source of the route that charon installs.
protected() {
	ip -n "$1" link add lan0 type veth peer name lan1
	ip -n "$1" addr add "$2" dev lan0
	ip -n "$1" link set lan0 up
	ip -n "$1" link set lan1 up
}

if ! have_ns "$NS_NET"; then
	for name in $NS_MOON $NS_SUN $NS_CAROL $NS_DAVE $NS_NET; do
		have_ns "$name" || ip netns add "$name"
		ip -n "$name" link set lo up
	done
	link $NS_CAROL eth0 $CAROL_IP/24 $NS_NET to-carol $CAROL_GW/24
	link $NS_MOON eth0 $MOON_IP/24 $NS_NET to-moon $MOON_GW/24
	link $NS_SUN eth0 $SUN_IP/24 $NS_NET to-sun $SUN_GW/24
	ip -n $NS_SUN route add default via $SUN_GW
	ip -n $NS_SUN addr add $SUN_IP6/64 dev eth0 nodad
	ip -n $NS_NET addr add $SUN_GW6/64 dev to-sun nodad
	ip -n $NS_SUN -6 route add default via $SUN_GW6
	ip -n $NS_MOON addr add $MOON_IP2/24 dev eth0
	link $NS_CAROL to-dave $CAROL_LINK_IP/24 $NS_DAVE eth0 $DAVE_IP/24
	ip -n $NS_CAROL addr add $CAROL_IP6/64 dev eth0 nodad
	ip -n $NS_NET addr add $CAROL_GW6/64 dev to-carol nodad
	ip -n $NS_MOON addr add $MOON_IP6/64 dev eth0 nodad
	ip -n $NS_NET addr add $MOON_GW6/64 dev to-moon nodad
	ip -n $NS_CAROL route add default via $CAROL_GW
	ip -n $NS_CAROL -6 route add default via $CAROL_GW6
	ip -n $NS_MOON route add default via $MOON_GW
	ip -n $NS_MOON -6 route add default via $MOON_GW6
	ip -n $NS_DAVE route add default via $CAROL_LINK_IP
	ns $NS_NET sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	protected $NS_MOON $MOON_LAN/24
	protected $NS_CAROL $CAROL_LAN/24
	ns $NS_MOON sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
fi

restart=
if [ "${1-}" = restart ]; then
	shift
	restart=${*:-moon carol dave}
fi
for side in moon carol dave; do
	case " $restart " in *" $side "*) stop_pid "charon-$side" ;; esac
	mkdir -p "$RUN/$side/swanctl"
	install_credentials "$side"
	render_swanctl "$side"
	alive "charon-$side" || render_strongswan "$side"
	start_charon "$side" "$NS-$side"
done
say "the lab is up; try: $LAB_DIR/swan.sh carol --initiate --ike psk --child net"
