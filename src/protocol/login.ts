import { canonicalize } from "../kernel/canonical.ts";
import { isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";
import type { LoginTerms } from "../kernel/secret-document.ts";
import { secretProblem } from "./commitment.ts";

/** The tokens of a login: what is sealed as the value of a secret of kind `oauth`. */
export interface Tokens {
  readonly access: string;
  readonly refresh: string;
  /** When the access token ends, milliseconds since 1970 UTC; null when its server did not say. */
  readonly expires: number | null;
}

/** A token: two of the longest fit into one value. */
export const TOKEN: RegExp = /^[\x21-\x7e]{8,4000}$/;
/** A year: what lasts longer is taken for one that does. */
const MOST_SECONDS = 31_536_000;
const LATEST = 8_640_000_000_000_000;

/** The text that is sealed for tokens; null when one cannot be a token or both are too long. */
export function tokensText({ access, refresh, expires }: Tokens): string | null {
  const text = canonicalize({ access, expires, refresh });
  return readTokens(text) === null || secretProblem(text) !== null ? null : text;
}

/** Tokens from their text; null for everything else. */
export function readTokens(text: string): Tokens | null {
  const value = objectIn(text);
  if (value === null || Object.keys(value).length !== 3) return null;
  const access = tokenIn(value["access"]);
  const refresh = tokenIn(value["refresh"]);
  const { expires } = value;
  if (access === null || refresh === null) return null;
  if (expires === null) return { access, refresh, expires };
  const whole = typeof expires === "number" && Number.isSafeInteger(expires) && expires >= 0 && expires <= LATEST;
  return whole ? { access, refresh, expires } : null;
}

/** What a token endpoint gave: a refresh token only when it is another one. */
export interface Renewed {
  readonly access: string;
  readonly refresh: string | null;
  /** How long the access token lasts; null when that was not said. */
  readonly seconds: number | null;
}

/** Reads the answer of a token endpoint (RFC 6749, section 5.1), whose unknown fields mean nothing; null when it is none. */
export function readRenewal(text: string): Renewed | null {
  const value = objectIn(text);
  if (value === null) return null;
  const { token_type: type, access_token: given, refresh_token: next, expires_in: lasts } = value;
  if (type !== undefined && (typeof type !== "string" || type.toLowerCase() !== "bearer")) return null;
  const access = tokenIn(given);
  const refresh = next === undefined || next === null ? null : tokenIn(next);
  if (access === null || (refresh === null && next !== undefined && next !== null)) return null;
  if (lasts === undefined || lasts === null) return { access, refresh, seconds: null };
  if (typeof lasts !== "number" || !Number.isFinite(lasts) || lasts < 1) return null;
  return { access, refresh, seconds: Math.min(Math.floor(lasts), MOST_SECONDS) };
}

/** The body of a refresh (RFC 6749, section 6) in the format that the terms name. */
export function refreshBody(
  { client, scopes, format }: LoginTerms,
  refresh: string,
): { readonly type: string; readonly text: string } {
  const scope = scopes.length === 0 ? {} : { scope: scopes.join(" ") };
  const fields = { grant_type: "refresh_token", refresh_token: refresh, client_id: client, ...scope };
  if (format === "json") return { type: "application/json", text: canonicalize(fields) };
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return { type: "application/x-www-form-urlencoded", text: pairs.join("&") };
}

function objectIn(text: string): JsonObject | null {
  const parsed = parseJson(text);
  return parsed.kind === "ok" && isObject(parsed.value) ? parsed.value : null;
}

function tokenIn(value: JsonValue | undefined): string | null {
  return typeof value === "string" && TOKEN.test(value) ? value : null;
}
