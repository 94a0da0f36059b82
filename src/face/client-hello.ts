/** What the first bytes of a connection say about the name that its TLS is for. */
export type Hello =
  /** Not all of it is there yet. */
  | { readonly kind: "more" }
  | { readonly kind: "name"; readonly name: string }
  /** No TLS, no name, more than one, or nothing that a client of today sends. */
  | { readonly kind: "refused"; readonly why: string };

const HANDSHAKE = 22;
/** Records that may follow at once: a change of cipher for old middleboxes, and early data (RFC 8446 section 4.2.10). */
const EARLY: ReadonlySet<number> = new Set([20, 23]);
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;
/** Longest ClientHello: several post-quantum key shares fit. */
const MOST_BYTES = 16_384;

/**
 * Reads the server name of a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3) from the first bytes of a
 * connection. It is looked at and not changed: what the client sent goes on as it is. A hello in several records is put
 * together first; every length must fit exactly.
 */
export function readHello(bytes: Uint8Array): Hello {
  const message = joinRecords(bytes);
  if (!(message instanceof Uint8Array)) return message;
  const reader = new Reader(message);
  try {
    reader.take(4 + 2 + 32); // type and length, version, random
    reader.vector(1); // session
    reader.vector(2); // cipher suites
    reader.vector(1); // compression
    const extensions = new Reader(reader.vector(2));
    reader.end();
    const names: string[] = [];
    while (!extensions.isEmpty) {
      const type = extensions.number(2);
      const body = extensions.vector(2);
      if (type === SERVER_NAME) names.push(readName(body));
    }
    const [name, ...others] = names;
    if (name === undefined) return { kind: "refused", why: "it names no server" };
    return others.length === 0 ? { kind: "name", name } : { kind: "refused", why: "it names two servers" };
  } catch (error) {
    if (error instanceof Misfit) return { kind: "refused", why: error.message };
    throw error;
  }
}

/** The whole handshake message, or what there is to say before it is there. */
function joinRecords(bytes: Uint8Array): Uint8Array | Hello {
  const parts: number[] = [];
  let at = 0;
  for (;;) {
    if (parts.length >= 4) {
      if (parts[0] !== CLIENT_HELLO) return { kind: "refused", why: "it begins with no ClientHello" };
      const length = 4 + (((parts[1] ?? 0) << 16) | ((parts[2] ?? 0) << 8) | (parts[3] ?? 0));
      if (length > MOST_BYTES) return { kind: "refused", why: "its ClientHello is too long" };
      // A client that has said hello waits for the answer, early data apart: what is behind would be something else.
      if (parts.length > length) return { kind: "refused", why: "something follows its ClientHello" };
      if (parts.length === length) {
        return at === bytes.length || EARLY.has(bytes[at] ?? 0)
          ? Uint8Array.from(parts)
          : { kind: "refused", why: "something follows its ClientHello" };
      }
    }
    if (at < bytes.length && bytes[at] !== HANDSHAKE) return { kind: "refused", why: "it is not TLS" };
    if (bytes.length - at < 5) return { kind: "more" };
    if (bytes[at + 1] !== 3) return { kind: "refused", why: "it is not TLS" };
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
    if (length === 0 || length > MOST_BYTES) return { kind: "refused", why: "a record of its is empty or too long" };
    if (bytes.length - at < 5 + length) return { kind: "more" };
    parts.push(...bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
}

function readName(body: Uint8Array): string {
  const list = new Reader(new Reader(body).only(2));
  if (list.number(1) !== HOST_NAME) throw new Misfit("it names a server in another way than by host name");
  const name = list.vector(2);
  list.end();
  return String.fromCharCode(...name);
}

class Misfit extends Error {}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  get isEmpty(): boolean {
    return this.#at === this.#bytes.length;
  }
  take(count: number): Uint8Array {
    const part = this.#bytes.subarray(this.#at, this.#at + count);
    if (part.length !== count) throw new Misfit("a length in its ClientHello does not fit");
    this.#at += count;
    return part;
  }
  number(width: 1 | 2): number {
    return this.take(width).reduce((sum, byte) => sum * 256 + byte, 0);
  }
  /** Bytes after their own length. */
  vector(width: 1 | 2): Uint8Array {
    return this.take(this.number(width));
  }
  /** A vector that is all there is. */
  only(width: 1 | 2): Uint8Array {
    const part = this.vector(width);
    this.end();
    return part;
  }
  end(): void {
    if (!this.isEmpty) throw new Misfit("a length in its ClientHello does not fit");
  }
}
