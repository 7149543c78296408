# Settings and helpers shared by the lab's scripts. Sourced by every script, never run.
# Every address below exists only inside the lab's network namespaces.

LAB_DIR=$(CDPATH= cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

# Everything that is generated (keys, configurations, logs, pids) lives here. A second lab beside the first
# needs both another directory and another prefix for its namespaces.
RUN=${SWLAB_RUN:-/run/swlab}
NS=${SWLAB_NS:-swl}

# dave --(203.0.113.0/24)-- carol --(192.0.2.0/24)-- net --(198.51.100.0/24)-- moon
#                                                   |
#                                                   +--(198.18.1.0/24)-- sun, which has no daemon: our own engine
NS_CAROL=$NS-carol
NS_DAVE=$NS-dave
NS_NET=$NS-net
NS_MOON=$NS-moon
NS_SUN=$NS-sun

CAROL_IP=192.0.2.10
CAROL_GW=192.0.2.1
CAROL_IP6=2001:db8:2::10
CAROL_GW6=2001:db8:2::1
MOON_IP=198.51.100.10
MOON_GW=198.51.100.1
MOON_IP6=2001:db8:100::10
MOON_GW6=2001:db8:100::1
# A second address of moon, with a connection of its own.
MOON_IP2=198.51.100.11
SUN_IP=198.18.1.10
SUN_IP6=2001:db8:1::10
SUN_GW6=2001:db8:1::1
SUN_GW=198.18.1.1

# The link behind carol: dave has no way to the router, only to carol (and to the relay that runs there).
CAROL_LINK_IP=203.0.113.1
DAVE_IP=203.0.113.2

# Addresses that the tunnels protect.
CAROL_LAN=10.99.3.1
CAROL_LAN_NET=10.99.3.0/24
MOON_LAN=10.99.1.1
MOON_LAN_NET=10.99.1.0/24
POOL4=10.99.2.0/24
POOL6=fd99:2::/112
MOON_DNS=10.99.1.53

# The initiators' daemons send UDP to this port, where a relay listens on carol.
RELAY_PORT=14500

CHARON=/usr/sbin/charon-systemd

PACKAGES="strongswan-swanctl charon-systemd strongswan-pki libcharon-extra-plugins libstrongswan-extra-plugins
 libcharon-extauth-plugins libstrongswan-standard-plugins iproute2 nftables tcpdump tshark iperf3 iputils-ping
 nginx-light haproxy squid tinyproxy"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

have_ns() { ip netns list | grep -qw -- "$1"; }
ns() { local name=$1; shift; ip netns exec "$name" "$@"; }

# swan SIDE COMMAND ARGS...   swanctl against that side's daemon
swan() {
	local side=$1 command=$2
	shift 2
	SWANCTL_DIR="$RUN/$side/swanctl" STRONGSWAN_CONF="$RUN/$side/strongswan.conf" \
		swanctl "$command" --uri "unix://$RUN/$side/charon.vici" "$@"
}

# Processes are remembered with the kernel's start time, so that a pid that was given away again is never
# mistaken for ours.
proc_start() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

record_pid() { # NAME PID
	mkdir -p "$RUN/pids"
	printf '%s %s\n' "$2" "$(proc_start "$2")" >"$RUN/pids/$1"
}

alive() { # NAME
	local pid start
	[ -r "$RUN/pids/$1" ] || return 1
	read -r pid start <"$RUN/pids/$1" || return 1
	[ -n "$start" ] && [ "$(proc_start "$pid")" = "$start" ]
}

stop_pid() { # NAME
	local pid start i
	if alive "$1"; then
		read -r pid start <"$RUN/pids/$1"
		kill -CONT "$pid" 2>/dev/null
		kill -TERM "$pid" 2>/dev/null
		for i in $(seq 50); do alive "$1" || break; sleep 0.1; done
		alive "$1" && kill -KILL "$pid" 2>/dev/null
	fi
	rm -f "$RUN/pids/$1"
}

have_packages() {
	local package
	for package in $PACKAGES; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || return 1
	done
}

install_packages() {
	have_packages && return 0
	say "installing: $(echo $PACKAGES)"
	{
		apt-get -o DPkg::Lock::Timeout=300 update -qq &&
			DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq \
				--no-install-recommends $PACKAGES
	} </dev/null >"$RUN/apt.log" 2>&1 || {
		tail -n 5 "$RUN/apt.log" >&2
		die "apt-get cannot install the lab's packages"
	}
}
