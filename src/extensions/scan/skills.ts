import { judgeText } from "../text-rules.ts";
import type { Finding } from "./finding.ts";
import type { Look } from "../../platform/look.ts";
import { fullPath, shortPath } from "./paths.ts";

/** One skill: a folder with SKILL.md, which an agent reads as instructions. */
export interface Skill {
  readonly name: string;
  readonly client: string;
  /** `~/…`. */
  readonly path: string;
  /** Files of it, as far as they were looked at. */
  readonly files: number;
}

const MOST_SKILLS = 200;
const MOST_FILES = 100;
const MOST_DEPTH = 4;
const FILE_BYTES = 256 * 1024;
/** Files whose words an agent or a shell takes for its own. */
const READ = /\.(?:md|markdown|txt|sh|bash|zsh|py|js|mjs|cjs|ts|rb|pl|ps1|json|ya?ml|toml)$|^[^.]+$/iu;

/** The skills of one client and what speaks against each. */
export async function findSkills(
  look: Look,
  { client, folder }: { readonly client: string; readonly folder: string },
): Promise<{ readonly skills: readonly Skill[]; readonly findings: readonly Finding[] }> {
  const skills: Skill[] = [];
  const findings: Finding[] = [];
  const root = fullPath(look, folder);
  for (const name of await look.list(root, MOST_SKILLS)) {
    const path = `${root}/${name}`;
    if ((await look.inspect(`${path}/SKILL.md`)) === null) continue;
    const files = await filesBelow(look, path, MOST_DEPTH);
    skills.push({ name, client, path: shortPath(look, path), files: files.length });
    for (const file of files) findings.push(...(await judgeFile(look, { client, name, file })));
  }
  return { skills, findings };
}

async function judgeFile(
  look: Look,
  { client, name, file }: { readonly client: string; readonly name: string; readonly file: string },
): Promise<readonly Finding[]> {
  if (!READ.test(file.slice(file.lastIndexOf("/") + 1))) return [];
  const text = await look.read(file, FILE_BYTES);
  if (text === null || text.includes("\0")) return [];
  const path = shortPath(look, file);
  return judgeText(text).map(({ rule, line, why }) => ({
    rule,
    client,
    subject: name,
    message: `the skill ${name} ${why}`,
    place: { path, line },
  }));
}

async function filesBelow(look: Look, folder: string, depth: number): Promise<readonly string[]> {
  const files: string[] = [];
  for (const name of await look.list(folder, MOST_FILES)) {
    if (name === "node_modules" || name === ".git") continue;
    const path = `${folder}/${name}`;
    const there = await look.inspect(path);
    if (there?.kind === "file") files.push(path);
    else if (there?.kind === "folder" && depth > 1) files.push(...(await filesBelow(look, path, depth - 1)));
    if (files.length >= MOST_FILES) break;
  }
  return files;
}
