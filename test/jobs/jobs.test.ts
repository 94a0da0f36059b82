import { spawn, spawnSync } from "node:child_process";
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NET_TOOLS } from "../../src/kernel/net.ts";
import { listClosure, locate } from "../../src/main/package-finder.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import { REPO, startSubstrate, type Substrate } from "../e2e/substrate.ts";
import { readUser } from "../e2e/user.ts";
import { COMMAND } from "../fakes/command.ts";
import { GIT_JOBS } from "./git.ts";
import type { Job } from "./job.ts";
import { NATIVE_JOBS } from "./native.ts";
import { NODE_JOBS } from "./node.ts";
import { PYTHON_JOBS } from "./python.ts";
import { startApi, startRegistry, type Service } from "./services.ts";
import { SHELL_JOBS } from "./shell.ts";

/*
 * Ordinary work, done inside: `aios run` as people type it, a folder that may be written, programs as they please. Each job
 * must come out as it does outside, with no denied action, no question to a human and no frozen instance on the way.
 */
const ALL = process.env["AIOS_JOBS"] === "all";
const JOBS: readonly Job[] = [...GIT_JOBS, ...NODE_JOBS, ...PYTHON_JOBS, ...NATIVE_JOBS, ...SHELL_JOBS];
const OWN_USER = process.geteuid?.() === 0 ? readUser("aios") : null;
/** Where programs of the sandbox are looked for; outside there may be more. */
const PATH_INSIDE = ["/usr/local/bin", "/usr/bin", "/bin"];
/** Kinds of record that no honest job leaves. */
const TROUBLE: ReadonlySet<LogRecord["kind"]> = new Set(["denied", "held", "instance-frozen", "terminal", "refused"]);

let aios: Substrate;
let services: { readonly registry: Service; readonly api: Service };

beforeAll(async () => {
  aios = await startSubstrate();
  services = { registry: await startRegistry(), api: await startApi() };
});
afterAll(async () => {
  for (const service of Object.values(services)) service.close();
  await aios.stop();
});

describe("ordinary jobs of developers", () => {
  for (const [index, job] of JOBS.entries()) {
    const missing = (job.needs ?? []).filter(
      (program) => !PATH_INSIDE.some((folder) => existsSync(join(folder, program))),
    );
    if (missing.length > 0) {
      console.warn(`NOT RUN: "${job.name}" needs ${missing.join(", ")}`);
      test.skip(job.name, () => {});
      continue;
    }
    if (!job.quick && !ALL) continue;
    test(job.name, async () => {
      const agent = `job-${index}`;
      const folder = prepare(agent, job);
      await grantFor(agent, job);
      const ran = await runInside(agent, folder, job);
      expect(ran.stderr).not.toMatch(/^aios: (?!\d+ changes? in the workspace)/m);
      expect({ exit: ran.exit, said: ran.exit === 0 ? "" : ran.stdout + ran.stderr }).toEqual({ exit: 0, said: "" });
      compare(ran.stdout.trim(), job.prints);
      for (const [path, text] of Object.entries(job.leaves ?? {})) {
        compare(readFileSync(join(folder, path), "latin1"), text);
      }
      await expectQuiet(agent, job);
      rmSync(folder, { recursive: true, force: true });
    });
  }
});

function compare(found: string, wanted: string | RegExp): void {
  if (typeof wanted === "string") expect(found).toBe(wanted);
  else expect(found).toMatch(wanted);
}

/** The folder of the project as the person left it: it belongs to the monitor's user, as a workspace must. */
function prepare(agent: string, job: Job): string {
  const folder = join(aios.workspace, agent);
  mkdirSync(folder);
  for (const [path, text] of Object.entries(job.files ?? {})) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  if (job.before !== undefined) outside(job.before, folder);
  if (OWN_USER !== null) outside(`chown -R ${OWN_USER.uid}:${OWN_USER.gid} .`, folder);
  // After the change of owner: these are links to files of this repository.
  if (job.packages !== undefined) installPackages(folder, job.packages);
  return folder;
}

function outside(script: string, cwd: string): void {
  const { status, stderr } = spawnSync("sh", ["-euc", script], { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`the folder could not be prepared: ${stderr}`);
}

function installPackages(folder: string, names: readonly string[]): void {
  const modules = join(REPO, "node_modules");
  const closure = names.flatMap((name) => listClosure(locate(name, REPO) ?? name));
  for (const path of new Set(closure)) {
    const to = join(folder, "node_modules", path.slice(modules.length + 1));
    mkdirSync(dirname(to), { recursive: true });
    if (spawnSync("cp", ["-al", path, to]).status !== 0) cpSync(path, to, { recursive: true });
  }
  if (OWN_USER !== null) chownSync(join(folder, "node_modules"), OWN_USER.uid, OWN_USER.gid);
  const bin = join(folder, "node_modules", ".bin");
  mkdirSync(bin);
  for (const name of names) {
    const { bin: programs } = JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8"));
    const list: readonly [string, string][] =
      typeof programs === "string" ? [[name, programs]] : Object.entries<string>(programs);
    for (const [program, path] of list) {
      writeFileSync(join(bin, program), `#!/bin/sh\nexec node "/workspace/node_modules/${name}/${path}" "$@"\n`, {
        mode: 0o755,
      });
    }
  }
}

async function grantFor(agent: string, job: Job): Promise<void> {
  const open = job.open === undefined ? {} : { open: job.open };
  await aios.grant({ id: `${agent}-box`, agents: [agent], allow: [], workspace: "write", programs: "any", ...open });
  const wishes = job.network ?? [];
  if (wishes.length === 0) return;
  await aios.grant({
    id: `${agent}-net`,
    agents: [agent],
    drivers: { net: { source: { kind: "net" }, tools: NET_TOOLS } },
    allow: wishes.map(({ service, methods }) => ({
      what: methods.includes("POST") ? "net/send" : "net/fetch",
      where: {
        scheme: { equals: "http" },
        host: { equals: "localhost" },
        port: { equals: services[service].port },
        method: { in: methods },
        path: { under: "/" },
      },
    })),
    lease: true,
    limits: { uses: 1000 },
  });
}

/** `aios run` as a person types it, as a process of its own. */
async function runInside(
  agent: string,
  folder: string,
  job: Job,
): Promise<{ readonly exit: number | null; readonly stdout: string; readonly stderr: string }> {
  const environment = {
    REGISTRY: `http://localhost:${services.registry.port}/`,
    API: `http://localhost:${services.api.port}`,
    npm_config_update_notifier: "false",
  };
  const path = `PATH="/workspace/node_modules/.bin:/aios:$PATH"; export PATH\n`;
  const child = spawn(
    COMMAND,
    [
      "run",
      "--home",
      aios.home,
      "--agent",
      agent,
      "--workspace",
      folder,
      ...Object.entries(environment).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
      "--",
      "sh",
      "-euc",
      path + job.script,
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: { PATH: PATH_INSIDE.join(delimiter) } },
  );
  const texts = [child.stdout, child.stderr].map((stream) => {
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => parts.push(part));
    return () => Buffer.concat(parts).toString("utf8");
  });
  const exit = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { exit, stdout: texts[0]?.() ?? "", stderr: texts[1]?.() ?? "" };
}

/** Nothing was denied, nobody was asked, nothing stopped; a job that shows how a denied request looks says how many. */
async function expectQuiet(agent: string, job: Job): Promise<void> {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance: null, kinds: [] });
  const records = entries.map(({ record }) => record);
  const started = records.find((record) => record.kind === "instance-started" && record.agent === agent);
  if (started?.kind !== "instance-started") throw new Error("the job was not recorded");
  const { instance } = started;
  const trouble = records.filter(
    (record) =>
      TROUBLE.has(record.kind) &&
      (("instance" in record && record.instance === instance) ||
        (record.kind === "refused" && record.peer.includes(instance))),
  );
  expect(trouble.map(({ kind }) => kind)).toEqual(Array.from({ length: job.denied ?? 0 }, () => "denied"));
}
