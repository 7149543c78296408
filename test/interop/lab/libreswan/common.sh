# Shared settings; sourced by the other scripts. Every value can be overridden
# from the environment.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LSW_LAB=${LSW_LAB:-/var/tmp/iketcp-libreswan}     # big files live here, never in the repo
LSW_BRIDGE=${LSW_BRIDGE:-lswbr0}               # host bridge that holds only our taps
LSW_NET4=${LSW_NET4:-198.18.77}                # first three octets of the lab /24
LSW_NET6=${LSW_NET6:-fd77:77::}                # lab IPv6 prefix (/64)
LSW_HOST4=$LSW_NET4.1
LSW_HOST6=${LSW_NET6}1
SSH_KEY=$LSW_LAB/pki/ssh_ed25519
die() { echo "error: $*" >&2; exit 1; }
# octet NAME: last octet of the address a VM of that role gets
octet() { case $1 in gw*) echo 10;; client*) echo 20;; nat*) echo 30;; *) echo 40;; esac; }
