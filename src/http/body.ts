// The original of a clone queues what it has not been asked for, and an engine moves all of a long queue for each chunk
// that is taken. Packets of a slow network are larger than these.
const MANY_CHUNKS = 16_384;
const CRUMB_BYTES = 512;

/**
 * The bytes of a body; undefined where there are more than that, or they come in crumbs, or are none. Reads no further
 * then: of a clone, which it is, the original goes on by itself, and nothing more is kept of it here.
 */
export async function readAtMost(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body?.getReader();
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    length += next.value.byteLength;
    const isCrumbs = chunks.length > MANY_CHUNKS && length < chunks.length * CRUMB_BYTES;
    if (isCrumbs || !(length <= maxBytes)) {
      // Not waited for: half of a tee is cancelled only when the other one is.
      reader?.cancel().catch(() => {});
      return undefined;
    }
    chunks.push(next.value);
  }
  const bytes = new Uint8Array(length);
  for (let at = 0, i = 0; i < chunks.length; at += chunks[i++]!.byteLength) bytes.set(chunks[i]!, at);
  return bytes;
}
