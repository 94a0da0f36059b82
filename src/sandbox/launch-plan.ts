/** What an agent's launcher finds in its file: what to become, and how it is watched. */
export interface LaunchPlan {
  readonly command: readonly string[];
  /** The whole environment of the agent. The launcher's own is another: a variable must not change what it does. */
  readonly environment: { readonly [name: string]: string };
  /** The streams are a terminal, which becomes that of a session of the agent's. */
  readonly terminal: boolean;
  /** Where listening sockets on loopback go out, the addresses of the agent's proxy and models; null: it has none. */
  readonly proxy: { readonly socket: number; readonly ports: { readonly [letter: string]: number } } | null;
  /**
   * Folders beneath which files may be changed without asking, when some root is guarded: everything writable but the
   * guarded roots. Null: none is guarded, and the kernel forbids nothing of what the mounts allow.
   */
  readonly free: readonly string[] | null;
  /** Where so many unconnected sockets of the namespace go out, for visitors of published ports; null: it has none. */
  readonly visits: { readonly socket: number; readonly count: number } | null;
  /** Open files of one process of the agent. The launcher sets it on itself last: what it hands out is counted with all
   * that the user's other processes have under way, and that against the sender's own limit (unix(7), ETOOMANYREFS). */
  readonly openFiles: number;
  /** The second filter in base64. */
  readonly filter: string;
}

/** What is shown of the launcher inside, all of it read-only. */
export interface LauncherFiles {
  /** Host path of the Node that runs it. */
  readonly node: string;
  /** Its modules as JavaScript, by path below the launcher's folder; `LAUNCHER_ENTRY` is one of them. */
  readonly modules: { readonly [path: string]: string };
  /** Host folders of the packages that it needs, by name. */
  readonly packages: { readonly [name: string]: string };
}

/** Where the launcher lies inside. */
export const LAUNCHER_FOLDER = "/aios/launcher";
/** The module that is run. */
export const LAUNCHER_ENTRY = "main/launcher.mjs";

/** The port of an agent's proxy on the loopback interface of its own namespace. */
export const PROXY_PORT = 3128;
/** The port of its models, likewise: an endpoint in the providers' own formats. */
export const INFER_PORT = 3129;
/** The port at which git finds repositories that are reached over SSH, in git's own protocol. */
export const GIT_PORT = 3130;
/** What a listener is called by the one letter of the message that it comes with. */
export const LISTENERS: { readonly [letter in "P" | "I" | "G"]: number } = Object.freeze({
  P: PROXY_PORT,
  I: INFER_PORT,
  G: GIT_PORT,
});

/** The listeners of an agent with these forwards: each of those is called by its place in the list, one digit. */
export function listenersOf(forwards: readonly number[]): { readonly [letter: string]: number } {
  return { ...LISTENERS, ...Object.fromEntries(forwards.map((port, index) => [String(index), port])) };
}

/** Visits of published ports at a time; each is a socket that the launcher made. At most 253 go in one message (unix(7)). */
export const VISITS_MOST = 64;
