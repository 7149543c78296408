#!/usr/bin/env python3
"""The other end of scapy_test.ts: a TCP Responder of RFC 9329 whose ESP is scapy's.

Reads one line of JSON from standard input: a list of SAs, each with SPIs, names and keys of both directions. Prints the port
that it listens on. Then each ESP packet that comes is decrypted by the SA of its SPI, and its inner packet, with addresses
turned round and the payload reversed, is sent back through the SA of the other direction. What does not decrypt is answered
with the reason in place of an ESP packet, behind an SPI of all ones.
"""

import json
import socket
import struct
import sys

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw


def association(sa, spi, direction, tunnel):
    return SecurityAssociation(
        ESP,
        spi=spi,
        crypt_algo=sa["encryption"],
        crypt_key=bytes.fromhex(sa[direction]["key"]) or None,
        crypt_icv_size=sa.get("icvSize"),
        auth_algo=sa.get("integrity"),
        auth_key=bytes.fromhex(sa[direction].get("macKey", "")) or None,
        tunnel_header=tunnel,
        esn_en=sa["esn"],
        esn=sa["high"],
    )


def answer(packet):
    """The inner packet, sent back by the one that got it."""
    reply = packet.copy()
    reply.src, reply.dst = packet.dst, packet.src
    udp = reply[UDP]
    udp.sport, udp.dport = packet[UDP].dport, packet[UDP].sport
    udp.remove_payload()
    udp.add_payload(Raw(bytes(packet[UDP].payload)[::-1]))
    for layer, field in ((udp, "chksum"), (udp, "len"), (reply, "chksum"), (reply, "len"), (reply, "plen")):
        if field in layer.fields:
            delattr(layer, field)
    return reply


def exactly(connection, size):
    octets = b""
    while len(octets) < size:
        more = connection.recv(size - len(octets))
        if not more:
            return None
        octets += more
    return octets


def main():
    outer = IP(src="192.0.2.1", dst="192.0.2.2")
    inbound, outbound = {}, {}
    for sa in json.loads(sys.stdin.readline()):
        inbound[sa["spi"]] = association(sa, sa["spi"], "there", outer)
        outbound[sa["spi"]] = association(sa, sa["backSpi"], "back", outer)

    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    if exactly(connection, 6) != b"IKETCP":
        sys.exit("the stream does not begin with the prefix")
    while (length := exactly(connection, 2)) is not None:
        esp = exactly(connection, struct.unpack("!H", length)[0] - 2)
        spi = struct.unpack("!L", esp[:4])[0]
        try:
            whole = IP(bytes(outer.copy() / ESP(esp)))
            inner = inbound[spi].decrypt(whole)
            sealed = bytes(outbound[spi].encrypt(answer(inner))[ESP])
        except Exception as error:
            sealed = b"\xff\xff\xff\xff" + repr(error).encode()
        connection.sendall(struct.pack("!H", len(sealed) + 2) + sealed)


main()
