import { judgeText } from "../text-rules.ts";
import type { Finding, Unread } from "./finding.ts";
import type { Look, Reading } from "../../platform/files/look.ts";
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
const MOST_FOLDERS = 200;
const FILE_BYTES = 256 * 1024;
/** Files whose words an agent or a shell takes for its own. */
const READ = /\.(?:md|markdown|txt|sh|bash|zsh|py|js|mjs|cjs|ts|rb|pl|ps1|json|ya?ml|toml)$|^[^.]+$/iu;

/** The skills of one client, what speaks against each, and what of them was not read. */
export async function findSkills(
  look: Look,
  { client, folder }: { readonly client: string; readonly folder: string },
): Promise<{
  readonly skills: readonly Skill[];
  readonly findings: readonly Finding[];
  readonly unread: readonly Unread[];
}> {
  const skills: Skill[] = [];
  const findings: Finding[] = [];
  const unread: Unread[] = [];
  const miss: Miss = (path, why) => void unread.push({ client, path: shortPath(look, path), why });
  const root = fullPath(look, folder);
  const there = await look.inspect(root);
  if (there?.kind === "folder" && !there.open) miss(root, CLOSED);
  const names = await look.list(root, MOST_SKILLS + 1);
  if (names.length > MOST_SKILLS) miss(root, `there are more than ${MOST_SKILLS} skills in it, and no more are read`);
  for (const name of names.slice(0, MOST_SKILLS)) {
    const path = `${root}/${name}`;
    const main = await look.readWhole(`${path}/SKILL.md`, FILE_BYTES);
    if (main.kind === "absent") continue;
    if ((await look.inspect(`${path}/SKILL.md`))?.kind !== "file") miss(`${path}/SKILL.md`, whyNot(main));
    const files = await filesBelow(look, path, { depth: MOST_DEPTH, miss, left: { folders: MOST_FOLDERS } });
    skills.push({ name, client, path: shortPath(look, path), files: files.length });
    for (const file of files) findings.push(...(await judgeFile(look, { client, name, file, miss })));
  }
  return { skills, findings, unread };
}

type Miss = (path: string, why: string) => void;
const CLOSED = "you may not look into it";

function whyNot(reading: Reading): string {
  return reading.kind === "unread" ? reading.why : "it changed while it was looked at";
}

async function judgeFile(
  look: Look,
  {
    client,
    name,
    file,
    miss,
  }: { readonly client: string; readonly name: string; readonly file: string; readonly miss: Miss },
): Promise<readonly Finding[]> {
  if (!READ.test(file.slice(file.lastIndexOf("/") + 1))) return [];
  const found = await look.readWhole(file, FILE_BYTES);
  if (found.kind !== "text") {
    miss(file, whyNot(found));
    return [];
  }
  if (found.text.includes("\0")) {
    miss(file, "it is a program or other data, and no text");
    return [];
  }
  const path = shortPath(look, file);
  return judgeText(found.text).map(({ rule, line, why }) => ({
    rule,
    client,
    subject: name,
    message: `the skill ${name} ${why}`,
    place: { path, line },
  }));
}

interface Walk {
  readonly depth: number;
  readonly miss: Miss;
  /** What is left of the folders that are looked into, for all of a skill. */
  readonly left: { folders: number };
}

async function filesBelow(look: Look, folder: string, { depth, miss, left }: Walk): Promise<readonly string[]> {
  const files: string[] = [];
  left.folders--;
  const names = await look.list(folder, MOST_FILES + 1);
  const isCut = (at: number): boolean => at >= MOST_FILES || files.length >= MOST_FILES;
  for (const [at, name] of names.entries()) {
    if (isCut(at)) {
      miss(folder, `it has more than the ${MOST_FILES} files that are read of a folder`);
      break;
    }
    if (name === "node_modules" || name === ".git") continue;
    const path = `${folder}/${name}`;
    const there = await look.inspect(path);
    if (there?.kind === "file") files.push(path);
    else if (there?.kind !== "folder") continue;
    else if (!there.open) miss(path, CLOSED);
    else if (depth === 1 || left.folders <= 0) miss(path, "it is deeper, or one folder more, than is looked into");
    else files.push(...(await filesBelow(look, path, { depth: depth - 1, miss, left })));
  }
  return files;
}
