import type { Canary } from "../../src/extensions/detonate/canaries.ts";
import { findMarkers, type MarkerTools } from "../../src/extensions/detonate/markers.ts";
import type { Change } from "../../src/main/detonation/made-home.ts";
import type { Reached } from "./internet.ts";

/** What was seen while an extension was used. */
export interface Seen {
  readonly reached: readonly Reached[];
  /** What was sent past all who listen, in words. */
  readonly strays: readonly string[];
  /** What the server elsewhere, which the manifest names, was told. */
  readonly told: readonly Uint8Array[];
  readonly opened: readonly string[];
  readonly changes: readonly Change[];
  /** Command lines of processes that were left behind. */
  readonly left: readonly string[];
  /** What the agent was told by tools. */
  readonly heard: readonly string[];
}

/**
 * Effects beyond the manifest, in words, each once. The rule: an extension has its own folder, the folder that it or its agent was
 * given, and the server elsewhere that it is; so these are beyond: every question for a name, every connection and datagram, every other
 * file of the machine that is made, changed or removed, every secret of the person that is read or turns up in what its server
 * elsewhere is told or its tools say, and every process that outlives its use.
 */
export function effectsOf(seen: Seen, canaries: readonly Canary[], tools: MarkerTools): readonly string[] {
  const markers = canaries.map(({ marker }) => marker);
  const secretsIn = (bytes: Uint8Array): readonly string[] => {
    const found = findMarkers(bytes, markers, tools);
    return canaries.filter(({ marker }) => found.has(marker)).map(({ what }) => what);
  };
  const named = seen.reached.some(({ to }) => /[^:]:\d+$/u.test(to));
  const reached = seen.reached.flatMap(({ what, to, bytes }) => {
    if (what === "name") return [`asks for ${to}`];
    // What is under TLS has a connection of its own, with its name.
    if (named && bytes.length === 0 && to.startsWith(":")) return [];
    return [`reaches ${to}`, ...secretsIn(bytes).map((secret) => `sends ${secret} to ${to}`)];
  });
  return [
    ...new Set([
      ...reached,
      ...seen.strays,
      ...seen.told.flatMap((bytes) => secretsIn(bytes).map((secret) => `tells its server ${secret}`)),
      ...seen.heard.flatMap((text) => secretsIn(Buffer.from(text)).map((secret) => `its tool says ${secret}`)),
      ...seen.opened.map((file) => `reads ~/${file}`),
      ...seen.changes.map(({ change, place }) => `${place} is ${change}`),
      ...seen.left.map((line) => `leaves ${line.slice(0, 80)}`),
    ]),
  ];
}
