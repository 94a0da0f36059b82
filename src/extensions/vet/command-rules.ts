import type { Seen, VetRule } from "./finding.ts";
import { KEY_PLACE, OBEYED_PLACE, VAULT_PLACE } from "./places.ts";

interface CommandRule {
  readonly rule: VetRule;
  readonly why: string;
  readonly form: RegExp;
}

const INTERPRETER = String.raw`(?:sudo\s{1,4})?(?:/\S{0,40}/)?(?:(?:ba|z|da|k)?sh|python3?|node|perl|ruby|php|osascript)`;
const KEYS = new RegExp(`${KEY_PLACE.source}|${VAULT_PLACE.source}`, "iu");
const SEND = /\b(?:curl|wget|nc|ncat|scp|rsync|ftp)\b/u;
const UPLOAD =
  /\bcurl\b.{0,300}(?:-d\b|--data|-F\b|--form|-T\b|--upload-file|-X\s{0,3}(?:POST|PUT))|\bwget\b.{0,300}--post-|\b(?:nc|ncat)\s+\S+\s+\d+/u;

/** Rules about one line of shell or Python, beside those of `text-rules.ts`. All of them take time linear in the line. */
const RULES: readonly CommandRule[] = [
  {
    rule: "reverse-shell",
    why: "hands a shell to another machine",
    form: /\/dev\/(?:tcp|udp)\/|\bn(?:c|cat)\b.{0,80}\s-(?:e|c)\s{0,3}\S{0,20}sh\b|\bsocat\b.{0,120}\bexec:/iu,
  },
  {
    rule: "reverse-shell",
    why: "hands a shell to another machine",
    form: /\bmkfifo\b.{0,200}\bn(?:c|cat)\b|pty\.spawn\(.{0,40}sh\b.{0,40}socket|os\.dup2\(\s?\w{1,20}\.fileno\(\)/u,
  },
  {
    rule: "runs-decoded",
    why: "decodes something and runs it",
    form: new RegExp(
      String.raw`(?:base64\s{1,4}(?:-d|-D|--decode)|xxd\s{1,4}-r|openssl\s{1,4}enc\b.{0,60}\s-d|uudecode|gunzip\s+-c|\brev)\b.{0,120}\|\s{0,4}${INTERPRETER}\b`,
      "iu",
    ),
  },
  {
    rule: "runs-decoded",
    why: "decodes something and runs it",
    form: /\b(?:eval|(?:ba|z)?sh\s{1,4}-c)\b.{0,120}(?:base64\s{1,4}(?:-d|-D|--decode)|xxd\s{1,4}-r|openssl\s{1,4}enc\b)/iu,
  },
  {
    rule: "runs-decoded",
    why: "decodes something and runs it",
    form: /\bpowershell\b.{0,120}\s-e(?:nc|ncodedcommand)?\s{1,4}[A-Za-z0-9+/=]{20,}|FromBase64String\(.{0,200}\bIEX\b|\bIEX\b.{0,200}FromBase64String/iu,
  },
  {
    rule: "runs-fetched",
    why: "fetches something and runs it",
    form: /\b(?:iex|Invoke-Expression)\b.{0,200}(?:DownloadString|Invoke-WebRequest|\biwr\b|\birm\b|Invoke-RestMethod)|(?:\biwr\b|\birm\b|DownloadString).{0,200}\|\s{0,4}(?:iex|Invoke-Expression)\b|\bmshta\s{1,4}https?:/iu,
  },
  {
    rule: "sends-keys",
    why: "sends what keychain, wallet or browser hold",
    form: /\bsecurity\s{1,4}(?:find-(?:generic|internet)-password|dump-keychain|unlock-keychain)\b/u,
  },
  {
    rule: "asks-password",
    why: "asks for the person's password in a window of its own",
    form: /\bosascript\b.{0,300}\bhidden answer\b|\bdisplay dialog\b.{0,200}\bhidden answer\b|\bzenity\b.{0,60}--password/iu,
  },
  {
    rule: "runs-fetched",
    why: "takes away the mark of what was fetched, which the system asks about",
    form: /\bxattr\s{1,4}-(?:c|cr|rc|d\s{1,4}com\.apple\.quarantine|rd\s{1,4}com\.apple\.quarantine)\b|\bspctl\s{1,4}--master-disable/u,
  },
  {
    rule: "changes-obeyed",
    why: "has something start again by itself",
    form: /\blaunchctl\s{1,4}(?:load|bootstrap|submit)\b|\|\s{0,4}crontab\s{1,4}-|\bcrontab\s{1,4}-(?=\s|$|['"`)])|\bschtasks\b.{0,40}\/create|\breg\s{1,4}add\b.{0,160}\\Run\b/iu,
  },
  {
    rule: "collecting-place",
    why: "names a place where scripts are left or what is sent is collected",
    form: /https?:\/\/(?:[\w-]{1,60}\.){0,4}(?:glot\.io|rentry\.co|pastebin\.com\/raw|paste\.ee|webhook\.site|requestbin\.\w{2,4}|pipedream\.net|oastify\.com|oast\.(?:fun|pro|live|me)|interact\.sh|burpcollaborator\.net|transfer\.sh|file\.io|discord(?:app)?\.com\/api\/webhooks|api\.telegram\.org\/bot)|\b91\.92\.242\.30\b/iu,
  },
];

/** Programs and calls that read or copy a file, in a line of code. */
const READS =
  /(?:^|[\s;|(&`=])(?:cat|cp|tar|zip|base64|less|head|xxd|scp|rsync)\s{1,4}(?:-\w{1,6}\s{1,4}){0,3}["'~$/.]|\bopen\(|read_text\(|read_bytes\(|shutil\.copy/u;
/** A line that only speaks of it. */
const TALKS = /^\s{0,40}(?:#|\/\/|print\(|echo\b)/u;
/** No command of a rule is shorter. */
const SHORTEST = 8;
/** Longest part of a line that is judged at once. */
const MOST_LINE = 4000;

/** What speaks against a shell or Python text, line by line and by what its names carry from one line to the next. */
export function judgeCommands(text: string): readonly Seen[] {
  const seen: Seen[] = [];
  const lines = text.split(/\r?\n/u);
  const carried = {
    decoded: new Set<string>(),
    fetched: new Set<string>(),
    environment: new Set<string>(),
    keys: new Set<string>(),
  };
  for (const [at, whole] of lines.entries()) {
    const line = whole.slice(0, MOST_LINE);
    if (line.length < SHORTEST) continue;
    const notice = (rule: VetRule, why: string): void => {
      seen.push({ rule, line: at + 1, why });
    };
    for (const { rule, why, form } of RULES) if (form.test(line)) notice(rule, why);
    if (SEND.test(line) && UPLOAD.test(line) && KEYS.test(line))
      notice("sends-keys", "reads a file with keys and sends it away");
    if (KEYS.test(line) && /\|\s{0,4}(?:curl|wget|nc|ncat)\b/u.test(line))
      notice("sends-keys", "reads a file with keys and sends it away");
    const written =
      /(?:>>?|\btee\b(?:\s{1,4}-a)?|\bcp\b.{1,200}|\bmv\b.{1,200}|\bln\b.{1,200}|write_text\(|\bopen\((?=.{1,200},\s{0,4}["'][wax])|\bsed\s{1,4}-i.{1,200})\s{0,4}["']?(\S{0,120})/u.exec(
        line,
      );
    if (written !== null && OBEYED_PLACE.test(line.slice(written.index)))
      notice("changes-obeyed", "writes a file that other programs obey");
    if (READS.test(line) && KEYS.test(line.replaceAll(/\.env\b/gu, "")) && !TALKS.test(line))
      notice("reads-keys", "reads a file with keys");
    judgeCarried(line, carried, notice);
  }
  return seen;
}

type Carried = { readonly [kind in "decoded" | "fetched" | "environment" | "keys"]: Set<string> };

const ASSIGNED =
  /^\s{0,40}for\s{1,4}([A-Za-z_]\w{0,60})\s{1,4}in\b(.*)$|^\s{0,40}(?:export\s{1,4}|local\s{1,4}|with\s{1,4}open\(.{1,200}\)\s{1,4}as\s{1,4})?([A-Za-z_]\w{0,60})\s{0,4}=(?![=~])\s{0,4}(.*)$/u;
const PYTHON_DECODES =
  /b(?:64|32|85)decode\(|bytes\.fromhex\(|unhexlify\(|codecs\.decode\(|zlib\.decompress\(|marshal\.loads\(|base64\s{1,4}(?:-d|-D|--decode)|xxd\s{1,4}-r/u;
const PYTHON_FETCHES = /requests\.(?:get|post)\(|urlopen\(|urlretrieve\(|httpx\.get\(|\$\((?:curl|wget)\b/u;
const PYTHON_ENVIRONMENT =
  /(?:dict|json\.dumps|str|repr|list)\(\s{0,4}(?:dict\()?\s{0,4}os\.environ\b(?!\[|\.get)|os\.environ\.(?:items|copy)\(|\$\((?:env|printenv|export|set)\b/u;
const RUNS =
  /\b(?:exec|eval)\s{0,2}\(|\bos\.(?:system|popen)\(|\beval\s{1,4}["'$]|\b(?:ba|z)?sh\s{1,4}-c\s{1,4}["']?\$|\bimport_module\(/u;
const RUNS_DECODED = /\bsubprocess\b.{0,60}\(|__import__\(/u;
const SENDS_PYTHON =
  /requests\.(?:post|put|get|request)\(|urlopen\(|httpx\.\w{3,7}\(|\.sendall\(|\.send\(|\bcurl\b|\bwget\b|\burllib\.request\.Request\(/u;

/** Names that hold what was decoded, fetched or read, followed from line to line. */
function judgeCarried(line: string, carried: Carried, notice: (rule: VetRule, why: string) => void): void {
  const holds = (kind: keyof Carried): boolean => {
    const names = carried[kind];
    if (names.size === 0) return false;
    for (const [word] of line.matchAll(/[A-Za-z_]\w{0,60}/gu)) if (names.has(word)) return true;
    return false;
  };
  const decoded = PYTHON_DECODES.test(line) || holds("decoded");
  const fetched = PYTHON_FETCHES.test(line) || holds("fetched");
  const environment = PYTHON_ENVIRONMENT.test(line) || holds("environment");
  const keys =
    (KEYS.test(line) && /\bopen\(|read_text\(|read_bytes\(|\bcat\b|shutil\.copy|\$\(</u.test(line)) || holds("keys");
  if (decoded && (RUNS.test(line) || RUNS_DECODED.test(line))) notice("runs-decoded", "runs what it decoded");
  if (fetched && RUNS.test(line)) notice("runs-fetched", "runs what it fetched");
  if (SENDS_PYTHON.test(line)) {
    if (environment) notice("sends-environment", "sends the whole environment away");
    if (keys) notice("sends-keys", "reads a file with keys and sends it away");
  }
  const assigned = ASSIGNED.exec(line);
  const name = assigned?.[1] ?? assigned?.[3];
  if (name === undefined) return;
  const names = carriedNames(carried);
  if (names > 2000) return;
  if (decoded) carried.decoded.add(name);
  if (fetched) carried.fetched.add(name);
  if (environment) carried.environment.add(name);
  if (keys) carried.keys.add(name);
  // The folder of a wallet in a name makes every use of it a look into the wallet.
  if (VAULT_PLACE.test(line)) carried.keys.add(name);
}

function carriedNames(carried: Carried): number {
  return carried.decoded.size + carried.fetched.size + carried.environment.size + carried.keys.size;
}

const FETCHED_TO =
  /\b(?:curl|wget)\b.{0,400}?(?:\s-o\s{0,3}|\s-O\s{1,3}(?!http)|--output\s{1,3}|>\s{0,3})["']?([\w./$~{}-]{1,120})/gu;
const FETCHED_NAME = /\bcurl\b.{0,200}\s-[a-zA-Z]{0,6}O\b.{0,200}\/([\w.-]{3,80})/gu;

/** Files that are fetched in one line and run in a later one. */
export function judgeFetchedFiles(text: string): readonly Seen[] {
  const files = new Map<string, number>();
  const seen: Seen[] = [];
  for (const [at, whole] of text.split(/\r?\n/u).entries()) {
    const line = whole.slice(0, MOST_LINE);
    for (const [file, from] of files) {
      if (files.size > 50) break;
      if (runsFile(line, file))
        seen.push({ rule: "runs-fetched", line: at + 1, why: `runs what was fetched in line ${from}` });
    }
    for (const form of [FETCHED_TO, FETCHED_NAME])
      for (const match of line.matchAll(form)) {
        const name = match[1];
        if (name === undefined || name === "/dev/null" || name === "-") continue;
        if (runsFile(line.slice(match.index + match[0].length), name))
          seen.push({ rule: "runs-fetched", line: at + 1, why: "runs what it fetched before" });
        files.set(name, at + 1);
      }
  }
  return seen;
}

function runsFile(line: string, file: string): boolean {
  for (let at = line.indexOf(file); at !== -1; at = line.indexOf(file, at + file.length)) {
    const before = line.slice(Math.max(0, at - 60), at);
    const after = line[at + file.length] ?? " ";
    if (!/[\s;&|"')`]/u.test(after)) continue;
    if (
      /(?:^|[;&|]\s{0,4}|\b(?:sudo|sh|bash|zsh|python3?|node|open|nohup|source|exec|chmod\s{1,4}(?:\+x|a\+x|u\+x|7\d\d))\s{1,4}(?:-\w{1,6}\s{1,4})?)["']?(?:\.\/)?$/u.test(
        before,
      )
    )
      return true;
  }
  return false;
}
