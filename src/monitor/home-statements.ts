import { isHomePath } from "../kernel/home-grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import { AGENT_NAME } from "../kernel/names.ts";
import { Refusal } from "./faults.ts";
import type { State } from "./state.ts";

/** Longest text of a sealed file, UTF-16 units: what a person signs they can read. */
export const MAX_SEALED_TEXT = 65_536;
/** Sealed files of one agent: each is a mount of its own. */
const MOST_FILES = 256;

/** What an owner signs to put a file into the home of an agent. */
export interface HomePut {
  readonly agent: string;
  /** Below the home; docs/formats/grant.md. */
  readonly path: string;
  readonly text: string;
}

/** Reads the document of a `put-home-file`; throws Refusal (`bad-document`, `too-many`). */
export function readHomePut(document: JsonObject, state: State): HomePut {
  const { agent, path, text } = document;
  const exact = Object.keys(document).length === 3;
  if (!exact || typeof agent !== "string" || typeof path !== "string" || typeof text !== "string") return refuse();
  if (!AGENT_NAME.test(agent) || !isHomePath(path) || path.endsWith("/") || text.length > MAX_SEALED_TEXT)
    return refuse();
  const files = state.sealed.get(agent) ?? new Map<string, string>();
  for (const other of files.keys()) {
    // A file cannot lie below a file.
    if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) {
      throw new Refusal("bad-document", `In the home of "${agent}" there is ${other} already.`, "Choose another path.");
    }
  }
  if (!files.has(path) && files.size >= MOST_FILES) {
    throw new Refusal(
      "too-many",
      `Agent "${agent}" has ${MOST_FILES} sealed files already.`,
      "Put a folder of them elsewhere.",
    );
  }
  return { agent, path, text };
}

/** Reads the document of a `wipe-home`; throws Refusal `bad-document`. */
export function readHomeWipe(document: JsonObject): string {
  const { agent } = document;
  if (Object.keys(document).length !== 1 || typeof agent !== "string" || !AGENT_NAME.test(agent)) return refuse();
  return agent;
}

function refuse(): never {
  throw new Refusal(
    "bad-document",
    `The document must name an agent, and to put a file a path below its home and a text of at most ${MAX_SEALED_TEXT} characters.`,
    "See docs/formats/statement.md.",
  );
}
