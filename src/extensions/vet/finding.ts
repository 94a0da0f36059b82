import { RULES, type Place, type RuleId, type Severity } from "../scan/finding.ts";

type OwnRule =
  | "runs-decoded"
  | "runs-fetched"
  | "sends-environment"
  | "sends-keys"
  | "reverse-shell"
  | "asks-password"
  | "reads-keys"
  | "changes-obeyed"
  | "install-script"
  | "build-script"
  | "hook-sends"
  | "start-outside"
  | "start-inline"
  | "start-wrapped"
  | "start-missing"
  | "hidden-name"
  | "obfuscated"
  | "code-from-text"
  | "computed-module"
  | "native-program"
  | "starts-programs"
  | "uses-network"
  | "fake-prerequisite"
  | "approvals-off"
  | "words-secrets"
  | "words-send"
  | "words-obey"
  | "words-memory"
  | "comment-orders"
  | "collecting-place"
  | "provenance-refused"
  | "publisher-refused"
  | "name-resembles"
  | "known-bad"
  | "script-unreadable"
  | "not-vetted";

/** Rules of vetting beside those that a scan has for texts. Programs depend on the names: none is ever used for something else. */
const OWN_RULES: { readonly [rule in OwnRule]: { readonly severity: Severity; readonly title: string } } =
  Object.freeze({
    "runs-decoded": { severity: "critical", title: "Code decodes something and runs it" },
    "runs-fetched": { severity: "critical", title: "Code fetches something and runs it" },
    "sends-environment": { severity: "critical", title: "The environment, keys included, is sent away" },
    "sends-keys": { severity: "critical", title: "Files with keys are read and sent away" },
    "reverse-shell": { severity: "critical", title: "A shell is handed to another machine" },
    "asks-password": { severity: "critical", title: "A window asks for the person's password" },
    "reads-keys": { severity: "high", title: "Code reads files with keys" },
    "changes-obeyed": { severity: "high", title: "Code changes files that shells, git or agents obey" },
    "install-script": { severity: "high", title: "A script runs at installation" },
    "build-script": { severity: "low", title: "A native part is built at installation" },
    "hook-sends": { severity: "high", title: "A hook sends what the agent does to an address" },
    "start-outside": { severity: "high", title: "What it names as its program lies outside of it" },
    "start-inline": { severity: "high", title: "What is started stands in its manifest, and in no file of it" },
    "start-wrapped": {
      severity: "medium",
      title: "It is started through a program or variable that starts something else",
    },
    "start-missing": { severity: "medium", title: "What it names as its program is not in it" },
    "hidden-name": { severity: "high", title: "Code hides which function or module it uses" },
    obfuscated: { severity: "high", title: "Code is written not to be read" },
    "code-from-text": { severity: "medium", title: "Code is made from text while it runs" },
    "computed-module": { severity: "medium", title: "A module is loaded whose name is computed" },
    "native-program": { severity: "medium", title: "It holds a compiled program, which was not looked into" },
    "starts-programs": { severity: "low", title: "Code starts programs" },
    "uses-network": { severity: "low", title: "Code uses the network" },
    "fake-prerequisite": {
      severity: "critical",
      title: "A text wants a program installed that no package manager has",
    },
    "approvals-off": { severity: "critical", title: "A text or setting switches questions or the sandbox off" },
    "words-secrets": { severity: "high", title: "A text sends the agent to keys" },
    "words-send": { severity: "high", title: "A text has the agent send away what it knows" },
    "words-obey": { severity: "high", title: "A text has the agent obey what comes from elsewhere" },
    "words-memory": { severity: "high", title: "A text has the agent change what it is and remembers" },
    "comment-orders": { severity: "high", title: "A comment that people do not see gives orders" },
    "collecting-place": { severity: "high", title: "An address where scripts are left or data is collected" },
    "name-resembles": { severity: "high", title: "A name is almost that of something well known" },
    "provenance-refused": { severity: "critical", title: "Its registry vouches for it, and that does not hold" },
    "publisher-refused": { severity: "critical", title: "It has a publisher's signature, and that does not hold" },
    "known-bad": { severity: "critical", title: "It is known to be malicious" },
    "script-unreadable": { severity: "high", title: "A program could not be read, so it was not vetted" },
    "not-vetted": { severity: "high", title: "A part was too large or could not be read, so it was not vetted" },
  });

export type VetRule = RuleId | OwnRule;

/** Rules about the words of a skill find the same in a server's own texts: there a title does not speak of a skill. */
const TEXT_RULES = {
  "hidden-text": { ...RULES["hidden-text"], title: "It holds text that people do not see" },
  "skill-fetches": { ...RULES["skill-fetches"], title: "A text has code fetched and run" },
  "skill-decodes": { ...RULES["skill-decodes"], title: "A text has something decoded and run" },
  "skill-secrets": { ...RULES["skill-secrets"], title: "A text sends the agent to secrets" },
  "skill-hides": { ...RULES["skill-hides"], title: "A text tells the agent to hide something" },
  "skill-sends": { ...RULES["skill-sends"], title: "A text has data sent to an address" },
  "skill-persists": { ...RULES["skill-persists"], title: "A text has files changed that other programs obey" },
} as const;

/** Every rule that vetting can name: its own, and those about texts that `aios scan` has too. */
export const VET_RULES: { readonly [rule in VetRule]: { readonly severity: Severity; readonly title: string } } =
  Object.freeze({ ...RULES, ...TEXT_RULES, ...OWN_RULES });

/** One thing that speaks against an extension, or that a person should know of it. `place.path` is relative to its folder. */
export interface VetFinding {
  readonly rule: VetRule;
  readonly severity: Severity;
  /** What was found, after the name of the file: "runs what it decoded". */
  readonly message: string;
  readonly place: Place;
}

/** What one rule saw in one file, before it has a path. `line` counts from one. */
export interface Seen {
  readonly rule: VetRule;
  readonly line: number;
  readonly why: string;
}

/** Whether a finding alone is a reason not to trust an extension. */
export function isGrave(rule: VetRule): boolean {
  const { severity } = VET_RULES[rule];
  return severity === "critical" || severity === "high";
}
