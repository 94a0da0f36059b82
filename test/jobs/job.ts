/** One ordinary thing that a developer, or an agent in their place, does in a folder of a project. */
export interface Job {
  readonly name: string;
  /** Quick ones run with every `npm test`, the others by `npm run proof:jobs`. */
  readonly quick: boolean;
  /** Programs of this machine without which the job says that it was not run. */
  readonly needs?: readonly string[];
  /** Installed packages of this repository that the project has in its `node_modules`. */
  readonly packages?: readonly string[];
  /** What the person had in the folder before: path to text. */
  readonly files?: { readonly [path: string]: string };
  /** What the person did in the folder before, as `sh -eu` with their own tools, outside of any sandbox. */
  readonly before?: string;
  /** What the agent does, as `sh -eu` in `/workspace`. */
  readonly script: string;
  /** What it prints, all of it but white space at both ends. */
  readonly prints: string | RegExp;
  /** Files that the person finds in the folder afterwards: path to the whole text, or what is in it. */
  readonly leaves?: { readonly [path: string]: string | RegExp };
  /** Control files that the grant opens to it: none when left out. */
  readonly open?: readonly string[];
  /** Requests that are denied on purpose: none when left out. */
  readonly denied?: number;
  /** Actions of the network that the agent's grant names for this job. */
  readonly network?: readonly NetworkWish[];
}

/** One service of this machine that the job may use: which one, and with which methods. */
export interface NetworkWish {
  readonly service: "registry" | "api";
  readonly methods: readonly string[];
}

/** A command that waits until a file holds a text, for a minute. */
export const WAIT_FOR = `wait_for() { i=0; until grep -q "$2" "$1" 2>/dev/null; do i=$((i+1)); [ $i -lt 1200 ] || { cat "$1" >&2; exit 9; }; sleep 0.05; done; }`;
