import type { Verb } from "./action.ts";
import type { HomeGrant } from "./home-grant.ts";
import type { Hours } from "./hours.ts";
import type { Budget } from "./infer.ts";
import type { SecretUse } from "./secrets.ts";
import type { NamedLimits } from "./sandbox-limits.ts";

/** DESIGN 5, least to most. An unclassified tool is `reserved`. */
export const RISKS = ["observe", "stage", "infer", "reach", "reserved", "prohibited"] as const;
export type Risk = (typeof RISKS)[number];

/** What an instance has taken in. `untrusted`: words from outside. `private`: its user's data. `secret`: a credential. */
export const LABELS = ["untrusted", "private", "secret"] as const;
export type Label = (typeof LABELS)[number];

/** Kinds of typed tokens that a recipient argument may hold and that human words are searched for. */
export const RECIPIENT_KINDS = ["email", "account", "host", "handle"] as const;
export type RecipientKind = (typeof RECIPIENT_KINDS)[number];

/** Type of an argument that rules may name; others reach rules only as a digest. `decimal`: at most 4 fraction digits. */
export const FIELD_TYPES = ["string", "path", "long", "decimal", "bool", "strings"] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

/** What a sandbox holds of its instance's workspace. */
export const WORKSPACES = ["none", "read", "write"] as const;
export type Workspace = (typeof WORKSPACES)[number];

/**
 * Whether an agent may start programs inside its sandbox, after its own. Inside the wall a granted shell is otherwise free:
 * it has no authority there to abuse (DESIGN 5).
 */
export const PROGRAMS = ["none", "any"] as const;
export type Programs = (typeof PROGRAMS)[number];

/** How an owner classified one tool. Signed as part of the grant, so that the class cannot move afterwards. */
export interface ToolClass {
  readonly risk: Risk;
  /** Labels that the instance collects when a result comes back. */
  readonly labels: readonly Label[];
  /** Arguments that rules may name, with their type. A present argument of another type is refused. */
  readonly fields: { readonly [argument: string]: FieldType };
  /** Arguments that name third parties (a string or a list of strings). Present and non-empty lifts the risk to `reach`. */
  readonly recipients: { readonly [argument: string]: RecipientKind };
}

/** Where a driver's MCP server comes from and what its sandbox holds. */
export type DriverSource =
  | {
      readonly kind: "stdio";
      /** argv inside the sandbox; argv[0] `node` means the substrate's own Node. */
      readonly command: readonly string[];
      /** Host paths mounted read-only at the same place: the server's code. Their content digest is part of the pin. */
      readonly code: readonly string[];
      /** The instance's workspace as the server sees it at /workspace. */
      readonly workspace: Workspace;
    }
  | {
      /** A server from the store of extensions; its tree is read-only at `EXTENSION_PLACE`. */
      readonly kind: "ext";
      /** Id of the extension: the digest of every byte of its tree (docs/formats/extension.md). */
      readonly extension: string;
      /** As for `stdio`; nothing of the host is there but the system's own programs. */
      readonly command: readonly string[];
      readonly workspace: Workspace;
    }
  | {
      readonly kind: "http";
      /** One origin and path; the only address the driver's connector reaches. `http:` only for loopback. */
      readonly url: string;
    }
  /** The network device, which is built in; its driver is named `net` and its classes are compiled in (kernel/net.ts). */
  | { readonly kind: "net" }
  /** The inference device, likewise; its driver is named `infer` (kernel/infer.ts). */
  | { readonly kind: "infer" }
  /** Git over SSH, likewise; its driver has the same name (kernel/git-ssh.ts). */
  | { readonly kind: "git-ssh" }
  /** Memory, likewise; its driver is named `memory`, and unlike the others its tools are seen by agents (kernel/memory.ts). */
  | { readonly kind: "memory" };

/** Sources that are built in. */
export type BuiltIn = Exclude<DriverSource["kind"], "stdio" | "ext" | "http">;

/** Where the tree of an extension lies in the sandbox of its driver. */
export const EXTENSION_PLACE = "/extension";

/** What a driver's server sees of its instance's workspace. */
export function workspaceOf(source: DriverSource): Workspace {
  return source.kind === "stdio" || source.kind === "ext" ? source.workspace : "none";
}

export interface DriverSpec {
  readonly source: DriverSource;
  /** `sha256:…` over source, code content and the offered tool set; what `select` compares. */
  readonly pin: string;
  readonly tools: { readonly [tool: string]: ToolClass };
  /** URI prefixes of resources; a read of one is `observe` with these labels. Equality or prefix ending in `/`. */
  readonly resources: readonly string[];
  readonly prompts: readonly string[];
}

/** A condition on one named field. `under` is for paths: equal or below, on whole segments. */
export type Condition =
  | { readonly equals: string | number | boolean }
  | { readonly in: readonly string[] }
  | { readonly under: string }
  | { readonly max: number };

export interface Allow {
  /** `driver/tool`, `driver#resource-prefix` for reads or `driver@prompt`. */
  readonly what: string;
  readonly where: { readonly [field: string]: Condition };
  /**
   * What the arguments that `where` does not name must be, all together: digests, `sha256:…`, of the canonical text of the object
   * of them, one of which it has to be (kernel/rest.ts); `NO_REST` is that of none. Absent: what nobody declared may be anything.
   */
  readonly rest?: readonly string[];
}

export interface Limits {
  /** Total uses; null is no limit. */
  readonly uses: number | null;
  /** At most `count` uses in any `seconds`. */
  readonly rate: { readonly count: number; readonly seconds: number } | null;
  /** Bytes of arguments and results together. */
  readonly bytes: number | null;
  /** Milliseconds since 1970 UTC. */
  readonly notBefore: number;
  /** Milliseconds since 1970 UTC; every grant ends. */
  readonly expires: number;
  /** Tokens and money of model calls; absent when there is no limit of them. */
  readonly budget?: Budget;
  /** Hours of the day in which it is in force; absent: at any. */
  readonly hours?: Hours;
}

/** What an allow names, taken apart. */
export interface AllowParts {
  readonly verb: Verb;
  readonly driver: string;
  /** Tool name, resource prefix or prompt name. */
  readonly name: string;
}

const MARKS: ReadonlyMap<string, Verb> = new Map([
  ["/", "call"],
  ["#", "read"],
  ["@", "prompt"],
]);
const WHAT = /^([a-z][a-z0-9-]{0,30})([/#@])([\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?)$/;

/** Takes `driver/tool`, `driver#resource-prefix` or `driver@prompt` apart; null for anything else. */
export function allowParts(what: string): AllowParts | null {
  const [, driver, mark = "", name] = WHAT.exec(what) ?? [];
  const verb = MARKS.get(mark);
  return driver === undefined || name === undefined || verb === undefined ? null : { verb, driver, name };
}

/** The document that an owner signs. A lease is a grant with `lease: true`: exact scope, counted (`uses` not null), short. */
export interface Grant {
  readonly v: 1;
  /** `[a-z][a-z0-9-]{0,62}`; unique for ever in one home. */
  readonly id: string;
  readonly agents: readonly string[];
  readonly drivers: { readonly [driver: string]: DriverSpec };
  readonly allow: readonly Allow[];
  readonly limits: Limits;
  readonly lease: boolean;
  /** What the agent's own sandbox gets. */
  readonly sandbox: SandboxGrant;
}

export interface SandboxGrant {
  readonly workspace: Workspace;
  /**
   * The host folder that `workspace` is about, itself or one below it; null is whichever folder the person names when the
   * agent is run.
   */
  readonly folder: string | null;
  readonly programs: Programs;
  /** A home that lasts, or null: one in memory that ends with the run. */
  readonly home: HomeGrant | null;
  /** Secrets by the variable that holds their placeholder inside; absent when there are none. */
  readonly secrets?: { readonly [variable: string]: SecretUse };
  /**
   * Names of files and folders that other tools obey (`.git`, `.vscode`) which the agent may make and change in its writable
   * workspace all the same, at any depth; absent: none.
   */
  readonly open?: readonly string[];
  /** Ports of programs inside that paired clients of this machine may visit; none twice by name. */
  readonly ports: readonly PortGrant[];
  /** Bounds on what its instances use; absent: none is named. */
  readonly limits?: NamedLimits;
  /** Device nodes that are passed into its sandbox (kernel/devices.ts); absent: none. */
  readonly devices?: readonly string[];
}

/**
 * A port inside a sandbox that is published on this machine's loopback address (docs/decisions/published-ports.md). Who
 * may come is who holds one of the keys; with none, nobody.
 */
export interface PortGrant {
  /** `[a-z][a-z0-9-]{0,30}`; with the agent's name it makes the one host name that is answered. */
  readonly name: string;
  /** Where the program listens, on 127.0.0.1 of its own network. */
  readonly inside: number;
  /** Where visitors come, on 127.0.0.1 of this machine; 1024 or more. */
  readonly outside: number;
  /** Raw Ed25519 public keys of the paired clients, base64url without padding, 43 characters each. */
  readonly keys: readonly string[];
}

/** What the face tells an agent whose action was denied: a request for a human to sign, never usable as it is. */
export interface GrantProposal {
  readonly agents: readonly string[];
  readonly allow: readonly Allow[];
  readonly lease: false;
}
