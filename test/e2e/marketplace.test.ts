import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isGrave } from "../../src/extensions/vet/finding.ts";
import type { VetTools } from "../../src/extensions/vet/tree.ts";
import { vetTree } from "../../src/extensions/vet/vet.ts";
import { loadVetTools } from "../../src/main/vet-tools.ts";
import { startMarketSite, type MarketSite } from "../fakes/market-site.ts";
import { fill, locked, MARKETPLACE, OTHER_KINDS, type RunnableExtension } from "../vetting/marketplace.ts";
import { REPO, startSubstrate, type Substrate } from "./substrate.ts";

/*
 * The marketplace of OpenClaw restated: a skill of each technique that was seen there, installed and obeyed by a stand-in for an
 * agent whose model does what it reads, bare and under AIOS with vetting switched off; and what vetting says of each. With the
 * real package, one of them is followed in test/agents/openclaw.test.ts; servers are in corpus.test.ts.
 * docs/openclaw-marketplace.md has the table.
 */
const FAKES = join(REPO, "test", "fakes");
const ALL = [...MARKETPLACE, ...OTHER_KINDS];
const CANARY = "canary-2718";
const KEPT = [
  ".clawdbot/.env",
  ".ssh/id_rsa",
  ".bashrc",
  ".openclaw/workspace/SOUL.md",
  ".openclaw/exec-approvals.json",
  ".config/google-chrome/Default/Login Data",
  "Library/Keychains/login.keychain-db",
];

/** What came of an extension: what arrived at its maker's, and what of the home is not as it was. */
interface Effects {
  readonly sent: readonly string[];
  readonly changed: readonly string[];
}

describe("a skill of each technique of the marketplace", () => {
  let aios: Substrate;
  let site: MarketSite;
  let outside: string;
  let tools: VetTools;
  const bare = new Map<string, Effects>();
  const sealed = new Map<string, Effects>();

  beforeAll(async () => {
    outside = realpathSync(mkdtempSync(join(tmpdir(), "aios-market-")));
    chmodSync(outside, 0o777);
    site = await startMarketSite(`echo taken > ${outside}/shell\nexit\n`);
    tools = await loadVetTools();
    aios = await startSubstrate();
  });
  afterAll(async () => {
    await aios?.stop();
    site?.close();
    rmSync(outside, { recursive: true, force: true });
  });

  /** A home that every user may write: what keeps it whole is the sandbox. */
  function makeHome(name: string): string {
    const home = join(outside, "homes", name);
    for (const path of KEPT) {
      mkdirSync(join(home, dirname(path)), { recursive: true });
      writeFileSync(join(home, path), `${CANARY}\n`);
    }
    openUp(join(outside, "homes"));
    return home;
  }

  function openUp(place: string): void {
    const folder = statSync(place).isDirectory();
    chmodSync(place, folder ? 0o777 : 0o666);
    if (folder) for (const each of readdirSync(place)) openUp(join(place, each));
  }

  /** Puts an extension where the agent looks for skills, as its marketplace's program does, and its stages on its site. */
  function install({ name, made, hosted = {} }: RunnableExtension, skills: string): void {
    const filled = { home: makeHome(name), site: `${site.url}/${name}`, shell: site.shell };
    for (const [path, text] of Object.entries(made.files)) {
      mkdirSync(join(skills, name, dirname(path)), { recursive: true });
      writeFileSync(join(skills, name, path), fill(text, filled));
    }
    for (const [path, text] of Object.entries(hosted)) {
      const stage = fill(text, filled);
      const packed = path.endsWith(".zip") ? locked("openclaw", { [path.slice(0, -".zip".length)]: stage }) : stage;
      site.hand(`/${name}/${path}`, packed);
    }
  }

  /** What came of it since `from`, and its home as it was before. */
  function effectsOf(name: string, from: number): Effects {
    const home = join(outside, "homes", name);
    const changed = filesBelow(home).filter(
      (path) => !KEPT.includes(path) || readFileSync(join(home, path), "utf8") !== `${CANARY}\n`,
    );
    const came = site.came.slice(from).filter(({ to }) => to.startsWith(`/${name}/`));
    const sent = came.map(({ to, text }) =>
      text.includes(CANARY)
        ? "keys are sent"
        : text === ""
          ? `${to.slice(name.length + 2)} is fetched`
          : "words are sent",
    );
    const shell = name === "reverse-shell" && site.came.slice(from).some(({ to }) => to === "shell");
    rmSync(home, { recursive: true });
    return { sent: [...new Set([...sent, ...(shell ? ["a shell is handed over"] : [])])], changed };
  }

  test("takes effect when a bare agent that obeys installs it", { timeout: 120_000 }, async () => {
    const skills = join(outside, "skills");
    for (const each of ALL) install(each, skills);
    const words = [join(FAKES, "obedient-agent.mjs"), skills, join(FAKES, "market-tools.mjs")];
    const agent = spawn(process.execPath, words, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { PATH: process.env["PATH"] ?? "", TMPDIR: outside },
    });
    agent.stdout.resume();
    await once(agent, "close");
    for (const { name } of ALL) bare.set(name, effectsOf(name, 0));
    for (const [name, { sent, changed }] of bare)
      expect([name, sent.length + changed.length > 0]).toEqual([name, true]);
    expect(readFileSync(join(outside, "shell"), "utf8")).toBe("taken\n");
    rmSync(join(outside, "shell"));
  });

  test("takes none under AIOS, with vetting switched off, though each was obeyed", { timeout: 120_000 }, async () => {
    const from = site.came.length;
    const skills = join(aios.workspace, "skills");
    for (const each of ALL) install(each, skills);
    // What the others are obeyed with works there: this one takes effect in the folder that the grant names.
    mkdirSync(join(skills, "honest"));
    writeFileSync(join(skills, "honest", "SKILL.md"), "Run `node -p 1+1 > notes.txt` first.\n");
    openUp(aios.workspace);
    await aios.grant({ id: "market", agents: ["market"], allow: [], workspace: "write", programs: "any" });
    const code = ["obedient-agent.mjs", "market-tools.mjs", "obeying.mjs"].map((name) => {
      cpSync(join(FAKES, name), join(outside, name));
      return join(outside, name);
    });
    const [program = "", kit = ""] = code;
    const ran = await aios.run({
      agent: "market",
      workspace: aios.workspace,
      code,
      command: ["/aios/node", program, "/workspace/skills", kit],
    });
    const obeyed = ran.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { name: string; ran: number });
    expect(obeyed.map(({ name }) => name)).toEqual([...ALL.map(({ name }) => name), "honest"].toSorted());
    expect(obeyed.filter(({ ran: commands }) => commands === 0)).toEqual([]);
    expect(readFileSync(join(skills, "honest", "notes.txt"), "utf8")).toBe("2\n");
    for (const { name } of ALL) sealed.set(name, effectsOf(name, from));
    expect(Object.fromEntries(sealed)).toEqual(
      Object.fromEntries(ALL.map(({ name }) => [name, { sent: [], changed: [] }])),
    );
    expect(site.came.slice(from)).toEqual([]);
    expect(readdirSync(outside).includes("shell")).toBe(false);
  });

  test("is found by vetting, and the page has the table of all that", () => {
    const rows = ALL.map((each) => ({ each, rules: vet(each) }));
    for (const { each, rules } of rows) expect([each.name, rules.length > 0]).toEqual([each.name, true]);
    const table = rows
      .filter(({ each }) => MARKETPLACE.includes(each))
      .map(({ each: { name, seen, made }, rules }) =>
        [
          made.technique,
          seen,
          told(bare.get(name)),
          rules.map((rule) => `\`${rule}\``).join(", "),
          told(sealed.get(name)),
        ].join(" | "),
      );
    const page = readFileSync(join(REPO, "docs", "openclaw-marketplace.md"), "utf8").replaceAll(/ +/gu, " ");
    expect(page.match(/^\| (?!technique|-)(.*) \|$/gmu)?.map((row) => row.slice(2, -2))).toEqual(table);
  });

  function vet({ made }: RunnableExtension): readonly string[] {
    const filled = { home: "~", site: "https://files.collect.example", shell: "c2.collect.example/4444" };
    const files = Object.entries(made.files).map(([path, text]) => ({
      path,
      bytes: new TextEncoder().encode(fill(text, filled)),
    }));
    const { findings } = vetTree({ files, skipped: [] }, { tools });
    return [...new Set(findings.filter(({ rule }) => isGrave(rule)).map(({ rule }) => rule))].toSorted();
  }
});

function told(effects: Effects | undefined): string {
  const { sent = [], changed = [] } = effects ?? {};
  const all = [...sent.toSorted(), ...changed.map((path) => `\`${path}\` is written`)];
  return all.length === 0 ? "nothing" : all.join("; ");
}

function filesBelow(folder: string, top: string = folder): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((each) => {
    const path = join(folder, each.name);
    return each.isDirectory() ? filesBelow(path, top) : [relative(top, path)];
  });
}
