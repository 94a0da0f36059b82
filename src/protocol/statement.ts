/** What an owner signs. One shape for every authority-bearing act, told apart by `purpose`; docs/formats/statement.md. */
export const PURPOSES = [
  "enrol-owner",
  "approve-action",
  "sign-grant",
  "revoke-grant",
  "set-policy",
  "thaw-instance",
  "restart-agent",
  "set-clock",
] as const;
export type Purpose = (typeof PURPOSES)[number];

export interface Statement {
  readonly v: 1;
  readonly purpose: Purpose;
  readonly decision: "allow" | "deny";
  /** 32 lower-case hex digits: the request nonce of a held action, or one that the monitor drew. Used once. */
  readonly nonce: string;
  /** `sha256:…` of the canonical bytes of the action or document. */
  readonly subject: string;
  /** `sha256:…` of the rules in force. */
  readonly policy: string;
  /** Start id of the monitor: 32 lower-case hex digits. */
  readonly start: string;
  /** Milliseconds since 1970 UTC. */
  readonly expires: number;
  /** `ed25519:` and the first 16 hex digits of the SHA-256 of the raw public key. */
  readonly key: string;
}

/** DSSE envelope (github.com/secure-systems-lab/dsse), one signature, Ed25519. Base64 is the standard alphabet, padded. */
export interface Envelope {
  readonly payloadType: "application/vnd.aios.statement.v1+json";
  readonly payload: string;
  readonly signatures: readonly [{ readonly keyid: string; readonly sig: string }];
}
