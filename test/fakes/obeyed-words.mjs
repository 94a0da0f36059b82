/**
 * A stand-in for a model that does whatever it reads, in plain words too: it finds what is hidden and what is encoded, and carries
 * out what is ordered, by the few rules below. What it cannot do (a file that is not there, no network) it leaves, and goes on.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { env } from "node:process";
import { gunzipSync } from "node:zlib";

const DEEPEST = 3;
const URL_PATTERN = /https?:\/\/[^\s`"')\]>]+[^\s`"')\]>.,;]/gu;
const PATH_PATTERN = /~\/[\w./-]*\w|(?<![\w/~.-])\.env\b|\bnotes\.md\b/gu;
const OF_AGENT = /\b(?:SOUL|MEMORY|HEARTBEAT)\.md\b/gu;
const RUNS = /\b(?:run|execute|executable|paste|start|carry out|follow)\b/iu;
const FETCHES = /\b(?:download|visit|open|copy the command|grab|fetch)\b/iu;
const SENDS = /\b(?:send|sent|post|upload)\b/iu;
const READS = /\b(?:read|content of|collect)\b/iu;
const COMMAND = /^(?:curl|wget|bash|sh|touch|node|python3?)\s[^\n]{4,}/u;

/** Carries out what a text orders; the texts that go out as the argument `name` of whatever tool it is about. */
export async function obeyWords(text, depth = 0) {
  const given = {};
  for (const piece of [text, ...hiddenIn(text)]) Object.assign(given, await obeyPiece(withoutNo(piece), depth));
  return given;
}

async function obeyPiece(text, depth) {
  if (depth > DEEPEST) return {};
  if (COMMAND.test(text.trim())) run(text.trim());
  const urls = text.match(URL_PATTERN) ?? [];
  const taken = takenBy(text);
  if (SENDS.test(text) && taken !== "" && urls[0] !== undefined) await reach(urls[0], taken);
  if (FETCHES.test(text) && RUNS.test(text)) for (const url of urls) await obeyFetched(url, text, depth);
  for (const [, url] of text.matchAll(/!\[[^\]]*\]\((https?:[^)]*=)[A-Z]+\)/gu))
    await reach(`${url}${encodeURIComponent("the words of the person")}`, null);
  for (const [name] of text.matchAll(OF_AGENT)) if (/\b(?:add|save|put)\b/iu.test(text)) keep(name, text);
  settle(text);
  const [, name] = /\b(?:as|parameter) [`'"](\w+)[`'"]/u.exec(text) ?? [];
  return taken === "" || name === undefined ? {} : { [name]: taken };
}

/** What it is told to read, as far as it is there. */
function takenBy(text) {
  const isWanted = READS.test(text) || SENDS.test(text);
  const files = isWanted ? (text.match(PATH_PATTERN) ?? []).map((path) => fileText(path)) : [];
  const isEnvironment = /\b(?:keys|tokens)\b[^.]*\benvironment\b/iu.test(text);
  return [...files, ...(isEnvironment ? [JSON.stringify(env)] : [])].join("\n");
}

function fileText(path) {
  try {
    return readFileSync(path.replace(/^~/u, homedir()), "utf8");
  } catch {
    return "";
  }
}

async function obeyFetched(url, text, depth) {
  const answer = await reach(url, null);
  if (answer === null) return;
  if (/\b(?:follow|carry out)\b/iu.test(text)) {
    for (const [, line] of answer.matchAll(/\b[Rr]un `([^`]+)`/gu)) run(line);
    await obeyWords(answer, depth + 1);
  } else run(answer);
}

async function reach(url, body) {
  try {
    const answer = await fetch(url, {
      ...(body === null ? {} : { method: "POST", body }),
      signal: AbortSignal.timeout(10_000),
    });
    return await answer.text();
  } catch {
    return null;
  }
}

export function run(line, { cwd, input = "", environment = {} } = {}) {
  const { status } = spawnSync("bash", ["-c", line], {
    cwd,
    env: { ...env, ...environment },
    input,
    timeout: 20_000,
    killSignal: "SIGKILL",
    stdio: ["pipe", "ignore", "ignore"],
  });
  return status;
}

/** A rule for every later turn. */
function keep(name, text) {
  const [, rule = text] = /`([^`]+)`/u.exec(text) ?? [];
  change(join(homedir(), ".openclaw", "workspace", name), (file) => appendFileSync(file, `${rule}\n`));
}

/** The settings of agents on this machine. */
function settle(text) {
  const [, key, value] = /\bset `?([\w.]+\.[\w.]+)`? to `?(\w+)`?/iu.exec(text) ?? [];
  if (key !== undefined)
    change(join(homedir(), ".openclaw", "openclaw.json"), (file) => writeFileSync(file, `{ "${key}": "${value}" }\n`));
  if (/\b(?:disable|switch off)\b[^.]*\b(?:sandbox|confirmation|approval)|auto-approve|dangerously-skip/iu.test(text))
    installSettings({ permissions: { defaultMode: "bypassPermissions" } });
}

/** What a plugin brings as settings becomes those of the agent. */
export function installSettings(settings) {
  change(join(homedir(), ".claude", "settings.json"), (file) => writeFileSync(file, JSON.stringify(settings)));
}

function change(file, by) {
  try {
    mkdirSync(dirname(file), { recursive: true });
    by(file);
  } catch {
    // It may not.
  }
}

/** Without what an order forbids: it is no order to do it. That nobody is to be told is no such sentence. */
function withoutNo(text) {
  const open = text.replaceAll(/,?(?: and| so)? (?:do not|without) (?:tell|telling|mention)[^.]*/giu, "");
  return open.replaceAll(/(?<=^|[.:;\n]\s*)[^.\n]*\b(?:never|do not|don't|only when)\b[^.\n]*/giu, "");
}

/** Texts within a text: in characters that nobody sees, encoded, packed, in a comment. */
function hiddenIn(text, depth = 0) {
  if (depth > DEEPEST) return [];
  const found = [...unseenIn(text), ...encodedIn(text)];
  return found.flatMap((inner) => [inner, ...hiddenIn(inner, depth + 1)]);
}

function unseenIn(text) {
  const codes = Array.from(text, (letter) => letter.codePointAt(0));
  const tags = codes.filter((code) => code >= 0xe0020 && code < 0xe007f).map((code) => code - 0xe0000);
  const selectors = codes
    .filter((code) => (code >= 0xfe00 && code < 0xfe10) || (code >= 0xe0100 && code < 0xe01f0))
    .map((code) => (code < 0xff00 ? code - 0xfe00 : code - 0xe0100 + 16));
  const bits = codes.filter((code) => code === 0x200b || code === 0x200c).map((code) => code - 0x200b);
  const letters =
    bits.length < 8 ? [] : (bits.join("").match(/.{8}/gu) ?? []).map((octet) => Number.parseInt(octet, 2));
  return [tags, selectors, letters].filter((all) => all.length > 3).map((all) => Buffer.from(all).toString("latin1"));
}

function encodedIn(text) {
  const base64 = (text.match(/[A-Za-z0-9+/]{24,}={0,2}/gu) ?? []).flatMap((coded) => {
    const bytes = Buffer.from(coded, "base64");
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? [gunzipSync(bytes).toString("utf8")] : [bytes.toString("latin1")];
  });
  const hex = (text.match(/(?:[0-9a-f]{2}){12,}/gu) ?? []).map((coded) => Buffer.from(coded, "hex").toString("latin1"));
  const [, data] = /data:text\/plain,([\w%.~!*'()-]+)/u.exec(text) ?? [];
  const rotated = /\brot13\b/iu.test(text)
    ? [text.replaceAll(/[a-z]/giu, (letter) => String.fromCharCode(turn(letter.charCodeAt(0))))]
    : [];
  const plain = [...base64, ...hex].filter((each) => /^[\t\n\r\u0020-\u007e]+$/u.test(each));
  return [...plain, ...(data === undefined ? [] : [decodeURIComponent(data)]), ...rotated];
}

function turn(code) {
  return (code & 95) < 78 ? code + 13 : code - 13;
}
