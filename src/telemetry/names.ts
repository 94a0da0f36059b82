import { DRIVER_NAME } from "../kernel/names.ts";
import { encodeUtf8, toHex } from "../protocol/bytes.ts";
import type { Sha256 } from "../protocol/merkle.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { TelemetrySetting } from "../protocol/telemetry-setting.ts";

/** Longest text of an attribute, UTF-16 units. */
export const MOST_TEXT = 256;
const HASH_HEX = 16;

/** How names are shown to receivers. */
export interface Names {
  /** The name of a resource (a path, an address, a URI, a file, a secret): as it is, or a salted digest of it. */
  resource(name: string): string;
  /** The home itself: the same in all that it tells, and nothing else. */
  home(): string;
  /** What an action is about, in parts that may be shown. */
  subject(record: Extract<LogRecord, { readonly what: string; readonly agent: string }>): Subject;
}

/** What an action is about. */
export interface Subject {
  readonly driver: string;
  readonly verb: "call" | "read" | "prompt";
  readonly name: string;
}

const VERBS = { "/": "call", "#": "read", "@": "prompt" } as const;

/**
 * Makes it. With `hashed`, only words go out as they are that an owner signed for or that are ours: the driver and the tool
 * of an action that passed select. What an agent chose freely, and every path and address, is a digest under the salt.
 */
export function createNames(
  mode: TelemetrySetting["names"],
  { salt, sha256 }: { readonly salt: string; readonly sha256: Sha256 },
): Names {
  const hashed = (name: string): string => toHex(sha256(encodeUtf8(`${salt}\n${name}`))).slice(0, HASH_HEX);
  const resource = (name: string): string => (mode === "shown" ? showText(name) : `hashed-${hashed(name)}`);
  return {
    resource,
    home: () => hashed(""),
    subject(record) {
      const [, driver = "", mark, name = ""] = /^([^/#@]*)([/#@]?)(.*)$/s.exec(record.what) ?? [];
      const verb = mark === "#" || mark === "@" ? VERBS[mark] : "call";
      // Until then neither is more than a word of the agent's.
      const selected = record.kind !== "denied" || !["decide", "select"].includes(record.stage);
      return {
        driver: selected && DRIVER_NAME.test(driver) ? driver : resource(driver),
        verb,
        name: selected && verb === "call" ? showText(name) : resource(name),
      };
    },
  };
}

/** A text as it may stand in an attribute: control and invisible characters escaped, cut to length. */
export function showText(text: string, most: number = MOST_TEXT): string {
  const shown = text
    .slice(0, most)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
  return shown.length <= most ? shown : `${shown.slice(0, most - 1).toWellFormed()}…`;
}
