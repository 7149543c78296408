/** One end of a connection with the stream of RFC 9329 on it, octet by octet: the cores of `lib/encap`, and nothing in their place. */

import {
  Deframer,
  Demux,
  Framer,
  KeepaliveFilter,
  NAT_KEEPALIVE,
  PrefixReader,
  PrefixRefuser,
  PrefixWriter,
} from "../../../lib/encap/mod.ts";
import type { ByteStream, StreamReader } from "./_byte_stream.ts";

/** Where messages of a carrier go. */
export interface MessageSink {
  /** With the marker of IKE, or of ESP; the octets are the sink's. */
  handleMessage(octets: Uint8Array): void;
  /** Nothing comes any more; `fault` is what should not have happened. */
  handleLost(fault?: unknown): void;
}

const MARKER = 4;

/** Sends and receives messages on one end of a connection. */
export class FramedEnd implements StreamReader {
  readonly #stream: ByteStream;
  readonly #end: 0 | 1;
  readonly #sink: MessageSink;
  readonly #prefix: PrefixReader | PrefixRefuser;
  readonly #deframer: Deframer = new Deframer();
  readonly #filter: KeepaliveFilter = new KeepaliveFilter();
  readonly #demux: Demux = new Demux();
  readonly #framer: Framer = new Framer();
  #lost = false;

  /** End 0 has opened the connection, and begins with the prefix. */
  constructor(stream: ByteStream, end: 0 | 1, sink: MessageSink) {
    this.#stream = stream;
    this.#end = end;
    this.#sink = sink;
    this.#prefix = end === 0 ? new PrefixRefuser() : new PrefixReader();
    stream.attach(end, this);
    if (end === 0) new PrefixWriter().handleStart((octets) => stream.write(0, octets));
  }

  /** Whether somebody may still hear what is sent here. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Sends a message with its marker, or an ESP packet. */
  send(message: Uint8Array): void {
    this.#framer.handle([message], (octets) => this.#stream.write(this.#end, octets));
  }

  /** Keeps NATs open (section 6.6). */
  keepAlive(): void {
    this.send(Uint8Array.of(NAT_KEEPALIVE));
  }

  /** Says that nothing more will be sent here; what comes is still read. */
  finish(): void {
    this.#stream.end(this.#end);
  }

  handleBytes(chunk: Uint8Array): void {
    try {
      this.#prefix.handle(
        chunk,
        (octets) =>
          this.#deframer.handle(
            octets,
            (messages) => this.#filter.handle(messages, (kept) => this.#sort(kept)),
          ),
      );
    } catch (error) {
      this.#lose(error);
      this.#stream.reset(0);
    }
  }

  /** The peer sends no more, and a tunnel needs both directions: this half is closed, too. */
  handleEnd(): void {
    this.#deframer.handleEnd();
    this.#stream.end(this.#end);
    const cut = this.#deframer.counters.partial > 0;
    this.#lose(cut ? new Error("a message was cut short by an end in order") : undefined);
  }

  /** What was begun is thrown away (section 6.1). */
  handleReset(): void {
    this.#deframer.handleEnd();
    this.#lose();
  }

  #sort(messages: Uint8Array[]): void {
    // Which of two kinds they are is the demux's judgement; the sink gets them as they would come in a datagram.
    this.#demux.handle(messages, {
      ike: { push: (message) => this.#sink.handleMessage(marked(message)) },
      esp: { push: (message) => this.#sink.handleMessage(message.slice()) },
    });
  }

  #lose(fault?: unknown): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#sink.handleLost(fault);
  }
}

/** An IKE message behind its marker. */
export function marked(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(MARKER + message.length);
  octets.set(message, MARKER);
  return octets;
}
