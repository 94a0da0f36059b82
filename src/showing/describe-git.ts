import { GIT_DRIVER, gitOrigin, gitPlaceOf } from "../kernel/git-ssh.ts";
import type { Allow, Condition } from "../kernel/grant.ts";
import type { Tone } from "./line.ts";
import { makeVisible } from "./visible.ts";

/** Whether an allowance is one of git over SSH. */
export function isGitAllow(allow: Allow): boolean {
  return allow.what.startsWith(`${GIT_DRIVER}/`);
}

const KINDS: ReadonlyMap<string, { readonly what: string; readonly tone: Tone; readonly words: string }> = new Map([
  [
    `${GIT_DRIVER}/fetch`,
    {
      what: "git: fetch from",
      tone: "good",
      words: "runs, and asks you once it has read both words from outside and private data",
    },
  ],
  [
    `${GIT_DRIVER}/refs`,
    {
      what: "git: look, before a push, at the refs of",
      tone: "good",
      words: "runs, and asks you once it has read both words from outside and private data",
    },
  ],
  [`${GIT_DRIVER}/push`, { what: "git: push to", tone: "wait", words: "asks you every time, and shows the refs" }],
]);

/** One allowance of git over SSH, with every condition of it in words: what is not said may be anything. */
export function describeGitAllow(allow: Allow, lease: boolean): { readonly tone: Tone; readonly text: string } {
  const kind = KINDS.get(allow.what) ?? { what: makeVisible(allow.what), tone: "wait", words: "asks you every time" };
  const { host, port, user, path, ref, removes, ...others } = allow.where;
  const place = gitPlaceOf(allow);
  const at = place === null ? `${say("host", host)}, ${say("port", port)}, ${say("user", user)}` : gitOrigin(place);
  const isPush = allow.what === `${GIT_DRIVER}/push`;
  const more = [
    ...(isPush || ref !== undefined ? [say("ref", ref)] : []),
    ...(isPush || removes !== undefined ? [removing(removes)] : []),
    ...Object.entries(others).map(([field, condition]) => say(field, condition)),
  ];
  const how = lease ? ({ tone: "good", words: "runs without asking: this is a lease" } as const) : kind;
  const where = [makeVisible(at), say("path", path), ...more].join(", ");
  return { tone: how.tone, text: `${kind.what} ${where}: ${how.words}` };
}

function removing(condition: Condition | undefined): string {
  if (condition === undefined) return "removing refs or not";
  if (!("equals" in condition)) return say("removes", condition);
  return condition.equals === true ? "and remove them" : "removing none";
}

function say(field: string, condition: Condition | undefined): string {
  const name = makeVisible(field);
  if (condition === undefined) return `any ${name}`;
  if ("equals" in condition) return `${name} ${makeVisible(String(condition.equals))}`;
  if ("in" in condition) return `${name} ${condition.in.map(makeVisible).join(" or ")}`;
  return "under" in condition
    ? `${name} ${makeVisible(condition.under)} and below`
    : `${name} at most ${condition.max}`;
}
