# Sourced by up.sh: turns templates into configurations and starts daemons. The knobs can be set in the environment.

: "${RETRANSMIT_TIMEOUT:=1.0}" "${RETRANSMIT_BASE:=1.5}" "${RETRANSMIT_TRIES:=4}" "${KEEP_ALIVE:=1s}"
: "${IKE_PROPOSALS:=aes256-sha256-curve25519}" "${ESP_PROPOSALS:=aes128gcm16}"
# moon takes the offers of our own engine, too: everything that both have.
WIDE_DH=modp2048-modp3072-modp4096-modp6144-modp8192-ecp256-ecp384-ecp521-curve25519-x448
WIDE_PRF=prfsha1-prfsha256-prfsha384-prfsha512-prfaesxcbc-prfaescmac
WIDE_IKE=aes128-aes192-aes256-aes128ctr-aes192ctr-aes256ctr-sha1-sha256-sha384-sha512-aesxcbc-aescmac-$WIDE_PRF-$WIDE_DH
WIDE_IKE=$WIDE_IKE,aes128gcm16-aes192gcm16-aes256gcm16-aes128gcm8-aes128gcm12-aes256gcm8-aes256gcm12-aes128ccm8-aes128ccm12-aes128ccm16-aes256ccm8-aes256ccm12-aes256ccm16-chacha20poly1305-$WIDE_PRF-$WIDE_DH
WIDE_ESP=aes128gcm16-aes192gcm16-aes256gcm16-aes128gcm8-aes128gcm12-aes256gcm8-aes256gcm12-aes128ccm8-aes128ccm12-aes128ccm16-aes256ccm16-chacha20poly1305
WIDE_ESP=$WIDE_ESP,aes128-aes192-aes256-aes128ctr-aes256ctr-sha1-sha256-sha384-sha512-aesxcbc-aescmac,null-sha256
WIDE_ESP=$WIDE_ESP,aes128gcm16-aes256gcm16-chacha20poly1305-curve25519-ecp256-ecp384-modp2048
: "${MOON_IKE:=$IKE_PROPOSALS,$WIDE_IKE}" "${MOON_ESP:=$ESP_PROPOSALS,$WIDE_ESP}"
: "${COOKIES:=no}" "${COOKIE_THRESHOLD:=1}" "${EXTRA:=}" "${MOON_EXTRA:=}"
: "${FRAGMENTATION:=yes}" "${DPD:=0}" "${REMOTE_PORT:=$RELAY_PORT}"
# How long SAs live, as lines of swanctl.conf: for ever, unless a case says otherwise.
FOR_EVER='rekey_time = 0
reauth_time = 0'
: "${CAROL_IKE_LIFE:=$FOR_EVER}" "${MOON_IKE_LIFE:=$FOR_EVER}" "${MOON_DPD:=0}"
FOR_EVER='rekey_time = 0
life_time = 0'
: "${CAROL_CHILD_LIFE:=$FOR_EVER}" "${MOON_CHILD_LIFE:=$FOR_EVER}"
: "${LOG_IKE:=1}" "${LOG_CHD:=1}" "${LOG_NET:=1}" "${LOG_ENC:=1}"

# render TEMPLATE   the template on standard output, with @NAME@ replaced by the value of $NAME
render() {
	local text name
	text=$(cat "$LAB_DIR/templates/$1")
	for name in $(printf '%s' "$text" | grep -o '@[A-Z0-9_]*@' | sort -u | tr -d @); do
		text=${text//@$name@/"${!name-}"}
	done
	printf '%s\n' "$text"
}

render_strongswan() { SIDE=$1 render strongswan.conf.in >"$RUN/$1/strongswan.conf"; }

# carol's connections come three times: by their own name straight to moon (port 500, then 4500), with "-relay"
# appended through the relay on loopback, and with "-sun" straight to our own engine.
render_swanctl() { # SIDE
	case $1 in
	carol)
		SUFFIX= LOCAL_ADDR=$CAROL_IP REMOTE_ADDR=$MOON_IP LOCAL_PORT=500 REMOTE_PORT=500 render carol.swanctl.conf.in
		SUFFIX=-relay LOCAL_ADDR=127.0.0.1 REMOTE_ADDR=127.0.0.1 LOCAL_PORT=4500 render carol.swanctl.conf.in
		SUFFIX=-sun LOCAL_ADDR=$CAROL_IP REMOTE_ADDR=$SUN_IP LOCAL_PORT=500 REMOTE_PORT=500 render carol.swanctl.conf.in
		render secrets.conf.in
		# What a case adds for itself.
		if [ "$EXTRA" ]; then cat "$EXTRA"; fi
		;;
	*)
		render "$1.swanctl.conf.in"
		render secrets.conf.in
		if [ "$1" = moon ] && [ "$MOON_EXTRA" ]; then cat "$MOON_EXTRA"; fi
		;;
	esac >"$RUN/$1/swanctl/swanctl.conf"
}

install_credentials() { # SIDE
	local dir=$RUN/$1/swanctl key
	mkdir -p "$dir/x509" "$dir/x509ca" "$dir/private"
	cp "$RUN"/pki/ca-*.pem "$RUN/pki/sub-ecdsa.pem" "$dir/x509ca/"
	[ "$1" = dave ] && return 0
	cp "$RUN/pki/sub-ecdsa.pem" "$RUN/pki/$1"-*.pem "$dir/x509/"
	for key in "$RUN/pki/$1"-*.key; do cp "$key" "$dir/private/$(basename "$key" .key).pem"; done
}

# Start a daemon, or have it reload its configuration if it runs.
start_charon() { # SIDE NS
	local side=$1 i
	if ! alive "charon-$side"; then
		rm -f "$RUN/$side/charon.vici"
		# `ip netns exec` becomes the program, so $! is the daemon's pid.
		ip netns exec "$2" env STRONGSWAN_CONF="$RUN/$side/strongswan.conf" \
			"$CHARON" </dev/null >"$RUN/$side/stdout.log" 2>&1 &
		record_pid "charon-$side" $!
		disown $! 2>/dev/null || true
		for i in $(seq 100); do
			[ -S "$RUN/$side/charon.vici" ] && break
			alive "charon-$side" || die "charon of $side exited, see $RUN/$side"
			sleep 0.1
		done
		[ -S "$RUN/$side/charon.vici" ] || die "charon of $side opens no control socket, see $RUN/$side"
	fi
	swan "$side" --load-all --noprompt --clear >"$RUN/$side/load.log" 2>&1 ||
		die "loading the configuration of $side failed, see $RUN/$side/load.log"
}
