export const SERVER_CLIMBS = ["prohibited-call", "refused-calls"] as const;

/** For what an MCP server is ended and not started again until an owner signs for it anew. */
export type ServerClimb = (typeof SERVER_CLIMBS)[number];

export const SERVER_ENDS = ["prohibited-call", "refused-calls", "pin-changed"] as const;

/** For what every run of a pin is ended. `pin-changed`: it is another one than was signed for. */
export type ServerEnd = (typeof SERVER_ENDS)[number];

/** Nothing starts what has this pin until an owner signs for it anew. */
export interface ServerQuarantined {
  readonly kind: "driver-quarantined";
  readonly driver: string;
  readonly pin: string;
  readonly found: string;
  /** What it did; then it is the one that was signed for. Left out: it is another one. */
  readonly why?: ServerClimb;
}

/** After `ServerQuarantined`, for each instance that ran it or was starting it. */
export interface ServerEnded {
  readonly kind: "driver-ended";
  readonly instance: string;
  readonly agent: string;
  readonly driver: string;
  readonly pin: string;
  readonly code: ServerEnd;
}

/** What happened inside the sandbox of a server that nobody has signed for yet, while it was asked what it offers. */
export interface ProbeObserved {
  readonly kind: "probe-observed";
  readonly driver: string;
  /** Programs that were started, its own among them; 0 when it is about refused calls. */
  readonly count: number;
  readonly calls: { readonly [call: string]: number };
}
