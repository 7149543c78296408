/** A readable stream with some octets put back in front. */

/** Gives `rest`, then what `readable` gives; both are read only when somebody asks. */
export function prepend(rest: Uint8Array, readable: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  if (rest.byteLength === 0) return readable;
  const reader = readable.getReader();
  let first: Uint8Array | undefined = rest;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (first !== undefined) {
        controller.enqueue(first);
        first = undefined;
        return;
      }
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
