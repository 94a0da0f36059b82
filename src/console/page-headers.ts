type Headers = readonly (readonly [name: string, value: string])[];

/** Everything is refused but our own files, from this very origin, and no text becomes code. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** What every answer of the console carries, refusals too. */
export const PAGE_HEADERS: Headers = [
  ["content-security-policy", POLICY],
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-embedder-policy", "require-corp"],
  ["cross-origin-resource-policy", "same-origin"],
  ["origin-agent-cluster", "?1"],
  [
    "permissions-policy",
    "camera=(), microphone=(), geolocation=(), clipboard-read=(), publickey-credentials-get=(self)",
  ],
  ["referrer-policy", "no-referrer"],
  ["x-content-type-options", "nosniff"],
  ["x-dns-prefetch-control", "off"],
  ["x-frame-options", "DENY"],
];

/** What an answer carries that sets or ends a session's cookie. */
export function cookieHeader(name: string, { value, seconds }: { value: string; seconds: number }): Headers[number] {
  return ["set-cookie", `${name}=${value}; Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age=${seconds}`];
}
