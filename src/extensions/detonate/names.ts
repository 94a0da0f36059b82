/** Addresses that were made up for names, and names that were asked for. */
export interface NameBook {
  /** The answer to a query of one question (RFC 1035); null for what is none. Every name has an address. */
  answer(query: Uint8Array): { readonly name: string; readonly message: Uint8Array } | null;
  /** The name that an address was made up for. */
  nameOf(address: string): string | null;
}

const HEADER = 12;
const NAME_MOST = 255;
const TYPE_A = 1;

/** Made-up addresses lie in 198.18.0.0/15, which is for tests and is routed nowhere (RFC 2544). */
export function createNameBook(): NameBook {
  const addresses = new Map<string, number>();
  return {
    answer(query) {
      const question = readQuestion(query);
      if (question === null) return null;
      const { name, type, end } = question;
      const key = name.toLowerCase();
      const number = addresses.get(key) ?? addresses.size + 2;
      if (addresses.size < 60_000) addresses.set(key, number);
      const address = type === TYPE_A ? [198, 18 + ((number >> 16) & 1), (number >> 8) & 255, number & 255] : null;
      const head = new Uint8Array(query.subarray(0, HEADER));
      // An answer, recursion is there, no error; one question, and one answer at most.
      head.set([0x81, 0x80, 0, 1, 0, address === null ? 0 : 1, 0, 0, 0, 0], 2);
      const record = address === null ? [] : [0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, ...address];
      return { name, message: Uint8Array.from([...head, ...query.subarray(HEADER, end), ...record]) };
    },
    nameOf(address) {
      const [one, two = 0, three = 0, four = 0] = address.split(".").map(Number);
      if (one !== 198 || (two !== 18 && two !== 19)) return null;
      const number = ((two - 18) << 16) + (three << 8) + four;
      for (const [name, each] of addresses) if (each === number) return name;
      return null;
    },
  };
}

function readQuestion(
  query: Uint8Array,
): { readonly name: string; readonly type: number; readonly end: number } | null {
  if (query.length < HEADER + 5 || ((query[2] ?? 0) & 0xf8) !== 0 || query[4] !== 0 || query[5] !== 1) return null;
  const labels: string[] = [];
  let at = HEADER;
  for (let length = query[at] ?? 0; length !== 0; length = query[at] ?? 0) {
    if (length > 63 || at + length + 5 >= query.length || at > HEADER + NAME_MOST) return null;
    labels.push(String.fromCharCode(...query.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return { name: labels.join("."), type: ((query[at + 1] ?? 0) << 8) + (query[at + 2] ?? 0), end: at + 5 };
}

/** Whether the first bytes of a stream are a query of names over TCP: its length, then a question. */
export function isNameQuery(bytes: Uint8Array): boolean {
  const length = ((bytes[0] ?? 0) << 8) + (bytes[1] ?? 0);
  return bytes.length >= 2 + HEADER && length >= HEADER + 5 && readQuestion(bytes.subarray(2)) !== null;
}
