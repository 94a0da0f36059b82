/**
 * The agent of the demo: an MCP client without a model. It follows a plan from a file, step by step, whatever the answers
 * are, as a model would that believes the document it read. It runs inside the sandbox and holds nothing.
 *
 *     demo-agent.ts PLAN
 */
import { readFileSync } from "node:fs";
import { argv, exit, stdout } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

/** One step: say something, and call a tool or list the tools. */
interface Step {
  readonly say: string;
  readonly tool: string | null;
  readonly arguments: { readonly [name: string]: unknown };
}

/** Longer than any hold of the demo; a held call answers when the human does. */
const PATIENCE_MS = 15 * 60_000;
/** Between two steps, so that what is said about one is read before the next begins. */
const PAUSE_MS = 250;

function readPlan(path: string): readonly Step[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the demo wrote the plan; a wrong one gains nothing here
  return JSON.parse(readFileSync(path, "utf8")) as readonly Step[];
}

function say(words: string): void {
  stdout.write(`${words}\n`);
}

async function follow(client: Client, step: Step): Promise<void> {
  if (step.tool === null) {
    const { tools } = await client.listTools();
    say(`${step.say} ${tools.map((tool) => tool.name).join(", ")}`);
    return;
  }
  const result = await client.callTool({ name: step.tool, arguments: step.arguments }, { timeout: PATIENCE_MS });
  const [first] = Array.isArray(result.content) ? result.content : [];
  const words = first?.type === "text" ? first.text : "(no text)";
  const outcome =
    result.isError === true ? (words.split(". ")[0] ?? words) : `It ran; ${words.length} characters came back`;
  say(`${step.say} ${outcome}.`);
}

async function main(): Promise<void> {
  const client = new Client({ name: "demo-agent", version: "1.0.0" });
  await client.connect(new StdioClientTransport({ command: "/aios/node", args: ["/aios/mcp-stdio.js"] }));
  for (const step of readPlan(argv[2] ?? "plan.json")) {
    await follow(client, step);
    await sleep(PAUSE_MS);
  }
  await client.close();
}

main().catch((error: unknown) => {
  say(`I cannot go on: ${error instanceof Error ? error.message : String(error)}`);
  exit(1);
});
