import type { Finding } from "./finding.ts";
import type { Listener } from "../../platform/files/look.ts";

/** Ports on which programs for agents listen unless told otherwise, by what they are. */
const PORTS: ReadonlyMap<number, string> = new Map([
  [18_789, "OpenClaw's gateway"],
  [18_791, "OpenClaw's browser control"],
  [18_793, "OpenClaw's canvas"],
  [6274, "the MCP Inspector"],
  [6277, "the MCP Inspector's proxy"],
  [4096, "OpenCode's server"],
  [11_434, "Ollama"],
  [1234, "LM Studio"],
  [8188, "ComfyUI"],
  [9222, "a browser under remote control"],
]);
/** Programs for agents by the short name that the kernel keeps of them. */
const PROGRAMS = /^(?:openclaw|clawdbot|moltbot|claude|codex|opencode|gemini|cursor|ollama|goose|aider)/u;

/** Gateways of agents among the sockets that listen. */
export function judgeListeners(listeners: readonly Listener[]): readonly Finding[] {
  return listeners.flatMap(({ port, reach, program }): readonly Finding[] => {
    const known = PORTS.get(port);
    const byProgram = program !== null && PROGRAMS.test(program);
    if (known === undefined && !byProgram) return [];
    const what = known === undefined ? `${program}` : program === null ? known : `${known} (${program})`;
    const open = reach === "network";
    return [
      {
        rule: open ? "gateway-open" : "gateway-local",
        client:
          /^(?:openclaw|clawdbot|moltbot)/u.test(program ?? "") || (known ?? "").startsWith("OpenClaw")
            ? "openclaw"
            : null,
        subject: `port ${port}`,
        message: open
          ? `${what} listens on port ${port} to other machines`
          : `${what} listens on port ${port}; a web page open here can try to reach it`,
        place: null,
      },
    ];
  });
}
