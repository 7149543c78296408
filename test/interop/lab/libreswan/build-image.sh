#!/bin/bash
# Builds, under $LSW_LAB: a small kernel with ESP-in-TCP, a Debian 12 root file
# system with libreswan, and throw-away keys and certificates.
#
# Debian's own kernels (cloud and generic, 6.1) leave CONFIG_INET_ESPINTCP off,
# so a kernel is compiled from Debian's linux-source package, with the options
# in kernel.config. About 5-7 min on 2 cores for the kernel, half a minute for the rest.
#
#   build-image.sh            everything that is missing
#   build-image.sh rootfs     redo the root file system; enough for ikeonly.sh, half a minute, no kernel
#   build-image.sh kernel     redo the kernel
set -euo pipefail
. "$(dirname "$0")/common.sh"
what=${1:-missing}
JOBS=${JOBS:-$(nproc)}
mkdir -p "$LSW_LAB/pki" "$LSW_LAB/run"
export DEBIAN_FRONTEND=noninteractive
[ "$(id -u)" = 0 ] || die "needs root (chroot, tap, apt-get)"

want_kernel=0 want_rootfs=0
case $what in
  kernel) want_kernel=1 ;;
  rootfs) want_rootfs=1 ;;
  *) [ -e "$LSW_LAB/bzImage" ] || want_kernel=1; [ -e "$LSW_LAB/root.ext4" ] || want_rootfs=1 ;;
esac
packages="debootstrap gcc libc6-dev openssh-client openssl e2fsprogs iproute2 tcpdump"
[ $want_kernel = 0 ] || packages="$packages qemu-system-x86 linux-source-6.1 build-essential flex bison bc libelf-dev xz-utils kmod"
need=""
for p in $packages; do
  dpkg -s "$p" >/dev/null 2>&1 || need="$need $p"
done
if [ -n "$need" ]; then
  apt-get -o DPkg::Lock::Timeout=300 update -qq || true
  # shellcheck disable=SC2086
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $need >"$LSW_LAB/apt.log" 2>&1 \
    || { tail -5 "$LSW_LAB/apt.log"; die "apt-get install failed"; }
fi

apt_mirror() { # the first Debian archive that apt is set up with
  awk '/^URIs:/ && /debian\/?$/ {print $2; exit} /^deb / && /debian\/? / {for (i=2;i<=NF;i++) if ($i ~ /debian\/?$/) {print $i; exit}}' \
    /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | head -1
}

build_kernel() {
  local src=$LSW_LAB/kernel/linux-source-6.1
  mkdir -p "$LSW_LAB/kernel"
  [ -d "$src" ] || tar -C "$LSW_LAB/kernel" -xf /usr/src/linux-source-6.1.tar.xz
  ( cd "$src"
    make -s tinyconfig
    scripts/kconfig/merge_config.sh -m .config "$HERE/kernel.config" >/dev/null 2>&1
    make -s olddefconfig
    grep -q '^CONFIG_INET_ESPINTCP=y' .config || die "kernel.config did not take"
    nice make -j"$JOBS" bzImage >"$LSW_LAB/kernel.log" 2>&1 || { tail -5 "$LSW_LAB/kernel.log"; die "kernel build failed"; }
    cp arch/x86/boot/bzImage "$LSW_LAB/bzImage"; cp .config "$LSW_LAB/kernel.full.config" )
}

build_pki() {
  cd "$LSW_LAB/pki"
  [ -e ssh_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -f ssh_ed25519
  [ -e ca.crt ] || openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -sha256 -subj "/O=lab/CN=lab CA" \
      -keyout ca.key -out ca.crt 2>/dev/null
  local n alg
  for n in gw client; do for alg in rsa ec; do
    local id=$n-$alg
    [ -e "$id.p12" ] && continue
    if [ $alg = rsa ]; then openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$id.key" 2>/dev/null
    else openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$id.key" 2>/dev/null; fi
    openssl req -new -key "$id.key" -subj "/O=lab/CN=$id.lab.test" -out "$id.csr"
    printf 'subjectAltName=DNS:%s.lab.test\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature\n' "$id" >"$id.ext"
    openssl x509 -req -in "$id.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -sha256 -extfile "$id.ext" -out "$id.crt" 2>/dev/null
    openssl pkcs12 -export -inkey "$id.key" -in "$id.crt" -certfile ca.crt -name "$id" -passout pass:lab -out "$id.p12"
  done; done
  cd - >/dev/null
}

build_rootfs() {
  local r=$LSW_LAB/rootfs
  if [ ! -e "$r/.lab-packages-done" ]; then
    rm -rf "$r"
    debootstrap --variant=minbase bookworm "$r" "$(apt_mirror)" >"$LSW_LAB/debootstrap.log" 2>&1 || die "debootstrap failed, see debootstrap.log"
    printf '#!/bin/sh\nexit 101\n' >"$r/usr/sbin/policy-rc.d"; chmod +x "$r/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "$r/etc/resolv.conf"
    : >"$r/etc/apt/sources.list"; cp -a /etc/apt/sources.list "$r/etc/apt/" 2>/dev/null || true
    cp -a /etc/apt/sources.list.d/*.sources "$r/etc/apt/sources.list.d/" 2>/dev/null || true
    rm -f "$r"/etc/apt/sources.list.d/node*
    chroot "$r" sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends \
        libreswan iproute2 iputils-ping tcpdump iperf3 nftables dropbear-bin procps socat \
        netcat-openbsd openssl python3-minimal tini && apt-get clean' >"$LSW_LAB/chroot-apt.log" 2>&1 \
        || { tail -5 "$LSW_LAB/chroot-apt.log"; die "package install in the root file system failed"; }
    touch "$r/.lab-packages-done"
  fi
  # keys: every machine gets both identities, the connection files choose
  mkdir -p "$r/root/.ssh" "$r/etc/dropbear" "$r/lab/pki"; chmod 700 "$r/root" "$r/root/.ssh"
  cp "$LSW_LAB/pki/ssh_ed25519.pub" "$r/root/.ssh/authorized_keys"; chmod 600 "$r/root/.ssh/authorized_keys"
  [ -e "$r/etc/dropbear/dropbear_ed25519_host_key" ] || chroot "$r" dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key >/dev/null 2>&1
  cp "$LSW_LAB"/pki/*.p12 "$LSW_LAB/pki/ca.crt" "$r/lab/pki/"
  gcc -shared -fPIC -O2 -o "$r/lab/keylog.so" "$HERE/keylog.c" -ldl
  chroot "$r" sh -c 'rm -f /var/lib/ipsec/nss/*.db /var/lib/ipsec/nss/pkcs11.txt; ipsec initnss >/dev/null
    for p in /lab/pki/*.p12; do pk12util -i $p -d sql:/var/lib/ipsec/nss -W lab -K "" >/dev/null; done
    certutil -M -n "lab CA - lab" -t CT,, -d sql:/var/lib/ipsec/nss 2>/dev/null || certutil -A -n labca -t CT,, -i /lab/pki/ca.crt -d sql:/var/lib/ipsec/nss'
  cat >"$r/sbin/lab-init" <<'I'
#!/bin/sh
# PID 1 of the lab machine: mounts, takes the configuration from the second
# disk (a plain tar), hands over to /lab/start.
export PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin HOME=/root
mount -t proc proc /proc; mount -t sysfs sysfs /sys
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp
tar -xf /dev/vdb -C / --no-same-owner 2>/dev/null
exec tini -g -- /lab/start
I
  chmod +x "$r/sbin/lab-init"
  local sz=${ROOTFS_MB:-500}
  rm -f "$LSW_LAB/root.ext4"
  truncate -s "${sz}M" "$LSW_LAB/root.ext4"
  rm -rf "$r"/usr/share/doc "$r"/usr/share/locale "$r"/var/lib/apt/lists/* "$r"/var/cache/apt/*.bin
  mkfs.ext4 -q -O ^has_journal -d "$r" "$LSW_LAB/root.ext4" >"$LSW_LAB/mkfs.log" 2>&1 || { cat "$LSW_LAB/mkfs.log"; die mkfs; }
}

t0=$(date +%s)
build_pki
[ $want_kernel = 0 ] || build_kernel
[ $want_rootfs = 0 ] || build_rootfs
echo "ready in $(( $(date +%s) - t0 )) s:"; ls -l "$LSW_LAB"/bzImage "$LSW_LAB"/root.ext4 2>/dev/null || true
