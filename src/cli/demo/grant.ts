import type { DriverSource, DriverSpec, Grant, ToolClass } from "../../kernel/grant.ts";
import { AGENT } from "./story.ts";

/** How the demo's owner classifies the tools. Everything that the servers offer and that is not here stays reserved. */
const READS: ToolClass = {
  risk: "observe",
  labels: ["private", "untrusted"],
  fields: { path: "path" },
  recipients: {},
};
const WRITES: ToolClass = { risk: "reserved", labels: [], fields: { path: "path" }, recipients: {} };
const SENDS: ToolClass = { risk: "reach", labels: [], fields: {}, recipients: { to: "email" } };
const UNCLASSIFIED: ToolClass = { risk: "reserved", labels: ["untrusted"], fields: {}, recipients: {} };

const FILES: { readonly [tool: string]: ToolClass } = { read_text_file: READS, write_file: WRITES };
const MAIL: { readonly [tool: string]: ToolClass } = { send_email: SENDS };
const LASTS_MS = 60 * 60_000;

export interface ProbedServer {
  readonly source: DriverSource;
  readonly pin: string;
  /** Names of the tools that it offers. */
  readonly tools: readonly string[];
}

/** The one grant of the demo: read below the workspace, write there, send mail; for an hour. */
export function makeDemoGrant(
  servers: { readonly files: ProbedServer; readonly mail: ProbedServer },
  now: number,
): Grant {
  return {
    v: 1,
    id: "demo",
    agents: [AGENT],
    drivers: { files: specify(servers.files, FILES), mail: specify(servers.mail, MAIL) },
    allow: [
      { what: "files/read_text_file", where: { path: { under: "/workspace" } } },
      { what: "files/write_file", where: { path: { under: "/workspace" } } },
      { what: "mail/send_email", where: {} },
    ],
    limits: { uses: 100, rate: null, bytes: null, notBefore: now - 60_000, expires: now + LASTS_MS },
    lease: false,
    sandbox: { workspace: "read", folder: null, programs: "none", home: null, ports: [] },
  };
}

function specify(server: ProbedServer, known: { readonly [tool: string]: ToolClass }): DriverSpec {
  const classes = server.tools.map((tool) => [tool, Object.hasOwn(known, tool) ? known[tool] : undefined] as const);
  return {
    source: server.source,
    pin: server.pin,
    tools: Object.fromEntries(classes.map(([tool, found]) => [tool, found ?? UNCLASSIFIED])),
    resources: [],
    prompts: [],
  };
}
