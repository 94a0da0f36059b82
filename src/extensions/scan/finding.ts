/** How much a finding weighs, most first. */
export const SEVERITIES = ["critical", "high", "medium", "low"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Names of rules. Programs depend on them: none is ever used for something else. */
export type RuleId =
  | "unsealed"
  | "key-in-clear"
  | "key-file"
  | "key-in-environment"
  | "asks-nobody"
  | "shell-granted"
  | "servers-trusted"
  | "project-servers-trusted"
  | "hook"
  | "project-hook"
  | "code-unpinned"
  | "shell-server"
  | "fetch-and-run"
  | "everything-shared"
  | "engine-socket"
  | "program-replaceable"
  | "clear-connection"
  | "distant-server"
  | "name-twice"
  | "gateway-open"
  | "gateway-local"
  | "gateway-unguarded"
  | "channel-open"
  | "hidden-text"
  | "skill-fetches"
  | "skill-decodes"
  | "skill-secrets"
  | "skill-hides"
  | "skill-sends"
  | "skill-persists"
  | "unreadable";

/** Every rule of the scan: what it finds, in general words. */
export const RULES: { readonly [rule in RuleId]: { readonly severity: Severity; readonly title: string } } =
  Object.freeze({
    unsealed: { severity: "high", title: "An agent runs with everything that its person may do" },
    "key-in-clear": { severity: "high", title: "A key stands in clear text in a configuration" },
    "key-file": { severity: "medium", title: "Keys lie where every program of yours can read them" },
    "key-in-environment": { severity: "medium", title: "Keys are in the environment that agents inherit" },
    "asks-nobody": { severity: "critical", title: "The agent acts without asking anybody" },
    "shell-granted": { severity: "high", title: "Shell commands run without a question" },
    "servers-trusted": { severity: "high", title: "Tools of a server run without a question" },
    "project-servers-trusted": { severity: "high", title: "Servers that a cloned project names are started unasked" },
    hook: { severity: "medium", title: "A command runs by itself at events of the agent" },
    "project-hook": { severity: "high", title: "A folder brings a command that runs by itself" },
    "code-unpinned": { severity: "medium", title: "The server's code can be another at every start" },
    "shell-server": { severity: "high", title: "The server is started through a shell" },
    "fetch-and-run": { severity: "critical", title: "Code is fetched from the network and run" },
    "everything-shared": { severity: "high", title: "The server is given the whole home or the whole machine" },
    "engine-socket": { severity: "critical", title: "The server controls the container engine, which is root" },
    "program-replaceable": { severity: "high", title: "The server's program lies where others may replace it" },
    "clear-connection": { severity: "high", title: "Tool calls travel over the network in clear text" },
    "distant-server": { severity: "low", title: "A server elsewhere decides what the agent reads" },
    "name-twice": { severity: "low", title: "One name stands for different servers" },
    "gateway-open": { severity: "critical", title: "A gateway of agents listens to other machines" },
    "gateway-local": { severity: "medium", title: "A gateway of agents listens on this machine" },
    "gateway-unguarded": { severity: "critical", title: "A gateway is configured to let anybody in" },
    "channel-open": { severity: "critical", title: "Strangers may write to the agent" },
    "hidden-text": { severity: "high", title: "A skill holds text that people do not see" },
    "skill-fetches": { severity: "critical", title: "A skill has code fetched and run" },
    "skill-decodes": { severity: "critical", title: "A skill decodes something and runs it" },
    "skill-secrets": { severity: "high", title: "A skill sends the agent to secrets" },
    "skill-hides": { severity: "high", title: "A skill tells the agent to hide something" },
    "skill-sends": { severity: "medium", title: "A skill sends data to an address" },
    "skill-persists": { severity: "high", title: "A skill changes files that other programs obey" },
    unreadable: { severity: "low", title: "Something that is there was not read" },
  });

/** A place in a file, for people (`~/…`) and for programs. `line` counts from one. */
export interface Place {
  readonly path: string;
  readonly line: number;
}

/** One thing that was found. No text of it holds a value of a key. */
export interface Finding {
  readonly rule: RuleId;
  /** Id of the client that it concerns, or null: all of them. */
  readonly client: string | null;
  /** The server, skill, file or port that it is about. */
  readonly subject: string;
  /** One sentence. */
  readonly message: string;
  readonly place: Place | null;
}

/** Something that is there and was not read: nothing in a report speaks of what it holds. */
export interface Unread {
  /** Id of the client whose it is. */
  readonly client: string;
  /** `~/…` or absolute. */
  readonly path: string;
  /** In words, as an end of a sentence: `it is a pipe and no file`. */
  readonly why: string;
}

/** The same as a finding, for programs that look at findings alone. */
export function unreadFinding({ client, path, why }: Unread): Finding {
  const message = `${path} was not read, since ${why}: what it names is not in this report`;
  return { rule: "unreadable", client, subject: path, message, place: { path, line: 1 } };
}

/** The severity of a finding is that of its rule. */
export function severityOf(finding: Finding): Severity {
  return RULES[finding.rule].severity;
}
