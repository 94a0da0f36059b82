import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../fakes/busy-instances.ts";
import { COMMAND } from "../fakes/command.ts";
import { openShell, type ShellSession } from "../fakes/shell-session.ts";
import { scriptSource } from "../e2e/sources.ts";
import { startSubstrate, type Substrate } from "../e2e/substrate.ts";

/* A question of `aios run` at a real terminal, and what happens to it while somebody types. */
let aios: Substrate;
let shell: ShellSession;

/** Asks for one action that needs a signature, and waits. */
const AGENT = String.raw`
const socket = require("node:net").createConnection("/run/aios/mcp-stdio.sock");
const say = (body) => socket.write(JSON.stringify({ jsonrpc: "2.0", ...body }) + "\n");
say({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "a", version: "1" } } });
socket.once("data", () => {
  say({ method: "notifications/initialized" });
  say({ id: 2, method: "tools/call", params: { name: "notes__burn", arguments: { text: "t" } } });
});
`;

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({
    id: "notes",
    agents: ["asker"],
    drivers: {
      notes: {
        source: scriptSource("test/fakes/notes-server.ts", { args: ["/tmp/notes.txt"], workspace: "none" }),
        tools: { burn: { risk: "reserved", fields: { text: "string" } } },
      },
    },
    allow: ["notes/burn"],
  });
  shell = openShell(aios.workspace, { AGENT });
});
afterAll(async () => {
  shell.close();
  await aios.stop();
});

test("is drawn for the width that there is, and when its agent ends keeps what is typed from the shell", async () => {
  const program = `${COMMAND} run --home ${aios.home} --agent asker`;
  shell.type(`${program} -- node -e "$AGENT"; echo "exit"=$?\r`);
  await shell.see("held: an action waits for you");
  shell.type("\u001d");
  await shell.see("Enter to leave it held: ");
  shell.resize(39, 30);
  await shell.see("the terminal has 39 columns, and it takes at least 40");
  shell.clear();
  shell.resize(100, 30);
  await shell.see("Enter to leave it held: ");
  expect(shell.shown()).toContain("  call a tool\r\n");
  shell.clear();
  shell.type("correct horse");
  const [held] = await aios.held();
  await aios.client.request("kill", { instance: held?.instance ?? "" });
  await until(() => Promise.resolve(shell.shown().includes("Enter goes on.")), "the end of the question");
  shell.type(" battery");
  // An echo, or a shell that reads it, would be seen by then.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(shell.shown()).not.toContain("exit=");
  shell.type("\r");
  await shell.see("exit=6");
  expect(shell.shown()).not.toMatch(/correct|horse|battery/);
});
