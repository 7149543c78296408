#!/bin/sh
# Makes the certificates and keys of the tests, valid for a hundred years, beside this script (OpenSSL 3).
#
#   ca.crt           the authority that tests trust
#   server.*         gw.example, localhost, 127.0.0.1, ::1
#   renewed.*        the same names, another key
#   other-name.*     other.example only
#   expired.*        the names of server, valid for one day long ago
#   stranger.*       the names of server, by an authority that nobody trusts
#   self-signed.*    the names of server, by itself
#   rsa.*            the names of server, with an RSA key
set -eu
cd "$(dirname "$0")"
NAMES="DNS:gw.example,DNS:localhost,IP:127.0.0.1,IP:::1"
DAYS=36500
EC="-newkey ec -pkeyopt ec_paramgen_curve:P-256"

authority() { # name
  openssl req -x509 $EC -nodes -keyout "$1.key" -out "$1.crt" -days $DAYS -subj "/CN=iketcp tests, $1" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" 2>/dev/null
}

leaf() { # name, authority, alternative names, algorithm, dates
  openssl req $4 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=iketcp tests, $1" 2>/dev/null
  printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=%s\n' "$3" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -set_serial "0x$(openssl rand -hex 8)" \
    -extfile "$1.ext" -out "$1.crt" $5 2>/dev/null
  rm "$1.csr" "$1.ext"
}

authority ca
authority strangers
leaf server ca "$NAMES" "$EC" "-days $DAYS"
leaf renewed ca "$NAMES" "$EC" "-days $DAYS"
leaf other-name ca "DNS:other.example" "$EC" "-days $DAYS"
leaf stranger strangers "$NAMES" "$EC" "-days $DAYS"
leaf rsa ca "$NAMES" "-newkey rsa:2048" "-days $DAYS"
openssl req -x509 $EC -nodes -keyout self-signed.key -out self-signed.crt -days $DAYS -subj "/CN=iketcp tests" \
  -addext "subjectAltName=$NAMES" -addext "basicConstraints=critical,CA:FALSE" 2>/dev/null

# OpenSSL before 3.2 sets no dates by option of x509; its ca command does.
openssl req $EC -nodes -keyout expired.key -out expired.csr -subj "/CN=iketcp tests, expired" 2>/dev/null
: > index.txt
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[e]\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=%s\n' "$NAMES" > ca.cnf
openssl ca -batch -config ca.cnf -cert ca.crt -keyfile ca.key -extensions e -notext \
  -startdate 20200101000000Z -enddate 20200102000000Z -in expired.csr -out expired.crt 2>/dev/null
rm -f expired.csr index.txt* ca.cnf [0-9A-F][0-9A-F]*.pem ca.key strangers.key strangers.crt
