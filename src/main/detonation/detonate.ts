import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeUpHome, type MadeUp } from "../../extensions/detonate/canaries.ts";
import { isGraveRule, type DetonationReport, type Moment } from "../../extensions/detonate/finding.ts";
import { judge, type Observation, type Seen } from "../../extensions/detonate/judge.ts";
import { planSteps, type Step } from "../../extensions/detonate/steps.ts";
import type { Tree } from "../../extensions/vet/tree.ts";
import { createRandom } from "../../platform/keys/random.ts";
import type { AgentStart } from "../../platform/sandbox/sandbox-process.ts";
import { readTree as readSealedTree } from "../../platform/files/sealed-tree.ts";
import type { WardNews } from "../../platform/sandbox/supervisor-link.ts";
import type { ExtensionSays } from "../../protocol/extension.ts";
import { INSIDE_USER } from "../../sandbox/layout.ts";
import { withFirstWords } from "../../drivers/first-words.ts";
import { loadVetTools } from "../vet-tools.ts";
import { CHAMBER_LIMITS, chamberFolders, startStep, type Chamber, type Running } from "./chamber.ts";
import { driveServer, tellEnd, type Driven } from "./drive-server.ts";
import { createFakeNetwork, type FakeNetwork } from "./fake-network.ts";
import { holdInside } from "./inside.ts";
import { watchFolders, writeFiles, type Watched } from "./made-home.ts";

/** Time for one step, all of them, an answer and a start of a server; milliseconds. */
export const PATIENCE = { step: 15_000, all: 180_000, call: 5_000, start: 15_000 };
/** Bytes of output that are kept of a step, and how often a folder is measured. */
const SAID_MOST = 1024 * 1024;
const MEASURE_MS = 250;
const DISK = { bytes: 192 * 1024 * 1024, names: 5_000 };
/** What a supervisor gathers comes so much later. */
const GATHERED_MS = 150;
const LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const WORKSPACE_FILES = {
  "notes.txt": "Notes of a meeting: ship on Friday, Ann writes the letter.\n",
  "CLAUDE.md": "# This project\n\nKeep functions short.\n",
  "src/index.js": "console.log('hello');\n",
};
/** Stands for a folder in which nothing is: no tree has this digest. */
const NO_FILES = `sha256:${"0".repeat(64)}`;
/** What every Node tries when it starts. */
const ORDINARY_CALLS: ReadonlySet<string> = new Set(["io_uring_setup"]);

export interface Detonating {
  /** A host folder with the extension's files, which this may change. */
  readonly folder: string;
  readonly tree: Tree;
  readonly says: Pick<ExtensionSays, "asks" | "entry">;
  /** Words for its server, as its person would write them. */
  readonly given: readonly string[];
  /** In place of what it says of its server: the command of a grant. */
  readonly command?: readonly string[];
  readonly node: string;
  readonly agents: Omit<AgentStart, "hear">;
  readonly version: string;
  readonly patience?: typeof PATIENCE;
}

/** A folder for one detonation, 0700, with `tree` in it. The caller removes it. */
export function makeChamberFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "aios-detonation-")));
  for (const path of Object.values(chamberFolders(folder))) mkdirSync(path, { mode: 0o755 });
  return folder;
}

export function removeChamberFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/**
 * Runs all that an extension would have run, each step in a sealed sandbox of its own with one made-up home for all, and
 * says what went beyond its manifest or touched a canary. Rejects with SandboxError when there is no confinement
 * (CONFINED-OR-NOT-AT-ALL): then nothing of it has run.
 */
export async function detonate(what: Detonating): Promise<DetonationReport> {
  const { folder, tree, says } = what;
  const patience = what.patience ?? PATIENCE;
  const { letters } = createLetters();
  const made = makeUpHome(letters);
  const fetched = { program: `/aios/fetched-${letters(12)}`, file: `.fetched-${letters(12)}` };
  const folders = chamberFolders(folder);
  const digest = digestOf(folders.tree);
  writeFiles(folders.home, made.files);
  writeFiles(folders.workspace, WORKSPACE_FILES);
  const tools = await loadVetTools();
  const texts = new Map(tree.files.map(({ path, bytes }) => [path, tools.decode(bytes)]));
  const network = createFakeNetwork(fetched);
  const environment = { ...configured([...texts.values()]), ...made.environment };
  const chamber: Chamber = { ...folders, node: what.node, agents: what.agents, network, environment };
  const inside = { [INSIDE_USER.home]: folders.home, "/workspace": folders.workspace };
  const watched = watchFolders(inside, folders.home, made);
  const { steps, left } = planSteps(texts, { entry: says.entry, ...what });
  const work = { chamber, watched, network, made, fetched, patience, version: what.version };
  const observations: Observation[] = [];
  const ran: DetonationReport["ran"][number][] = [];
  let calls = 0;
  const began = Date.now();
  try {
    for (const step of steps) {
      if (Date.now() - began > patience.all) {
        observations.push(skipped(step, "was not run: the others took all the time"));
        continue;
      }
      const done = await runStep(step, work);
      observations.push(...done.observations);
      ran.push({ step: step.title, how: done.how, ms: done.ms });
      calls += done.calls;
    }
    const last = steps.at(-1);
    if (left > 0 && last !== undefined)
      observations.push(skipped(last, `${left} more were not run: they are too many`));
  } finally {
    network.close();
    watched.close();
  }
  const given = ["/workspace/notes.txt"];
  const findings = judge(observations, {
    asks: says.asks,
    canaries: made.canaries,
    tools,
    home: INSIDE_USER.home,
    given,
    now: () => performance.now(),
  });
  return { v: 1, digest, ran, calls, findings, grave: findings.some(({ rule }) => isGraveRule(rule)) };
}

interface Work {
  readonly chamber: Chamber;
  readonly watched: Watched;
  readonly network: FakeNetwork;
  readonly made: MadeUp;
  readonly fetched: { readonly program: string; readonly file: string };
  readonly patience: typeof PATIENCE;
  readonly version: string;
}

interface Done {
  readonly observations: readonly Observation[];
  readonly how: string;
  readonly ms: number;
  readonly calls: number;
}

function skipped(step: Step, why: string): Observation {
  return { step, moment: { step: step.title, call: null, ms: 0 }, seen: { kind: "not-run", why } };
}

async function runStep(step: Step, work: Work): Promise<Done> {
  const { chamber, watched, network, fetched, patience } = work;
  const observations: Observation[] = [];
  const began = Date.now();
  const moment = (call: string | null): Moment => ({ step: step.title, call, ms: Date.now() - began });
  const see = (seen: Seen, call: string | null = null): void => {
    if (observations.length < 20_000) observations.push({ step, moment: moment(call), seen });
  };
  const programs = new Set<string>();
  let datagrams = 0;
  const hear = (news: WardNews): void => {
    if (news.event === "connected" && news.kind === "datagram") datagrams++;
    hearNews(news, { see, network, fetched, programs });
  };
  const look = async (call: string | null): Promise<void> => {
    for (const file of watched.opened()) see({ kind: "opened", file }, call);
    for (const change of watched.changes()) {
      if (change.place === `${INSIDE_USER.home}/${fetched.file}`)
        see({ kind: "fetched-run", how: "ran a script that it had from the network" }, call);
      else see({ kind: "file", ...change }, call);
      if (change.size >= CHAMBER_LIMITS.fileBytes)
        see({ kind: "bound", what: "filled a file with all that one may hold" }, call);
    }
    const { sent, names, overflowed } = await network.take();
    for (const name of names) see({ kind: "asked-name", name }, call);
    for (const each of sent) see({ kind: "sent", ...each }, call);
    if (overflowed) see({ kind: "bound", what: "sent more than is kept of it" }, call);
  };

  const running = await startStep(chamber, step, { hear, reached: (bound) => see({ kind: "bound", what: bound }) });
  const { sandbox } = running;
  const said = [keep(running.errors), ...(step.kind === "server" ? [] : [keep(running.talk)])];
  const inside = holdInside(sandbox);
  let filled = false;
  const measure = setInterval(() => {
    const { bytes, names } = watched.size();
    const full = inside.full();
    if (bytes <= DISK.bytes && names <= DISK.names && full === null) return;
    if (!filled) see({ kind: "bound", what: `filled ${full ?? "its folders"}, and was ended` });
    filled = true;
    sandbox.kill();
  }, MEASURE_MS);
  const late = setTimeout(
    () => {
      see({ kind: "bound", what: "took all the time that it was given, and was ended" });
      sandbox.kill();
    },
    step.kind === "server" ? patience.all : patience.step,
  );
  let driven: Driven = { kind: "driven", calls: 0 };
  try {
    if (step.kind === "server") driven = await driveServer(running, { patience, version: work.version, see, look });
    else running.talk.end(step.input);
    if (step.kind === "server") sandbox.kill();
    const end = await sandbox.ended;
    clearTimeout(late);
    await new Promise((resolve) => setTimeout(resolve, GATHERED_MS));
    await look(null);
    const full = inside.full();
    if (full !== null && !filled) see({ kind: "bound", what: `filled ${full}` });
    const times = inside.lost() - datagrams;
    if (times > 0) see({ kind: "sent-unseen", times });
    if (tellEnd(end).endsWith("SIGXFSZ")) see({ kind: "bound", what: "wrote more into a file than one may hold" });
    for (const part of said)
      see({ kind: "said", what: "what it printed", text: part(), forAgent: step.kind === "block" });
    if (programs.size > 0) see({ kind: "started", programs: [...programs] });
    if (driven.kind === "unanswered")
      see({
        kind: "not-run",
        why: `did not answer as a server does: ${withFirstWords(driven.why, said[0]?.() ?? "")}`,
      });
    if (step.kind !== "server" && end.code !== 0) see({ kind: "failed", how: tellEnd(end) });
    const calls = driven.kind === "driven" ? driven.calls : 0;
    const how = driven.kind === "unanswered" ? driven.why : step.kind === "server" ? `${calls} calls` : tellEnd(end);
    return { observations, how, ms: Date.now() - began, calls };
  } finally {
    clearTimeout(late);
    clearInterval(measure);
    sandbox.kill();
    await sandbox.ended;
    inside.close();
    for (const socket of [running.talk, running.errors]) socket.destroy();
  }
}

function hearNews(
  news: WardNews,
  to: Pick<Work, "network" | "fetched"> & { readonly see: (seen: Seen) => void; readonly programs: Set<string> },
): void {
  const { see, network, fetched, programs } = to;
  switch (news.event) {
    case "connected":
      network.meant(news);
      // The address that names are asked at is ours.
      if (news.address !== "198.18.0.1" && news.port !== 0)
        see({ kind: "connected", host: network.hostOf(news.address), port: news.port });
      return;
    case "started":
      for (const { program, arguments: words } of news.programs) {
        if (program === fetched.program) see({ kind: "fetched-run", how: "ran what a shell had from the network" });
        else programs.add([program, ...words.slice(1)].join(" ").slice(0, 120));
      }
      return;
    case "refused":
      for (const call of Object.keys(news.calls).filter((name) => !ORDINARY_CALLS.has(name))) {
        const example = news.examples.find((each) => each.call === call);
        see({ kind: "refused", call, program: example?.program ?? "it" });
      }
      return;
    case "terminal":
      return see({ kind: "terminal", call: news.call, program: news.program });
    case "unsupervised":
      return see({ kind: "not-run", why: "was ended, since nobody watched it any more" });
    case "failed":
      return see({ kind: "not-run", why: `did not start: ${news.words}` });
    case "launched":
    case "gone":
    case "written":
    case "files-refused":
      return;
  }
}

/** The beginning of what comes. */
function keep(socket: Running["talk"]): () => string {
  const parts: Buffer[] = [];
  let bytes = 0;
  socket.on("data", (part: Buffer) => {
    if (bytes < SAID_MOST) parts.push(part);
    bytes += part.length;
  });
  return () => Buffer.concat(parts).toString("utf8").toWellFormed();
}

/** Settings that a program reads by a name of its own are there, as a person would have made them: else it would not start. */
function configured(texts: readonly string[]): { readonly [name: string]: string } {
  const names = new Set<string>();
  const pattern =
    /(?:process\.env(?:\.|\[["'])|os\.environ(?:\.get\(|\[)["'])([A-Z][A-Z0-9_]{2,60}(?:KEY|TOKEN|SECRET|PASSWORD|URL|ID))\b/gu;
  for (const text of texts) for (const [, name = ""] of text.matchAll(pattern)) if (names.size < 64) names.add(name);
  return Object.fromEntries(
    [...names].map((name) => [name, name.endsWith("URL") ? "https://detonation.example" : "configured-by-a-person"]),
  );
}

/** As the store names a tree, which never is empty there: it is read before anything of it runs. */
function digestOf(tree: string): string {
  if (readdirSync(tree).length === 0) return NO_FILES;
  const root = openSync(tree, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    return readSealedTree(root, { seal: false }).digest;
  } finally {
    closeSync(root);
  }
}

function createLetters(): { letters(count: number): string } {
  const random = createRandom();
  return {
    letters: (count) =>
      Array.from({ length: Math.ceil(count) }, () => LETTERS[parseInt(random.hex(2), 16) % LETTERS.length] ?? "a").join(
        "",
      ),
  };
}
