import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMAND } from "../fakes/command.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { treeOf } from "../fakes/tree.ts";
import { prepareHome } from "../scan/prepared-home.ts";
import { packageSource } from "./sources.ts";
import { REPO, startSubstrate, type Substrate } from "./substrate.ts";

let aios: Substrate;

const grantFor = async (id: string, agent: string): Promise<void> => {
  const read = { risk: "observe", labels: ["private"], fields: { path: "path" } } as const;
  await aios.grant({
    id,
    agents: [agent],
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
};

beforeAll(async () => {
  aios = await startSubstrate();
  await grantFor("files", "files");
});
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

test("a client whose configuration was adopted reaches the face and is given nothing before it is granted, and --undo is byte for byte", async () => {
  const home = makeTemporaryFolder();
  prepareHome(home);
  const before = treeOf(home);
  const adopt = (...words: readonly string[]): void => {
    const ran = spawnSync(COMMAND, ["adopt", "claude-code", "--home", aios.home, ...words], {
      encoding: "utf8",
      cwd: home,
      env: { HOME: home, PATH: process.env["PATH"] ?? "" },
    });
    expect(ran.stderr).toBe("");
    expect(ran.status).toBe(0);
  };
  adopt("--workspace", aios.workspace);
  const { mcpServers } = JSON.parse(readFileSync(join(home, ".claude.json"), "utf8")) as {
    readonly mcpServers: { readonly [name: string]: { readonly command: string; readonly args: string[] } };
  };
  expect(Object.keys(mcpServers)).toEqual(["aios"]);

  const start = async (): Promise<Client> => {
    const { command, args } = mcpServers["aios"] ?? expect.fail();
    const client = new Client({ name: "claude-code", version: "1" });
    await client.connect(new StdioClientTransport({ command, args, env: { HOME: home }, stderr: "pipe" }));
    return client;
  };
  const read = { name: "files__read_text_file", arguments: { path: "/workspace/agent.js" } };
  const ungranted = await start();
  expect((await ungranted.listTools()).tools).toEqual([]);
  expect(await ungranted.callTool(read)).toMatchObject({
    isError: true,
    structuredContent: { stage: "select", code: "unknown-tool" },
  });
  await ungranted.close();

  await grantFor("outside", "claude-code-mcp");
  const granted = await start();
  expect((await granted.listTools()).tools.map(({ name }) => name)).toEqual([read.name]);
  expect((await granted.callTool(read)).isError).not.toBe(true);
  expect(await granted.callTool({ ...read, arguments: { path: "/etc/passwd" } })).toMatchObject({ isError: true });
  await granted.close();

  adopt("--undo");
  expect(treeOf(home)).toEqual(before);
});
