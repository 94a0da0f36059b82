// Puts a real agent's npm package into `.cache/agents`, for the proofs that run it: fetch-agent.cjs NAME
// Asked for by hand only (npm run proof:claude-code): these packages are large, and nothing else needs them.
"use strict";

const { spawnSync } = require("node:child_process");
const { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const AGENTS = { "claude-code": { package: "@anthropic-ai/claude-code", version: "2.1.197" } };

const name = process.argv[2] ?? "";
const agent = AGENTS[name];
if (agent === undefined) {
  console.error(`fetch-agent: there is no "${name}"; there are ${Object.keys(AGENTS).join(", ")}`);
  process.exit(2);
}
const place = join(__dirname, "..", ".cache", "agents", name);
if (!existsSync(place)) {
  console.error(`fetch-agent: installing ${agent.package}@${agent.version}, without install scripts`);
  const next = `${place}.${process.pid}`;
  mkdirSync(next, { recursive: true });
  writeFileSync(join(next, "package.json"), '{"private":true}\n');
  const wanted = `${agent.package}@${agent.version}`;
  const run = spawnSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", wanted], {
    cwd: next,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (run.status === 0) renameSync(next, place);
  else rmSync(next, { recursive: true, force: true });
  process.exitCode = run.status ?? 1;
}
