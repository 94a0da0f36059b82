import type { Decoded } from "./decoded.ts";
import { isObject, type JsonValue } from "./json.ts";
import { SHA256 } from "./names.ts";
import { netPath } from "./net.ts";
import { isUnder } from "./paths.ts";
import { readDocument, type Place } from "./reading.ts";
import { parseSecretOrigin, readSecretName, type HeaderBinding, type PathBinding, type Origin } from "./secrets.ts";

/**
 * What a secret is. `value`: one text, which stays as it is until its owner rotates it. `oauth`: a login, whose access token
 * is injected and renewed at its endpoint with a refresh token that goes nowhere else (RFC 6749, section 6).
 */
export const SECRET_KINDS = ["value", "oauth"] as const;

/** How the parameters of a refresh are written: as RFC 6749 has it, or as an object of JSON, which some endpoints want. */
export const REFRESH_FORMATS = ["form", "json"] as const;

/** What an owner signs of a login: where its tokens are renewed and as whom. None of it is secret. */
export interface LoginTerms {
  /** `https://host/path`, or `http://localhost/path`, without a query. */
  readonly endpoint: string;
  readonly client: string;
  /** Asked for with each refresh; none leaves them as they were granted. */
  readonly scopes: readonly string[];
  readonly format: (typeof REFRESH_FORMATS)[number];
}

/** The document of `set-secret` and `rotate-secret`: a commitment to the value or to the tokens, never themselves. */
export type SecretDocument =
  | { readonly kind: "value"; readonly secret: string; readonly commitment: string }
  | { readonly kind: "oauth"; readonly secret: string; readonly commitment: string; readonly login: LoginTerms };

/** Decodes what is signed when a secret is set or rotated. */
export function decodeSecret(value: JsonValue): Decoded<SecretDocument> {
  return readDocument(value, (place) => {
    if (isObject(value) && value["kind"] === "oauth") {
      const at = place.fields("secret", "kind", "commitment", "login");
      return { ...readHead(at), kind: "oauth", login: readTerms(at("login")) };
    }
    const at = place.fields("secret", "kind", "commitment");
    at("kind").oneOf(SECRET_KINDS);
    return { ...readHead(at), kind: "value" };
  });
}

function readHead(at: (name: "secret" | "commitment") => Place): {
  readonly secret: string;
  readonly commitment: string;
} {
  return {
    secret: readSecretName(at("secret")),
    commitment: at("commitment").text(SHA256, "sha256: and 64 lower-case hex digits"),
  };
}

/** Decodes the terms of a login alone. */
export function decodeLoginTerms(value: JsonValue): Decoded<LoginTerms> {
  return readDocument(value, readTerms);
}

function readTerms(place: Place): LoginTerms {
  const at = place.fields("endpoint", "client", "scopes", "format");
  const { value } = at("endpoint");
  if (typeof value !== "string" || parseEndpoint(value) === null)
    return at("endpoint").fail("not https to a host name, nor http to localhost, with a path and nothing after it");
  return {
    endpoint: value,
    client: at("client").text(/^[\x21-\x7e]{1,256}$/, "the id of a client"),
    scopes: at("scopes").names(32, (scope) => scope.text(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, "a scope")),
    format: at("format").oneOf(REFRESH_FORMATS),
  };
}

/** Takes an endpoint apart; null for every spelling but the one. */
export function parseEndpoint(endpoint: string): { readonly origin: Origin; readonly path: string } | null {
  const [, to = "", path = ""] = /^(https?:\/\/[^/?#]{1,300})(\/[\x21-\x7e]{0,1023})$/.exec(endpoint) ?? [];
  const origin = parseSecretOrigin(to);
  return origin === null || netPath(path) !== path ? null : { origin, path };
}

/**
 * Whether a binding admits requests to the endpoint at which a login is renewed. What that answers are tokens, which would
 * come back to the agent: they are in nobody's hands yet who could take them out.
 */
export function reachesEndpoint(
  binding: Pick<HeaderBinding, "to" | "path"> | Pick<PathBinding, "to" | "after">,
  { endpoint }: LoginTerms,
): boolean {
  const place = parseEndpoint(endpoint);
  const to = parseSecretOrigin(binding.to);
  if (place === null || to === null) return true;
  const same = to.scheme === place.origin.scheme && to.host === place.origin.host && to.port === place.origin.port;
  if (!same) return false;
  return "after" in binding
    ? binding.after.some((begin) => place.path.startsWith(begin))
    : isUnder(place.path, binding.path);
}
