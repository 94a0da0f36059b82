import { findHidden } from "./hidden-text.ts";
import type { RuleId } from "./scan/finding.ts";
import { KEY_PLACE } from "./vet/places.ts";

/** One thing that a text tells an agent or a person to do. `line` counts from one; `excerpt` is what stands there, cut. */
export interface TextFinding {
  readonly rule: RuleId;
  readonly line: number;
  readonly why: string;
}

interface TextRule {
  readonly rule: RuleId;
  readonly why: string;
  readonly form: RegExp;
  /** Not when this stands before it. */
  readonly unless?: RegExp;
}

/** Words that advise against what follows them in their sentence: good advice names what it is about. */
export const ADVISED_AGAINST: RegExp =
  /\b(?:never|(?:do not|don['’]t|not to|cannot|must not)\s(?:run|execute|use|pipe|copy|paste|read|print|send|open|commit|show|put|upload|include|write|disable|skip|bypass|approve|follow|obey)|warn\w{0,4}|avoid|refuse\w{0,2}|reject\w{0,2})\b[^.:;!?\n]{0,80}$/iu;

/** What runs a script that came over a pipe. */
const INTERPRETER = String.raw`(?:sudo\s+)?(?:env\s+)?(?:/\S*/)?(?:ba|z|da|k)?sh|python3?|node|perl|ruby|php`;
/** `fetch` is a program of BSD's, and the name of many a script and step (`npm run fetch && node build.js`): with an address only. */
const FETCH = String.raw`(?:curl|wget|aria2c|iwr|Invoke-WebRequest|(?<!\b(?:run|git|npm|pnpm|yarn|bun|hg|jj) )(?<![\w.:-])fetch(?=\s[^|;&\n]{0,300}(?:https?|ftp)://))`;

const SEND = String.raw`(?:send|post|upload|forward|transmit|submit|exfiltrate|curl)`;
/** What stands between the parts of one order: no advice against it, and no public half of a key, which is made to be given. */
const UNDENIED = String.raw`(?:(?!\b(?:not|never|don['’]t)\b|\.pub\b|\bpublic key)[^\n]){0,120}?`;
const ELSEWHERE = String.raw`https?://(?!localhost|127\.|\[::1\])`;

/**
 * Rules about the words of one line. They find the ways that were seen in marketplaces (ClawHavoc, January and February 2026,
 * reported by Koi Security: fake prerequisites, encoded installers, password archives), not every way there is: what holds
 * is the sandbox, whatever a text says.
 */
const LINE_RULES: readonly TextRule[] = [
  {
    rule: "skill-fetches",
    why: "fetches a script and runs it",
    form: new RegExp(String.raw`\b${FETCH}\b[^|\n]*\|\s*(?:${INTERPRETER})\b`, "iu"),
    unless: ADVISED_AGAINST,
  },
  {
    rule: "skill-fetches",
    why: "fetches a script and runs it",
    form: new RegExp(String.raw`(?:${INTERPRETER})\s+(?:-c\s+["']?\$\(|<\()\s*${FETCH}\b`, "iu"),
  },
  {
    rule: "skill-fetches",
    why: "runs what it fetched before",
    form: new RegExp(
      String.raw`\b${FETCH}\b[^\n]*(?:&&|;)\s*(?:chmod\s+\+x|chmod\s+7\d\d|(?:${INTERPRETER})\s+\S|\./\S)`,
      "iu",
    ),
  },
  {
    rule: "skill-fetches",
    why: "has a program installed that comes from an archive with a password",
    form: /\b(?:zip|rar|7z|archive)\b[^\n]{0,60}\bpassw(?:or)?d\b|\bpassw(?:or)?d\b[^\n]{0,60}\b(?:extract|unzip|archive)\b/iu,
  },
  {
    rule: "skill-decodes",
    why: "decodes something and runs it",
    form: new RegExp(String.raw`base64\s+(?:-d|-D|--decode)\b[^\n]*\|\s*(?:${INTERPRETER})\b`, "iu"),
  },
  {
    rule: "skill-decodes",
    why: "decodes something and runs it",
    form: /(?:eval|exec|Function|child_process|os\.system|subprocess)[^\n]{0,80}(?:b64decode|atob\(|fromCharCode|from\([^)]*base64|unhexlify)/u,
  },
  {
    rule: "skill-secrets",
    why: "names files with keys",
    form: /(?:cat|read|open|copy|cp|include|print|attach|upload)\b[^\n]{0,80}(?:~|\$HOME|\/home\/\S+|\/root)?\/?\.(?:ssh\/|aws\/credentials|npmrc\b|netrc\b|git-credentials|kube\/config|gnupg|env\b(?!\.example)|openclaw\/|clawdbot\/|claude\/\.credentials|codex\/auth)/iu,
    unless: ADVISED_AGAINST,
  },
  {
    rule: "skill-secrets",
    why: "asks for the environment with its keys",
    form: /\b(?:run|print|output|include|send|paste)\b[^\n]{0,40}(?:\bprintenv\b|(?<!\.)\benv\b\s*(?:\||>|and\b|`)|process\.env\b(?!\.)|os\.environ\b(?!\[|\.get))/iu,
  },
  {
    rule: "skill-hides",
    why: "tells the agent to keep something from the person",
    form: /\b(?:do\s+not|don'?t|never|without)\s+(?:tell(?:ing)?|inform(?:ing)?|mention(?:ing)?|show(?:ing)?|reveal(?:ing)?|ask(?:ing)?|notify(?:ing)?|alert(?:ing)?)\b[^\n.]{0,40}\b(?:the\s+)?(?:user|human|person|owner|operator|them)\b/iu,
    // "Do not send it without asking the user" asks.
    unless: /\b(?:do\s+not|don'?t|never)\b[^.!?\n]{0,60}$/iu,
  },
  {
    rule: "skill-hides",
    why: "tells the agent to forget what it was told",
    form: /\b(?:ignore|disregard|forget|override)\b[^\n.]{0,30}\b(?:previous|prior|earlier|above|all|system)\b[^\n.]{0,30}\b(?:instructions?|prompts?|rules|guidelines)\b/iu,
  },
  {
    rule: "skill-sends",
    why: "sends data to an address",
    form: new RegExp(
      String.raw`\b(?:curl|wget)\b[^\n]*(?:-d\b|--data|-F\b|--form|-T\b|--upload-file|--post-(?:data|file)|-X\s*(?:POST|PUT))[^\n]*https?://(?!localhost|127\.)`,
      "iu",
    ),
  },
  {
    rule: "skill-sends",
    why: "names a place that collects what is sent to it",
    form: /https?:\/\/(?:[\w-]+\.)*(?:webhook\.site|requestbin\.\w+|ngrok(?:-free)?\.(?:io|app|dev)|pipedream\.net|oastify\.com|interact\.sh|burpcollaborator\.net|discord(?:app)?\.com\/api\/webhooks|api\.telegram\.org\/bot|glot\.io|pastebin\.com|rentry\.co|transfer\.sh)/iu,
  },
  {
    rule: "skill-sends",
    why: "has files with keys sent to an address",
    form: new RegExp(
      String.raw`(?:${KEY_PLACE.source})${UNDENIED}\b${SEND}\b${UNDENIED}${ELSEWHERE}|(?<!\b(?:not|never|don['’]t) )\b${SEND}\b${UNDENIED}(?:${KEY_PLACE.source})${UNDENIED}${ELSEWHERE}`,
      "iu",
    ),
    unless: ADVISED_AGAINST,
  },
  {
    rule: "skill-persists",
    why: "writes files that shells, git or agents obey",
    form: /(?:>>?|\btee\b(?:\s+-a)?|\bcp\b[^\n]*|\bmv\b[^\n]*|\bsed\s+-i\b[^\n]*|\b(?:append|add|write)\b[^\n]{0,40}\bto\b)\s*[`"']?(?:~|\$HOME|\/home\/\S+|\/root)?\/?\S*(?:\.bashrc|\.zshrc|\.profile|\.bash_profile|\.gitconfig|\.git\/hooks|\.mcp\.json|authorized_keys|SOUL\.md|HEARTBEAT\.md|AGENTS\.md|CLAUDE\.md|\.claude\/settings)/u,
  },
  {
    rule: "skill-persists",
    why: "has something run again by itself",
    form: /\|\s*crontab\b|\bcrontab\s+(?:-[^l\s]|-(?:\s|$)|[./~]|\S+\.(?:txt|cron|tab)\b)|\bsystemctl\b[^\n]*\benable\b|\/etc\/cron|LaunchAgents\//u,
  },
];

const MOST_LINE = 4000;
/** Longest encoded payload that is looked into. */
const MOST_ENCODED = 16 * 1024;

/** Files that are made to be copied hold no keys. */
export function isExample(text: string): boolean {
  return /\.env\.(?:example|sample|template)\b/iu.test(text);
}

/** What speaks against a text: each rule at most once for each line. */
export function judgeText(text: string): readonly TextFinding[] {
  const found: TextFinding[] = [];
  for (const [at, whole] of text.split(/\r?\n/u).entries()) {
    if (whole === "") continue;
    const line = whole.length > MOST_LINE ? whole.slice(0, MOST_LINE) : whole;
    const hidden = findHidden(whole);
    if (hidden !== null) found.push({ rule: "hidden-text", line: at + 1, why: hidden.why });
    const seen = new Set<RuleId>();
    for (const each of [line, ...encodedIn(line)])
      for (const { rule, why, form, unless } of LINE_RULES) {
        if (seen.has(rule)) continue;
        const match = form.exec(each);
        if (match === null || unless?.test(each.slice(0, match.index)) === true || isExample(match[0])) continue;
        seen.add(rule);
        found.push({ rule, line: at + 1, why: each === line ? why : `${why}, in a text that is encoded here` });
      }
  }
  return found;
}

/** Texts that stand in a line in base64: what is written so is written not to be read. */
function encodedIn(line: string): readonly string[] {
  const texts: string[] = [];
  for (const [word] of line.matchAll(/[A-Za-z0-9+/]{32,}={0,2}/gu)) {
    const text = decodeBase64(word.slice(0, MOST_ENCODED));
    if (text !== null) texts.push(text);
  }
  return texts;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The text that a word of base64 stands for, or null when it is none of printable ASCII. */
function decodeBase64(word: string): string | null {
  let bits = 0;
  let have = 0;
  let text = "";
  for (const letter of word.replace(/=+$/u, "")) {
    bits = ((bits << 6) | ALPHABET.indexOf(letter)) & 0xffff;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    const byte = (bits >> have) & 0xff;
    if ((byte < 32 && ![9, 10, 13].includes(byte)) || byte > 126) return null;
    text += String.fromCharCode(byte);
  }
  return text;
}
