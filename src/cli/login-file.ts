import { isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { decodeLoginTerms, type LoginTerms } from "../kernel/secret-document.ts";
import { decodeUtf8, fromBase64 } from "../protocol/bytes.ts";
import { tokensText, type Tokens } from "../protocol/login.ts";

/** What a person's file says of a login: the text of its tokens, which is sealed, and its terms, which are signed. */
export interface LoginFile {
  /** Whose file it is, for what is shown. */
  readonly from: string;
  readonly text: string;
  readonly terms: LoginTerms;
}

type Read = { readonly kind: "ok"; readonly value: LoginFile } | { readonly kind: "refused"; readonly message: string };

/** Public facts about two programs' logins; what their makers change is named in a file of our own form instead. */
const CLAUDE: Pick<LoginTerms, "endpoint" | "client" | "format"> = {
  endpoint: "https://console.anthropic.com/v1/oauth/token",
  client: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
  format: "json",
};
const CODEX: Pick<LoginTerms, "endpoint" | "client" | "format"> = {
  endpoint: "https://auth.openai.com/oauth/token",
  client: "app_EMoamEEZ73f0CkXaXp7hrann",
  format: "json",
};

/** The fields of a file of our own form. */
const OWN = ["accessToken", "clientId", "expiresAt", "format", "refreshToken", "scopes", "tokenEndpoint"];
const NEEDED = ["accessToken", "clientId", "refreshToken", "tokenEndpoint"];

/**
 * Reads a login from the text of a file: one of Claude Code (`claudeAiOauth`), one of Codex (`tokens`), or one of our own form
 * `{accessToken, refreshToken, expiresAt?, tokenEndpoint, clientId, scopes?, format?}`. Nothing of its tokens is in what is
 * said about it.
 */
export function readLoginFile(text: string): Read {
  const parsed = parseJson(text);
  if (parsed.kind !== "ok" || !isObject(parsed.value)) return refuse("it is no JSON object");
  const { claudeAiOauth: claude, tokens } = parsed.value;
  if (isObject(claude)) {
    const { accessToken, refreshToken, expiresAt } = claude;
    return make("Claude Code", [accessToken, refreshToken, expiresAt], { ...CLAUDE, scopes: [] });
  }
  if (isObject(tokens)) {
    const { access_token: access, refresh_token: refresh } = tokens;
    return make("Codex", [access, refresh, endOf(access)], { ...CODEX, scopes: [] });
  }
  return readOwn(parsed.value);
}

function readOwn(file: JsonObject): Read {
  const unknown = Object.keys(file).find((name) => !OWN.includes(name));
  const missing = NEEDED.find((name) => !Object.hasOwn(file, name));
  if (missing !== undefined) return refuse(`it has no "${missing}"`);
  if (unknown !== undefined) return refuse("it has a field that is not known");
  const { accessToken, refreshToken, expiresAt, tokenEndpoint: endpoint, clientId: client, scopes, format } = file;
  const terms = { endpoint: endpoint ?? null, client: client ?? null, scopes: scopes ?? [], format: format ?? "form" };
  return make("a login", [accessToken, refreshToken, expiresAt], terms);
}

function make(
  from: string,
  [access, refresh, expires]: readonly [JsonValue | undefined, JsonValue | undefined, JsonValue | undefined],
  given: JsonValue,
): Read {
  const terms = decodeLoginTerms(given);
  if (terms.kind !== "ok") return refuse(`its terms do not fit: ${terms.message}`);
  if (typeof access !== "string" || typeof refresh !== "string")
    return refuse("it has no access token and refresh token");
  const ends = expires ?? null;
  if (ends !== null && typeof ends !== "number") return refuse("its expiry is no number of milliseconds");
  const tokens: Tokens = { access, refresh, expires: ends };
  const text = tokensText(tokens);
  if (text === null) return refuse("its tokens are not 8 to 4000 printable ASCII characters, or its expiry is no time");
  return { kind: "ok", value: { from, text, terms: terms.value } };
}

/** When a token that is a JWT says that it ends, in milliseconds; null when it does not. It is a hint and proves nothing. */
function endOf(token: JsonValue | undefined): number | null {
  const [, body = ""] = typeof token === "string" ? token.split(".") : [];
  const base64 = body.replaceAll("-", "+").replaceAll("_", "/");
  const bytes = fromBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, "="));
  const claims = parseJson((bytes === null ? null : decodeUtf8(bytes)) ?? "");
  const ends = claims.kind === "ok" && isObject(claims.value) ? claims.value["exp"] : null;
  return typeof ends === "number" && Number.isSafeInteger(ends) && ends > 0 ? ends * 1000 : null;
}

function refuse(message: string): Read {
  return { kind: "refused", message };
}
