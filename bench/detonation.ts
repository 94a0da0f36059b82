/**
 * Vets and detonates the whole corpus of made extensions, and prints how many of the malicious each found and of the benign
 * each held up, and both together. Exit code 1 when both together miss the bar.
 *
 *     npm run proof:detonation                 all of it, about ten minutes
 *     npm run proof:detonation -- server       those whose name ("benign server plain") holds this word
 *
 * Two at once: each is a process of its own with its sandboxes. Packages that a server names and no registry is asked for are
 * those of this repository.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { argv, exit, stdout } from "node:process";
import { fileURLToPath } from "node:url";
import { readAdvisories } from "../src/extensions/vet/advisories.ts";
import { vetTree } from "../src/extensions/vet/vet.ts";
import { isGraveRule, type DetonationFinding } from "../src/extensions/detonate/finding.ts";
import { createDetonation } from "../src/main/detonating.ts";
import { loadVetTools } from "../src/main/vet-tools.ts";
import { CORPUS } from "../test/vetting/corpus.ts";
import { KNOWN_BAD } from "../test/vetting/known-bad.ts";

const MODULES = fileURLToPath(new URL("../node_modules/", import.meta.url));
const PACKAGES = ["@modelcontextprotocol/server", "@modelcontextprotocol/core", "zod"];
const AT_ONCE = 2;
const BAR = { recall: 0.95, heldUp: 0.05 };

type Made = (typeof CORPUS)[number];

interface Judged {
  readonly made: Made;
  readonly vetted: boolean;
  /** Grave findings of detonation; null when nothing of it could be run, and why. */
  readonly grave: readonly DetonationFinding[] | null;
  readonly steps: number;
  readonly why: string;
}

const tools = await loadVetTools();
const detonation = createDetonation();
const known = readAdvisories(KNOWN_BAD);
if (known.kind !== "ok") throw new Error(known.why);
const { advisories } = known;

async function judge(made: Made, place: string): Promise<Judged> {
  const files = Object.entries(made.files).map(([path, text]) => ({ path, bytes: new TextEncoder().encode(text) }));
  const { grave: vetted } = vetTree({ files, skipped: [] }, { tools, advisories });
  const folder = join(place, "made");
  for (const [path, text] of Object.entries(made.files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  if (Object.values(made.files).some((text) => PACKAGES.some((name) => text.includes(`from "${name}`))))
    for (const name of PACKAGES)
      cpSync(join(MODULES, name), join(folder, "node_modules", name), {
        recursive: true,
        filter: (from) => !/\.(?:map|[cm]?ts)$/u.test(from),
      });
  const answer = await detonation.run(folder, { given: [] });
  if (answer.kind === "failed")
    return { made, vetted, grave: null, steps: 0, why: `${answer.code}: ${answer.message}` };
  const { findings, ran } = answer.report;
  return { made, vetted, grave: findings.filter(({ rule }) => isGraveRule(rule)), steps: ran.length, why: "" };
}

async function judgeAll(corpus: readonly Made[]): Promise<readonly Judged[]> {
  const judged: Judged[] = [];
  const left = [...corpus];
  const work = async (): Promise<void> => {
    for (let made = left.shift(); made !== undefined; made = left.shift()) {
      const place = mkdtempSync(join(tmpdir(), "aios-corpus-"));
      try {
        const one = await judge(made, place);
        judged.push(one);
        stdout.write(`${describe(one)}\n`);
      } finally {
        rmSync(place, { recursive: true, force: true });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return judged;
}

/** What could not be run is held up, as the command does. */
const isHeldUp = ({ grave }: Judged): boolean => grave === null || grave.length > 0;
/** Seen to do something, rather than not seen at all. */
const isSeen = ({ grave }: Judged): boolean => grave?.some(({ rule }) => rule !== "not-run") ?? false;

function nameOf({ malicious, kind, technique }: Made): string {
  return `${malicious ? "malicious" : "benign"} ${kind} ${technique}`;
}

function describe(one: Judged): string {
  const { made, vetted, grave, steps, why } = one;
  const mark = isHeldUp(one) === made.malicious ? "     " : "WRONG";
  const rules = grave === null ? why : [...new Set(grave.map(({ rule }) => rule))].join(", ");
  const first = mark === "WRONG" ? ` — ${grave?.[0]?.message ?? ""}` : "";
  return `${mark} ${nameOf(made)}: vetting ${vetted ? "grave" : "-"}; ${steps} steps: ${rules || "-"}${first}`;
}

function count(part: readonly Judged[], is: (one: Judged) => boolean): string {
  const met = part.filter(is).length;
  return `${met} of ${part.length} (${((100 * met) / Math.max(1, part.length)).toFixed(1)} %)`;
}

const word = argv[2] ?? "";
const began = performance.now();
const judged = await judgeAll(CORPUS.filter((made) => nameOf(made).includes(word)));
const malicious = judged.filter(({ made }) => made.malicious);
const benign = judged.filter(({ made }) => !made.malicious);
const ran = (part: readonly Judged[]): readonly Judged[] => part.filter(({ steps }) => steps > 0);
const both = (one: Judged): boolean => one.vetted || isHeldUp(one);
for (const [what, is] of [
  ["vetting alone", ({ vetted }: Judged) => vetted],
  ["detonation alone", isHeldUp],
  ["  of these seen to do it", isSeen],
  ["both together", both],
] as const)
  stdout.write(`${what}: malicious found ${count(malicious, is)}, benign held up ${count(benign, is)}\n`);
stdout.write(
  `of those with something that runs: malicious found ${count(ran(malicious), isHeldUp)}, benign held up ${count(ran(benign), isHeldUp)}\n`,
);
stdout.write(`${judged.length} extensions in ${Math.round((performance.now() - began) / 1000)} s\n`);
const recall = malicious.filter(both).length / Math.max(1, malicious.length);
const heldUp = benign.filter(both).length / Math.max(1, benign.length);
exit(recall >= BAR.recall && heldUp <= BAR.heldUp ? 0 : 1);
