import { isObject, parseJson, type JsonValue } from "./json.ts";
import type { NetBody } from "./net.ts";

/** Parameters of a call of a chat service by name: JSON values where the body was JSON, texts where it was a form. */
export interface ChatParameters {
  readonly values: ReadonlyMap<string, JsonValue>;
  /** Names of the parts that are files. */
  readonly files: ReadonlySet<string>;
}

/** What was not understood in one way only; `message` says what. */
export class Unread extends Error {}

const MOST_PARAMETERS = 64;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const TYPE = /^(application\/json|application\/x-www-form-urlencoded)(?:; ?charset=utf-8)?$/i;
const MULTIPART = /^multipart\/form-data; ?boundary=([A-Za-z0-9_-]{8,70})$/i;
/** A name without anything that one parser unescapes and another does not. */
const DISPOSITION =
  /^content-disposition: ?form-data; ?name="([A-Za-z_0-9]{1,64})"(?:; ?(filename)=(?:"[^"\\]*"|[^";\\]*))?$/i;

/**
 * The parameters in the body of a request, in the three forms that chat services take. Each name once, each form in its plain
 * spelling: what two parsers could read differently is thrown as `Unread`.
 */
export function readParameters(headers: readonly (readonly [string, string])[], body: NetBody): ChatParameters {
  const values = (name: string): readonly string[] =>
    headers.flatMap(([each, value]) => (each === name ? [value] : []));
  if (values("content-encoding").length > 0) throw new Unread("its body is encoded");
  if (body.kind === "none") return { values: new Map(), files: new Set() };
  if (body.kind === "stream") throw new Unread("its body is too long to be looked at");
  const [type = "", ...others] = values("content-type");
  if (others.length > 0) throw new Unread("its body has two types");
  const [, boundary] = MULTIPART.exec(type) ?? [];
  if (boundary !== undefined) return readMultipart(body.kind === "text" ? body.text : latin1(body.base64), boundary);
  const [, plain = ""] = TYPE.exec(type) ?? [];
  if (plain === "" || body.kind !== "text") throw new Unread("its body is neither JSON nor a form");
  const read = plain.toLowerCase() === "application/json" ? readJson(body.text) : readForm(body.text);
  return { values: read, files: new Set() };
}

function readJson(text: string): ReadonlyMap<string, JsonValue> {
  const parsed = parseJson(text);
  if (parsed.kind === "refused") throw new Unread(`its body is no plain JSON: ${parsed.message}`);
  // Where ids are whole numbers a service may read digits and stop: 12345.6e1 is 123456 here and 12345 there.
  if (/[0-9][.eE]/.test(text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""'))) throw new Unread("a number is not a plain one");
  if (!isObject(parsed.value)) throw new Unread("its body is no JSON object");
  return collect(Object.entries(parsed.value));
}

function readForm(text: string): ReadonlyMap<string, JsonValue> {
  return collect(
    text.split("&").map((pair) => {
      const [, name = "", value = ""] = /^([^=]*)=([^=]*)$/.exec(pair) ?? [];
      return [name, unescape(value)];
    }),
  );
}

function unescape(value: string): string {
  if (!/^(?:[A-Za-z0-9\-._~*!'()+]|%[0-9A-Fa-f]{2})*$/.test(value)) throw new Unread("its form is not escaped plainly");
  try {
    return decodeURIComponent(value.replaceAll("+", " "));
  } catch {
    throw new Unread("its form is no UTF-8");
  }
}

/** RFC 7578, without preamble, epilogue, comments, folded headers and encodings: nothing that a client needs. */
function readMultipart(text: string, boundary: string): ChatParameters {
  const mark = `--${boundary}`;
  const begins = text.startsWith(`${mark}\r\n`);
  const end = text.endsWith(`\r\n${mark}--\r\n`) ? 4 : text.endsWith(`\r\n${mark}--`) ? 2 : null;
  if (!begins || end === null) throw new Unread("its parts do not begin and end plainly");
  const inner = text.slice(mark.length + 2, text.length - (mark.length + end + 2));
  const parts = inner.split(`\r\n${mark}\r\n`);
  // A parser that is content with less than a whole line would find more parts than this one.
  if (parts.some((part) => part.includes(mark))) throw new Unread("its parts hold their own boundary");
  const files = new Set<string>();
  const entries: [string, string][] = [];
  for (const part of parts) {
    const split = part.indexOf("\r\n\r\n");
    const [disposition = "", type, ...more] = part.slice(0, Math.max(0, split)).split("\r\n");
    const [, name = "", file] = DISPOSITION.exec(disposition) ?? [];
    const typed = type === undefined || (file !== undefined && /^content-type: ?[!-~]{1,100}$/i.test(type));
    if (split < 0 || name === "" || !typed || more.length > 0) throw new Unread("a part's head is not a plain one");
    entries.push([name, file === undefined ? part.slice(split + 4) : ""]);
    if (file !== undefined) files.add(name);
  }
  const values = new Map(collect(entries));
  for (const name of files) values.delete(name);
  return { values, files };
}

function collect(entries: readonly (readonly [string, JsonValue])[]): ReadonlyMap<string, JsonValue> {
  const values = new Map<string, JsonValue>();
  if (entries.length > MOST_PARAMETERS) throw new Unread(`it has over ${MOST_PARAMETERS} parameters`);
  for (const [name, value] of entries) {
    if (!NAME.test(name) && !/^[a-z0-9]{1,64}$/.test(name)) throw new Unread("a parameter has no plain name");
    if (values.has(name)) throw new Unread(`${name} is there a second time`);
    values.set(name, value);
  }
  return values;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Bytes as characters: enough to find parts by their names, which are ASCII. */
function latin1(base64: string): string {
  const units: number[] = [];
  let held = 0;
  let bits = 0;
  for (const letter of base64.replaceAll("=", "")) {
    held = ((held << 6) | ALPHABET.indexOf(letter)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    units.push((held >> bits) & 0xff);
  }
  let text = "";
  for (let at = 0; at < units.length; at += 4096) text += String.fromCharCode(...units.slice(at, at + 4096));
  return text;
}
