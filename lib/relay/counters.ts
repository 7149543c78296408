/** What has crossed a relay. */

/**
 * Counters of a relay; "stream" is the RFC 9329 leg, "datagram" the leg of the local daemon. They only rise, but for
 * `streams` and `peers`, which say how many there are now.
 */
export interface RelayCounters {
  /** Streams that carry data now. */
  streams: number;
  /** Streams opened or accepted so far. */
  streamsOpened: number;
  /** Attempts to open a stream that failed. */
  streamsFailed: number;
  /** Accepted connections that were closed at once because of a limit. */
  streamsRefused: number;
  /** Streams ended by a fault of the peer: wrong prefix, bad length, silence. */
  streamsFaulty: number;
  /** Streams that took over the UDP socket of an ended one. */
  socketsAdopted: number;
  /** UDP peers known now. */
  peers: number;
  /** Datagrams of new UDP peers dropped because there are too many peers. */
  peersRefused: number;
  /** Datagrams sent into streams. */
  messagesToStream: number;
  /** Octets of those datagrams. */
  octetsToStream: number;
  /** Messages taken from streams and sent as datagrams. */
  messagesFromStream: number;
  /** Octets of those messages. */
  octetsFromStream: number;
  /** Datagrams dropped because a stream was slow, opening, or gone, or because more came than could be read. */
  datagramsDropped: number;
  /** Messages that the system did not send as datagrams: too long, too many at once, or nobody listens there. */
  datagramsUnsent: number;
  /** Keepalive octets swallowed, from either side. */
  keepalives: number;
  /** Datagrams and messages of less than 4 octets dropped, from either side. */
  runts: number;
  /** Empty messages ignored. */
  empty: number;
  /** Messages cut short by the end of their stream. */
  partial: number;
}

/** Counters that stand at zero. */
export function zeroCounters(): RelayCounters {
  return {
    streams: 0,
    streamsOpened: 0,
    streamsFailed: 0,
    streamsRefused: 0,
    streamsFaulty: 0,
    socketsAdopted: 0,
    peers: 0,
    peersRefused: 0,
    messagesToStream: 0,
    octetsToStream: 0,
    messagesFromStream: 0,
    octetsFromStream: 0,
    datagramsDropped: 0,
    datagramsUnsent: 0,
    keepalives: 0,
    runts: 0,
    empty: 0,
    partial: 0,
  };
}
