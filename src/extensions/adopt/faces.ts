import type { JsonObject } from "../../kernel/json.ts";

/** How a client writes a server that it starts: the entry that leads to the face. */
type FaceEntry = (command: readonly [string, ...string[]]) => JsonObject;

const plain: FaceEntry = ([command, ...args]) => ({ command, args });
const typed: FaceEntry = ([command, ...args]) => ({ type: "stdio", command, args });
const whole: FaceEntry = (command) => ({ type: "local", command, enabled: true });

/** The clients whose servers can be put behind the face, by the ids that a scan has for them, as their documents give it. */
export const FACE_ENTRIES: ReadonlyMap<string, FaceEntry> = new Map([
  ["claude-code", typed],
  ["claude-desktop", plain],
  ["codex", plain],
  ["opencode", whole],
  ["cursor", plain],
  ["vscode", typed],
  ["gemini", plain],
]);

/** What the face is called in a configuration. */
export const FACE_NAME = "aios";

/** The name under which grants know a client that runs outside: what its sealed runs were granted is not its own. */
export function outsideAgent(client: string): string {
  return `${client}-mcp`;
}
