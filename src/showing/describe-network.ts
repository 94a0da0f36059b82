import { FORWARD } from "../kernel/forwards.ts";
import type { Allow, Condition } from "../kernel/grant.ts";
import { NET_DRIVER } from "../kernel/net.ts";
import type { Tone } from "./line.ts";
import { makeVisible } from "./visible.ts";

/** Whether an allowance is one of the network device's tools. */
export function isNetworkAllow(allow: Allow): boolean {
  return allow.what.startsWith(`${NET_DRIVER}/`);
}

const KINDS: ReadonlyMap<string, { readonly what: string; readonly tone: Tone; readonly words: string }> = new Map([
  [
    `${NET_DRIVER}/fetch`,
    {
      what: "ask",
      tone: "good",
      words: "runs, and asks you once it has read both words from outside and private data",
    },
  ],
  [`${NET_DRIVER}/send`, { what: "send to", tone: "wait", words: "asks you every time" }],
  [`${NET_DRIVER}/connect`, { what: "open a tunnel to", tone: "wait", words: "asks you every time" }],
  [`${NET_DRIVER}/message`, { what: "say", tone: "wait", words: "asks, unless this grant or you named the recipient" }],
  [`${NET_DRIVER}/inbox`, { what: "read", tone: "good", words: "runs" }],
  [FORWARD, { what: "open a plain connection to", tone: "wait", words: "asks you every time" }],
]);
const ORDER = ["method", "scheme", "host", "port", "path"];
/** The conditions that there can be of what is not a request. */
const EXPECTED: ReadonlyMap<string, readonly string[]> = new Map([
  [`${NET_DRIVER}/message`, ["chat", "api", "to", "previews", "account", "scheme", "host", "port"]],
  [`${NET_DRIVER}/inbox`, ["chat", "api", "account", "scheme", "host", "port"]],
  [`${NET_DRIVER}/connect`, ["host", "port"]],
  [FORWARD, ["host", "port", "inside"]],
]);

/** One allowance of the network, with every condition of it in words: what is not said may be anything. */
export function describeNetworkAllow(allow: Allow, lease: boolean): { readonly tone: Tone; readonly text: string } {
  const kind = KINDS.get(allow.what) ?? { what: makeVisible(allow.what), tone: "wait", words: "asks you every time" };
  const expected = EXPECTED.get(allow.what) ?? ORDER;
  const fields = [...new Set([...expected, ...Object.keys(allow.where)])].map((field) => {
    const condition = Object.hasOwn(allow.where, field) ? allow.where[field] : undefined;
    return condition === undefined ? `any ${makeVisible(field)}` : `${makeVisible(field)} ${plain(condition)}`;
  });
  // Whom it names was named by who signs it.
  const named = allow.what === `${NET_DRIVER}/message` && Object.hasOwn(allow.where, "to");
  if (named) return { tone: "good", text: `${kind.what} ${fields.join(", ")}: runs without asking` };
  const how = lease ? ({ tone: "good", words: "runs without asking: this is a lease" } as const) : kind;
  return { tone: how.tone, text: `${kind.what} ${fields.join(", ")}: ${how.words}` };
}

function plain(condition: Condition): string {
  if ("equals" in condition) return makeVisible(String(condition.equals));
  if ("in" in condition) return condition.in.map(makeVisible).join(" or ");
  if ("under" in condition) {
    return condition.under === "/" ? "/ and everything below" : `${makeVisible(condition.under)} and below`;
  }
  return `at most ${condition.max}`;
}
