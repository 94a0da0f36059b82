import { nameText, refuse } from "./fault.ts";

/** What a pax header says of an entry, as far as it matters here; times and owners are nobody's business. */
export interface PaxHeader {
  readonly path: string | null;
  readonly size: number | null;
}

/** Reads the records of a pax header (POSIX.1-2017): `LENGTH KEY=VALUE\n` each. Throws ArchiveFault. */
export function readPaxHeader(bytes: Uint8Array): PaxHeader {
  let path: string | null = null;
  let size: number | null = null;
  const seen = new Set<string>();
  for (let from = 0; from < bytes.length;) {
    const record = readRecord(bytes, from);
    from = record.end;
    if (seen.has(record.key)) refuse("archive-malformed", `a header of it says "${record.key}" twice`);
    seen.add(record.key);
    if (record.key === "path") path = record.value;
    else if (record.key === "size") size = readSize(record.value);
    else if (record.key === "linkpath") refuse("archive-link", `it has a link to "${record.value}"`);
    else if (record.key.startsWith("GNU.sparse") || record.key === "hdrcharset")
      refuse("archive-unsupported", `a header of it says "${record.key}"`);
  }
  return { path, size };
}

function readRecord(bytes: Uint8Array, from: number): { key: string; value: string; end: number } {
  const space = bytes.indexOf(0x20, from);
  const digits = space < 0 ? "" : String.fromCharCode(...bytes.subarray(from, Math.min(space, from + 8)));
  const end = from + Number(digits);
  if (!/^[1-9][0-9]{0,6}$/u.test(digits) || end > bytes.length || bytes[end - 1] !== 0x0a || end - 1 < space + 1)
    return refuse("archive-malformed", "a header of it is no list of records");
  const equals = bytes.indexOf(0x3d, space);
  if (equals < 0 || equals >= end) return refuse("archive-malformed", "a header of it is no list of records");
  return {
    key: nameText(bytes.subarray(space + 1, equals)),
    value: nameText(bytes.subarray(equals + 1, end - 1)),
    end,
  };
}

function readSize(text: string): number {
  if (!/^(?:0|[1-9][0-9]{0,11})$/u.test(text)) return refuse("archive-malformed", "a size of it is no number");
  return Number(text);
}
