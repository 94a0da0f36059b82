import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createPackages } from "../../src/main/package-finder.ts";
import { COMMAND } from "../fakes/command.ts";
import { REPO, startSubstrate, type Substrate } from "./substrate.ts";

/*
 * MCP servers as npm has them, added with `aios ext add`, signed, and used through the face. Beside its own code each holds a
 * part that was taken over, in its own process, which reaches no further than the grant of its server.
 * `npm run proof:extensions` fetches those that are not installed anyway, and runs all of them.
 */

interface RealServer {
  /** Folder that its package is installed below. */
  readonly from: string;
  readonly words: readonly string[];
  readonly workspace: "none" | "read" | "write";
  readonly tool: string;
  readonly args: JsonObject;
  readonly says: string | RegExp;
}

const FETCHED = join(REPO, ".cache", "agents", "mcp-servers");
const POSSESSED = readFileSync(join(REPO, "test", "fakes", "possessed.mjs"), "utf8");
const OFFICIAL = "@modelcontextprotocol/server-";

const SERVERS: { readonly [name: string]: RealServer } = {
  [`${OFFICIAL}filesystem`]: {
    from: REPO,
    words: ["/workspace"],
    workspace: "read",
    tool: "read_text_file",
    args: { path: "/workspace/page.html" },
    says: "a page",
  },
  [`${OFFICIAL}everything`]: {
    from: REPO,
    words: [],
    workspace: "none",
    tool: "echo",
    args: { message: "from the store" },
    says: "from the store",
  },
  [`${OFFICIAL}memory`]: {
    from: FETCHED,
    words: [],
    workspace: "none",
    tool: "read_graph",
    args: {},
    says: '"entities": []',
  },
  [`${OFFICIAL}sequential-thinking`]: {
    from: FETCHED,
    words: [],
    workspace: "none",
    tool: "sequentialthinking",
    args: { thought: "one", nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 },
    says: '"thoughtHistoryLength": 1',
  },
  "@cyanheads/git-mcp-server": {
    from: FETCHED,
    words: [],
    workspace: "write",
    tool: "git_status",
    args: { path: "/workspace/repository" },
    says: "notes.txt",
  },
  "time-mcp": {
    from: FETCHED,
    words: [],
    workspace: "none",
    tool: "days_in_month",
    args: { date: "2024-02-01" },
    says: /\b29\b/u,
  },
};
/** What the part that was taken over gets, by what the grant shows of the folder. */
const TAKEN = { none: "no: ENOENT", read: "no: EROFS", write: "written" };

describe("a real server from npm", () => {
  // Each is thousands of files that are copied, added, looked through and read again: half a minute on a busy machine.
  if (process.env["AIOS_EXTENSIONS"] !== "all" || !existsSync(join(FETCHED, "node_modules"))) {
    console.warn("NOT RUN: six real servers from npm; npm run proof:extensions fetches them and runs this");
    test.skip("they were not asked for, or are not there: nothing was proven", () => {});
    return;
  }
  let aios: Substrate;
  let listener: Server;
  let outside: string;
  const possess = (own: string): string => {
    const { port } = listener.address() as AddressInfo; // it listens
    const source = POSSESSED.replace(
      '"CANARY", "PORT", "OWN"',
      JSON.stringify([canary(), String(port), own]).slice(1, -1),
    );
    return `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
  };
  const canary = (): string => join(outside, "canary");

  beforeAll(async () => {
    outside = mkdtempSync(join(tmpdir(), "aios-outside-"));
    chmodSync(outside, 0o755);
    writeFileSync(canary(), "a key", { mode: 0o644 });
    listener = createServer((socket) => socket.destroy());
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    aios = await startSubstrate();
    writeFileSync(join(aios.workspace, "page.html"), "a page");
    const repository = join(aios.workspace, "repository");
    mkdirSync(repository);
    writeFileSync(join(repository, "notes.txt"), "notes");
    spawnSync("git", ["init", "-q", repository]);
    // git works in no repository of somebody else's.
    spawnSync("chown", ["-R", `--reference=${aios.workspace}`, repository]);
  });
  afterAll(async () => {
    await aios?.stop();
    listener?.close();
    rmSync(outside, { recursive: true, force: true });
  });

  /** A folder with the package and all that it needs, as npm lays them out. */
  async function unite(
    name: string,
    { from }: Pick<RealServer, "from">,
  ): Promise<{ readonly folder: string; readonly entry: string }> {
    const { entry, code } = await createPackages([from]).find(name);
    const folder = join(outside, basename(name));
    for (const path of code)
      cpSync(path, join(folder, relative(from, path)), {
        recursive: true,
        dereference: true,
        filter: (each) => basename(each) !== ".bin",
      });
    return { folder, entry: relative(from, entry) };
  }

  async function use(name: string, server: RealServer): Promise<readonly string[]> {
    const { folder, entry } = await unite(name, server);
    const added = spawnSync(COMMAND, ["ext", "add", folder, "--json", "--home", aios.home], { encoding: "utf8" });
    expect([added.status, added.stderr]).toEqual([0, ""]);
    const { extension } = JSON.parse(added.stdout) as { readonly extension: { readonly id: string } };
    const short = basename(name);
    const { words, workspace, tool, args } = server;
    const command = ["node", "--import", possess("/extension"), `/extension/${entry}`, ...words];
    const source = { kind: "ext", extension: extension.id, command, workspace } as const;
    await aios.grant({
      id: short,
      agents: [short],
      drivers: { real: { source, tools: { [tool]: { risk: "observe" } } } },
      allow: [`real/${tool}`],
    });
    const plan = [{ method: "tools/call", params: { name: `real__${tool}`, arguments: args } }];
    const { answers } = await aios.follow(short, plan, { workspace: aios.workspace });
    return (answers[0]?.result?.content ?? []).map(({ text }) => text ?? "");
  }

  async function proves(name: string): Promise<void> {
    const server = SERVERS[name];
    if (server === undefined) throw new Error(`there is no ${name}`);
    const said = await use(name, server);
    const own = said.slice(0, -1).join("\n");
    if (typeof server.says === "string") expect(own).toContain(server.says);
    else expect(own).toMatch(server.says);
    expect(JSON.parse(said.at(-1) ?? "{}")).toEqual({
      home: "no: ENOENT",
      environment: "no",
      network: "no",
      workspace: TAKEN[server.workspace],
      own: "no: EROFS",
    });
  }

  test("gives whoever took it over all that its person has, where nothing holds it", async () => {
    const { folder, entry } = await unite(`${OFFICIAL}filesystem`, { from: REPO });
    const child = spawn(process.execPath, ["--import", possess(folder), join(folder, entry), outside], {
      env: { AIOS_TEST_CANARY: "a token" },
      stdio: ["pipe", "pipe", "ignore"],
    });
    const hello = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } };
    for (const message of [
      { id: 1, method: "initialize", params: hello },
      { method: "notifications/initialized" },
      { id: 2, method: "tools/call", params: { name: "list_allowed_directories", arguments: {} } },
    ])
      child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    let said = "";
    for await (const chunk of child.stdout) {
      said += String(chunk);
      if (said.includes('"id":2')) child.stdin.end();
    }
    for (const taken of ["a key", "a token", "reached"]) expect(said).toContain(taken);
    expect(readFileSync(join(folder, "taken"), "utf8")).toBe("x");
    rmSync(folder, { recursive: true });
  });

  test.each(Object.keys(SERVERS))("%s is used through the face, and reaches what its grant names", proves, 300_000);
});
