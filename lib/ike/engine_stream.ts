import type { IkeEngineHost } from "./engine_host.ts";
import type { IkePath } from "./path.ts";

/** Octets of IKE messages that wait for a slow connection before it counts as stuck. */
export const MAX_QUEUED_IKE_OCTETS: number = 1_048_576;

/**
 * One connection's IKE messages through an engine: batches of what the peer sends go in, batches of what it is to be sent come out,
 * at once or whenever the engine has something to say. Both are without marker and length: it stands between the `ike` halves of an
 * `EncapsulationStream`.
 *
 * When the input ends, or the output is cancelled, the path is lost to the engine; its SAs stay (RFC 9329, section 6.1).
 * An output that nobody reads is an error past {@linkcode MAX_QUEUED_IKE_OCTETS}.
 *
 * @example An engine without connections answers nothing acceptable
 * ```ts
 * import { CryptoProviders, nobleProvider } from "iketcp/crypto";
 * import { IkeEngine, IkeEngineHost, IkeEngineStream } from "iketcp/ike";
 * import { deepStrictEqual } from "node:assert";
 *
 * const host = new IkeEngineHost(
 *   new IkeEngine({ crypto: new CryptoProviders([nobleProvider()]), random: () => {}, connections: [] }),
 * );
 * const end = { address: Uint8Array.of(192, 0, 2, 1), port: 4500 };
 * const stream = new IkeEngineStream(host, { id: "1", reliable: true, local: end, remote: end });
 * const writer = stream.writable.getWriter();
 * writer.write([new Uint8Array(28)]); // nothing that anybody would answer
 * writer.close();
 * deepStrictEqual(await Array.fromAsync(stream.readable), []);
 * host.close();
 * ```
 */
export class IkeEngineStream extends TransformStream<Uint8Array[], Uint8Array[]> {
  /** The path that it stands for. */
  readonly path: IkePath;

  /** Attaches a path to an engine. */
  constructor(host: IkeEngineHost, path: IkePath) {
    let detach = () => {};
    const leave = () => {
      detach();
      detach = () => {};
      host.handle({ kind: "path_lost", path });
    };
    super(
      {
        start(controller) {
          detach = host.attach(path, (messages) => {
            try {
              controller.enqueue(messages);
              if (controller.desiredSize !== null && controller.desiredSize < -MAX_QUEUED_IKE_OCTETS) {
                controller.error(
                  new RangeError("Cannot send IKE messages: the connection takes none any more"),
                );
                leave();
              }
            } catch {
              leave(); // the output was cancelled, or the stream has failed
            }
          });
        },
        transform(batch) {
          host.handleMessages(path, batch);
        },
        flush: leave,
      },
      undefined,
      { highWaterMark: 1, size: (batch) => batch.reduce((sum, { length }) => sum + length, 0) },
    );
    this.path = path;
  }
}
