// Puts real agents' npm packages into `.cache/agents`, for the proofs that run them: fetch-agent.cjs NAME…
// Asked for by .ci/run and by hand (npm run proof:claude-code, proof:openclaw, proof:extensions, proof:receiver); `npm test` alone fetches none.
"use strict";

const { spawnSync } = require("node:child_process");
const { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

/** Throws when it is called: a dependency that npm has no registry for, and that no proof comes near. Names as Node finds them. */
const LEFT_OUT = `exports.deriveSecrets = exports.decrypt = exports.encrypt = exports.generateKeyPair = exports.calculateMAC =
  exports.calculateSignature = exports.verifySignature = () => { throw new Error("left out"); };
`;

/**
 * `packages` in exact versions. `leftOut`: what these depend on by a git address, by name, with the modules that they load.
 * The last `clawdbot` (the name of OpenClaw until January 2026) is the newest release with the holes of that month.
 */
const AGENTS = {
  "claude-code": { packages: ["@anthropic-ai/claude-code@2.1.197"], leftOut: {} },
  // Its install script is off, so its own program does the rest when it is first run: here, where it may still write.
  openclaw: { packages: ["openclaw@2026.9.6"], leftOut: {}, first: "node_modules/openclaw/openclaw.mjs" },
  clawdbot: {
    // strip-ansi: loaded by a dependency that does not declare it.
    packages: ["clawdbot@2026.1.24-3", "strip-ansi@7.1.2"],
    leftOut: { libsignal: ["index.js", "src/curve.js", "src/crypto.js"] },
  },
  // No agents: MCP servers that need no account and no network, two of them of other publishers.
  "mcp-servers": {
    packages: [
      "@modelcontextprotocol/server-memory@2026.8.31",
      "@modelcontextprotocol/server-sequential-thinking@2026.8.31",
      "@cyanheads/git-mcp-server@2.15.3",
      "time-mcp@1.0.6",
    ],
    leftOut: {},
  },
  // No agent: a server of another project that takes what OpenTelemetry sends over HTTP, and shows it.
  "otlp-server": { packages: ["@genkit-ai/telemetry-server@1.43.0"], leftOut: {} },
};

function writeLeftOut(folder, name, modules) {
  mkdirSync(join(folder, "left-out", name, "src"), { recursive: true });
  const about = { name, version: "0.0.0", main: "index.js" };
  writeFileSync(join(folder, "left-out", name, "package.json"), JSON.stringify(about));
  for (const module of modules) writeFileSync(join(folder, "left-out", name, module), LEFT_OUT);
}

/** Runs an agent's program once for its version, with an empty home. */
function runFirst({ first }, folder) {
  if (first === undefined) return 0;
  const home = join(folder, "first-home");
  mkdirSync(home);
  const env = { PATH: process.env.PATH, HOME: home };
  const { status } = spawnSync(process.execPath, [join(folder, first), "--version"], { env, stdio: "inherit" });
  rmSync(home, { recursive: true, force: true });
  return status;
}

function fetchAgent(name) {
  const agent = AGENTS[name];
  if (agent === undefined) {
    console.error(`fetch-agent: there is no "${name}"; there are ${Object.keys(AGENTS).join(", ")}`);
    return 2;
  }
  const place = join(__dirname, "..", ".cache", "agents", name);
  if (existsSync(place)) return 0;
  console.error(`fetch-agent: installing ${agent.packages.join(" and ")}, without install scripts`);
  const next = `${place}.${process.pid}`;
  mkdirSync(next, { recursive: true });
  const overrides = {};
  for (const [left, modules] of Object.entries(agent.leftOut)) {
    writeLeftOut(next, left, modules);
    overrides[left] = `file:./left-out/${left}`;
  }
  writeFileSync(join(next, "package.json"), JSON.stringify({ private: true, overrides }));
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--install-links"];
  const run = spawnSync("npm", ["install", ...flags, ...agent.packages], {
    cwd: next,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const status = run.status === 0 ? runFirst(agent, next) : run.status;
  if (status === 0) renameSync(next, place);
  else rmSync(next, { recursive: true, force: true });
  return status ?? 1;
}

const names = process.argv.slice(2);
process.exitCode = names.length === 0 ? 2 : names.reduce((code, name) => code || fetchAgent(name), 0);
