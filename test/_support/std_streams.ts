/**
 * Stands in for `@std/streams` where the example that uses it is tested: what it takes and gives, by the package's own documentation.
 * The package is on JSR alone, which no check may need.
 */

/** Chunks of all streams, in the order in which they come; ends with the last of them. */
export function mergeReadableStreams<T>(...streams: ReadableStream<T>[]): ReadableStream<T> {
  return new ReadableStream<T>({
    async start(controller) {
      await Promise.all(streams.map(async (stream) => {
        for await (const chunk of stream) controller.enqueue(chunk);
      }));
      controller.close();
    },
  });
}

/** Ends the stream in front of the chunk that would go beyond `size` octets. */
export class LimitedBytesTransformStream extends TransformStream<Uint8Array, Uint8Array> {
  constructor(size: number, options: { readonly error?: boolean } = {}) {
    let octets = 0;
    super({
      transform(chunk, controller) {
        octets += chunk.byteLength;
        if (octets <= size) controller.enqueue(chunk);
        else if (options.error) throw new RangeError(`Exceeded byte size limit of '${size}'`);
        else controller.terminate();
      },
    });
  }
}

/** All octets of a stream. */
export function toArrayBuffer(stream: ReadableStream<Uint8Array>): Promise<ArrayBuffer> {
  return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer();
}
