/**
 * What one sandbox is made of. Pure data: `bwrap.ts` turns it into an argument list, `seccomp.ts` into a filter,
 * `platform/` starts it. There is no field that weakens the rest.
 */
export interface SandboxSpec {
  readonly role: "agent" | "face" | "driver" | "connector" | "exec";
  /** argv inside; argv[0] is an absolute path inside the sandbox or is looked up in PATH. */
  readonly command: readonly string[];
  /** Absolute path inside. */
  readonly cwd: string;
  /** The whole environment; nothing is inherited. */
  readonly environment: { readonly [name: string]: string };
  readonly mounts: readonly Mount[];
  /**
   * Number of inherited socketpairs; they appear as descriptors 3, 4, … inside. An agent has none but the one over which
   * its launcher hands out the listener of its proxy, and one more for visits of published ports; both are closed when it
   * becomes the agent.
   */
  readonly channels: number;
  /** The last channel of an agent is the one over which its launcher hands out sockets for visitors of published ports. */
  readonly published: boolean;
  /**
   * Ports of an agent's loopback address at which its launcher listens besides those of its proxy and models, and which it
   * hands out over the same channel, by their place in this list; left out, there are none.
   */
  readonly forwards?: readonly number[];
  /**
   * Whether an agent may start programs inside, after its own: with "none" every later one is refused. Means nothing for
   * other roles, which are "any".
   */
  readonly programs: "none" | "any";
  /**
   * Writable mounts, by their place inside, in which an agent changes nothing itself: the storage device does it on its
   * behalf, refuses control names and keeps what can be undone. For role "agent" only; left out, there is none.
   */
  readonly guarded?: readonly string[];
  /** The streams of an agent are a terminal, which becomes that of a session inside. */
  readonly terminal: boolean;
  /** `host` only for the connector, which serves one fixed address. */
  readonly network: "none" | "host";
  readonly limits: {
    readonly processes: number;
    readonly openFiles: number;
    readonly fileBytes: number;
    readonly memoryBytes: number;
  };
}

export type Mount =
  | { readonly kind: "read"; readonly host: string; readonly inside: string }
  | { readonly kind: "write"; readonly host: string; readonly inside: string }
  /** A device node, at its own place; for agents only. */
  | { readonly kind: "device"; readonly host: string; readonly inside: string }
  | { readonly kind: "tmpfs"; readonly inside: string; readonly bytes: number }
  /** An empty read-only folder; what is mounted below it is all that it holds. */
  | { readonly kind: "sealed"; readonly inside: string }
  /** A small read-only file with these contents (passwd, resolv.conf …). */
  | { readonly kind: "text"; readonly inside: string; readonly text: string };
