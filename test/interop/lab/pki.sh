#!/bin/bash
# Make (once) the lab's certificate authorities and end-entity keys with strongSwan's own `pki`, in $RUN/pki.
# Nothing here is secret: the keys are thrown away with the run directory.
set -eu
. "$(dirname "$0")/env.sh"
umask 077
mkdir -p "$RUN/pki"
cd "$RUN/pki"
# Only these plugins: keeps the TPM plugin's complaints away.
echo 'pki { load = random pem pkcs1 pkcs8 x509 pubkey openssl sha1 sha2 curve25519 }' >pki.conf
export STRONGSWAN_CONF=$RUN/pki/pki.conf
DAYS=3650

# make FILE COMMAND...   the command's output as FILE, unless FILE is there; never half a file
make() {
	local file=$1
	shift
	[ -s "$file" ] && return 0
	"$@" >"$file.tmp" && mv "$file.tmp" "$file"
}

key() { # TYPE FILE
	case $1 in
	rsa) make "$2" pki --gen --type rsa --size 2048 --outform pem ;;
	ecdsa) make "$2" pki --gen --type ecdsa --size 256 --outform pem ;;
	ecdsa384) make "$2" pki --gen --type ecdsa --size 384 --outform pem ;;
	ed25519) make "$2" pki --gen --type ed25519 --outform pem ;;
	ed448) make "$2" pki --gen --type ed448 --outform pem ;;
	esac
}

# EdDSA has its hash built in: pki refuses a --digest for it.
digest() { case $1 in ed25519 | ed448) ;; *) echo --digest sha256 ;; esac; }

issue() { # KEY CA ARGS...
	local subject=$1 ca=$2
	shift 2
	pki --pub --in "$subject.key" --type priv |
		pki --issue --cacert "$ca.pem" --cakey "$ca.key" --lifetime $DAYS --outform pem "$@"
}

for type in rsa ecdsa ed25519; do
	key $type ca-$type.key
	make ca-$type.pem pki --self --ca --in ca-$type.key --type $type $(digest $type) --lifetime $((DAYS + 1)) \
		--pathlen 1 --dn "C=XX, O=swlab, CN=swlab $type root" --outform pem
done

# One intermediate, so that a chain of two certificates is exercised too.
key ecdsa sub-ecdsa.key
make sub-ecdsa.pem issue sub-ecdsa ca-ecdsa --ca --digest sha256 --pathlen 0 --dn "C=XX, O=swlab, CN=swlab ecdsa sub"

for side in moon carol; do
	flags="--flag clientAuth"
	[ $side = moon ] && flags="--flag serverAuth --flag ikeIntermediate"
	for type in rsa ecdsa ecdsa384 ed25519 ed448; do
		name=$side-$type
		ca=ca-$type
		case $type in ecdsa384) ca=sub-ecdsa ;; ed448) ca=ca-ed25519 ;; esac
		key $type $name.key
		make $name.pem issue $name $ca $(digest ${ca#*-}) --dn "C=XX, O=swlab, CN=$name.swlab.example" \
			--san "$name.swlab.example" --san "$side-${type}pss.swlab.example" $flags
	done
done
