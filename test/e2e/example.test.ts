import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageSource } from "./sources.ts";
import { REPO, startSubstrate, type Substrate } from "./substrate.ts";

let aios: Substrate;

beforeAll(async () => {
  aios = await startSubstrate();
  const read = { risk: "observe", labels: ["private"], fields: { path: "path" } } as const;
  await aios.grant({
    id: "files",
    agents: ["files"],
    workspace: "read",
    drivers: {
      files: {
        source: await packageSource("@modelcontextprotocol/server-filesystem", {
          args: ["/workspace"],
          workspace: "write",
        }),
        tools: { read_text_file: read },
      },
    },
    allow: [{ what: "files/read_text_file", where: { path: { under: "/workspace" } } }],
  });
}, 60_000);
afterAll(() => aios.stop());

test("the README's agent does its work under a grant that lets it start no program", async () => {
  copyFileSync(join(REPO, "examples/agent.js"), join(aios.workspace, "agent.js"));
  const ran = await aios.run({
    agent: "files",
    command: ["/aios/node", "/workspace/agent.js"],
    workspace: aios.workspace,
  });
  expect(ran.stderr).toBe("");
  expect(ran.stdout).toMatch(/^I am offered: files__read_text_file\nI read \/workspace\/agent\.js: \d+ characters\n$/);
  expect(ran.exit).toBe(0);
});
