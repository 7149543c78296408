#!/bin/bash
# What the router between carol and moon lets through. Each call replaces the rules of the call before.
#   router.sh RULE...      any of these, together:
#     no-udp     drop every UDP datagram and ESP packet in silence, pass TCP: the network this project is for
#     no-tcp     drop every TCP segment in silence: an outage
#     reset      answer every TCP segment for port 4500 with a reset, in both directions
#     reset-carol   the same, but only to carol: moon does not learn that its connections are dead
#     loss N     drop N percent of everything
#     nat        rewrite the addresses and ports of connections to moon and sun to the router's
#   router.sh open         no rules
#   router.sh counters     what was counted since, as "NAME PACKETS" lines (tcp, udp, icmp, other)
set -eu
. "$(dirname "$0")/env.sh"

clear_rules() {
	ns $NS_NET nft delete table inet swlab 2>/dev/null || true
	ns $NS_NET nft delete table ip swlabnat 2>/dev/null || true
}

add() { rules+="  $1"$'\n'; }

case "${1-}" in
counters)
	ns $NS_NET nft list counters table inet swlab | awk '$1 == "counter" { name = substr($2, 6) } $1 == "packets" { print name, $2 }'
	exit 0
	;;
open)
	clear_rules
	exit 0
	;;
'') die "usage: router.sh no-udp|no-tcp|reset|reset-carol|loss N|nat ... | open | counters" ;;
esac

rules= nat=
add 'meta l4proto tcp counter name seen_tcp'
add 'meta l4proto udp counter name seen_udp'
add 'meta l4proto { icmp, ipv6-icmp } counter name seen_icmp'
add 'meta l4proto != { tcp, udp, icmp, ipv6-icmp } counter name seen_other'
while [ $# -gt 0 ]; do
	case $1 in
	no-udp) add 'meta l4proto { udp, esp } drop' ;;
	no-tcp) add 'meta l4proto tcp drop' ;;
	reset)
		add 'tcp dport 4500 reject with tcp reset'
		add 'tcp sport 4500 reject with tcp reset'
		;;
	reset-carol) add 'tcp dport 4500 reject with tcp reset' ;;
	loss)
		add "numgen random mod 100 < ${2:?percent} drop"
		shift
		;;
	nat) nat=yes ;;
	*) die "unknown rule $1" ;;
	esac
	shift
done

clear_rules
{
	echo 'table inet swlab {'
	for name in tcp udp icmp other; do echo " counter seen_$name { }"; done
	echo ' chain forwarding {'
	echo '  type filter hook forward priority 0; policy accept;'
	printf '%s' "$rules"
	echo ' }'
	echo '}'
	if [ -n "$nat" ]; then
		echo 'table ip swlabnat {'
		echo ' chain outbound {'
		echo '  type nat hook postrouting priority 100; policy accept;'
		echo '  oifname { "to-moon", "to-sun" } ip protocol { tcp, udp } masquerade random'
		echo ' }'
		echo '}'
	fi
} | ns $NS_NET nft -f -
