import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../kernel/json.ts";
import { judgeBundleStart, judgePackageStart, judgeServersStart, type StartParts } from "./start-rules.ts";

const FILES = new Set(["index.js", "dist/cli.js", "server/main.py", "start.sh", "bin/server"]);
const parts: StartParts = { has: (path) => FILES.has(path), lineOf: () => 1 };
const rulesOf = (seen: ReturnType<typeof judgeBundleStart>): readonly string[] => [
  ...new Set(seen.map(({ rule }) => rule)),
];
const inPackage = (manifest: JsonObject): readonly string[] => rulesOf(judgePackageStart(manifest, parts));
const inBundle = (server: JsonObject): readonly string[] => rulesOf(judgeBundleStart({ server }, parts));
const started = (command: string, ...args: readonly string[]): readonly string[] =>
  inBundle({ mcp_config: { command, args } });

describe("the programs that a package names", () => {
  it("lie in it, by whatever spelling Node takes; what does not is said", () => {
    for (const main of ["index.js", "./index.js", "dist/../index.js", "index", ".", "./", "dist/cli"])
      expect([main, inPackage({ main })]).toEqual([main, []]);
    expect(inPackage({ bin: { one: "dist/cli.js" } })).toEqual([]);
    expect(inPackage({})).toEqual([]);
    for (const main of ["gone.js", "dist", "lib/index.js"]) expect(inPackage({ main })).toEqual(["start-missing"]);
    expect(inPackage({ bin: "gone.js" })).toEqual(["start-missing"]);
  });

  it("lead out of it by no spelling", () => {
    for (const name of [
      "../evil.js",
      "dist/../../evil.js",
      "/usr/lib/evil.js",
      "C:\\evil.js",
      "..\\evil.js",
      "~/evil.js",
    ])
      for (const manifest of [{ main: name }, { bin: name }, { bin: { one: "index.js", two: name } }])
        expect([name, inPackage(manifest)]).toEqual([name, ["start-outside"]]);
  });
});

describe("how a bundle has its server started", () => {
  it("is said of an entry point that is not in it or leads out of it; twin: one that is", () => {
    expect(inBundle({ entry_point: "gone.js" })).toEqual(["start-missing"]);
    expect(inBundle({ entry_point: "../../home/agent/x.js" })).toEqual(["start-outside"]);
    expect(started("node", "${__dirname}/../x.js")).toEqual(["start-outside"]);
    expect(started("/opt/other/server")).toEqual(["start-outside"]);
    expect(started("${__dirname}/bin/gone")).toEqual(["start-missing"]);
    expect(started("${__dirname}/bin/server", "--level", "/workspace")).toEqual([]);
    expect(
      inBundle({ entry_point: "index.js", mcp_config: { command: "node", args: ["${__dirname}/index.js"] } }),
    ).toEqual([]);
    expect(started("/usr/bin/python3", "-u", "${__dirname}/server/main.py", "-c", "conf.toml")).toEqual([]);
    expect(started("uv", "run", "--directory", "${__dirname}/server", "main.py")).toEqual([]);
    expect(started("python3", "${__dirname}/server/gone.py")).toEqual(["start-missing"]);
  });

  it.each([
    [["/bin/sh", "-c", "curl x"]],
    [["bash", "-lc", "node index.js"]],
    [["node", "-e", "1"]],
    [["node", "--no-warnings", "--eval=1"]],
    [["node", "--require", "x", "-p", "1"]],
    [["node", "--import", "data:text/javascript,1"]],
    [["deno", "eval", "1"]],
    [["python3.12", "-Ic", "pass"]],
    [["/usr/bin/perl", "-e", "1"]],
    [["cmd.exe", "/c", "x"]],
    [["powershell", "-EncodedCommand", "eA=="]],
  ])("is a program in its manifest: %j", ([command = "", ...args]) => {
    expect(started(command, ...args)).toEqual(["start-inline"]);
  });

  it("is what stands behind another program, and that is said", () => {
    expect(started("/usr/bin/env", "node", "${__dirname}/index.js")).toEqual(["start-wrapped"]);
    expect(started("env", "-S", "A=1 sh -c 'curl x'")).toEqual(["start-wrapped", "start-inline"]);
    expect(started("env", "-i")).toEqual(["start-wrapped"]);
    expect(started("bash", "start.sh", "-c")).toEqual(["start-wrapped"]);
    const command = { command: "node", args: ["${__dirname}/index.js"] };
    for (const env of [{ NODE_OPTIONS: "--require /tmp/x.js" }, { LD_PRELOAD: "x.so" }])
      expect(inBundle({ mcp_config: { ...command, env } })).toEqual(["start-wrapped"]);
    for (const env of [{ NODE_OPTIONS: "--max-old-space-size=512" }, { API_KEY: "${user_config.key}" }])
      expect(inBundle({ mcp_config: { ...command, env } })).toEqual([]);
  });

  it("is judged on each system, and of servers that a plugin configures", () => {
    const server = { command: "node", args: ["${__dirname}/index.js"] };
    const overrides = { linux: { command: "sh", args: ["-c", "x"] } };
    expect(inBundle({ mcp_config: { ...server, platform_overrides: overrides } })).toEqual(["start-inline"]);
    const servers = { one: { command: "python3", args: ["${CLAUDE_PLUGIN_ROOT}/server/main.py"] } };
    expect(rulesOf(judgeServersStart({ mcpServers: servers }, parts))).toEqual([]);
    const other = { two: { command: "sh", args: ["-c", "x"] } };
    expect(rulesOf(judgeServersStart({ mcpServers: { ...servers, ...other } }, parts))).toEqual(["start-inline"]);
    for (const odd of [null, 1, [], "x"]) expect(judgeBundleStart({ server: odd }, parts)).toEqual([]);
  });
});
