type Headers = readonly (readonly [name: string, value: string])[];

/** Everything is refused but our own files, from this very origin, and no text becomes code. */
const POLICY = policy({ scripts: "'self'", connects: "'self'" });

/** May be asked for and framed by nobody, and does nothing with passkeys. */
const PLAIN = headers({
  policy: POLICY,
  opener: "same-origin",
  passkeys: "publickey-credentials-get=(), publickey-credentials-create=()",
});

/** The pages that use passkeys: which of the two they may, and all that they may ask for. */
const PASSKEY_PAGES: ReadonlyMap<string, { readonly passkeys: string; readonly asks: readonly string[] }> = new Map([
  [
    "/sign",
    {
      passkeys: "publickey-credentials-get=(self), publickey-credentials-create=()",
      asks: [
        "door/passkey-party",
        "door/sign-in-open",
        "door/sign-in",
        "ask/owners",
        "ask/held-show",
        "ask/prepare",
        "ask/submit",
        "ask/log-show",
        "ask/proposed-grant",
        "ask/narrow-grant",
      ],
    },
  ],
  [
    "/enrol",
    {
      passkeys: "publickey-credentials-get=(), publickey-credentials-create=(self)",
      asks: ["door/enrolment-open", "door/enrolment-offer"],
    },
  ],
]);

/**
 * What every answer of the console carries, refusals too. A page that uses passkeys has a policy of its own, and a browser
 * opens it apart from every other page of the origin: none of them has a window of it.
 * @param authority `NAME.localhost:PORT`.
 * @param path of the file, or null for what is no page.
 */
export function pageHeaders(authority: string, path: string | null): Headers {
  const page = path === null ? undefined : PASSKEY_PAGES.get(path);
  if (page === undefined) return PLAIN;
  const at = (target: string): string => `http://${authority}/${target}`;
  return headers({
    policy: policy({ scripts: at("m/"), connects: page.asks.map(at).join(" ") }),
    opener: "noopener-allow-popups",
    passkeys: page.passkeys,
  });
}

function policy({ scripts, connects }: { readonly scripts: string; readonly connects: string }): string {
  return [
    "default-src 'none'",
    `script-src ${scripts}`,
    "style-src 'self'",
    "img-src 'self'",
    `connect-src ${connects}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

function headers(own: { readonly policy: string; readonly opener: string; readonly passkeys: string }): Headers {
  return [
    ["content-security-policy", own.policy],
    ["cross-origin-opener-policy", own.opener],
    ["cross-origin-embedder-policy", "require-corp"],
    ["cross-origin-resource-policy", "same-origin"],
    ["origin-agent-cluster", "?1"],
    ["permissions-policy", `camera=(), microphone=(), geolocation=(), clipboard-read=(), ${own.passkeys}`],
    ["referrer-policy", "no-referrer"],
    ["x-content-type-options", "nosniff"],
    ["x-dns-prefetch-control", "off"],
    ["x-frame-options", "DENY"],
  ];
}

/** Has a browser forget what it keeps for the name that was asked: nothing of ours is there. */
export const FORGET: Headers[number] = ["clear-site-data", '"cache", "storage"'];

/** What an answer carries that sets or ends a session's cookie. */
export function cookieHeader(name: string, { value, seconds }: { value: string; seconds: number }): Headers[number] {
  return ["set-cookie", `${name}=${value}; Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age=${seconds}`];
}
