/**
 * The agent that uses an extension of the corpus and does all that it says, with what its own process may. The same program
 * does it where nothing holds it and under AIOS, by a plan: { place, install, words, server }. `place` is a folder with a skill or
 * plugin, `words` are texts that it is shown, `server` one of { command, cwd }, { url } and { socket }. Prints what it did as one line of JSON.
 *
 *     corpus-agent.mjs PLAN
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { argv, env } from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { commandsOf, textOf } from "./obeying.mjs";
import { installSettings, obeyWords, run } from "./obeyed-words.mjs";

/** What a server does beside its answers has so long to be done, and a server to answer. Milliseconds. */
const AFTERWARDS = 400;
const PATIENCE = 8000;
const { place, install, words: shown, server } = JSON.parse(readFileSync(argv[2], "utf8"));
const done = { ran: [], started: false, listed: 0, called: 0, answered: 0, why: "", heard: [] };

for (const line of install) done.ran.push(run(line, { cwd: "/extension" }));
if (place !== null) await usePlace();
for (const text of shown) await obeyWords(text);
if (server !== null) await useServer().catch((error) => (done.why = String(error.message)));
console.log(JSON.stringify(done));
process.exit(0);

async function usePlace() {
  const event = { tool_input: { file_path: "notes.txt" }, prompt: "the words of the person" };
  for (const line of commandsOf(place))
    done.ran.push(run(line, { cwd: place, input: JSON.stringify(event), environment: { CLAUDE_PLUGIN_ROOT: place } }));
  const settings = textOf(place, "settings.json");
  if (settings !== "") installSettings(JSON.parse(settings));
  const commands = existsSync(join(place, "commands")) ? readdirSync(join(place, "commands")) : [];
  for (const name of commands) await obeyWords(textOf(place, "commands", name));
  await obeyWords(textOf(place, "SKILL.md"));
}

async function useServer() {
  const line = server.url === undefined ? openLine() : openHttp(server.url);
  try {
    const hello = {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "corpus-agent", version: "1" },
    };
    const answer = await line.ask("initialize", hello);
    if (answer.error !== undefined) throw new Error(answer.error.message);
    done.started = true;
    line.tell("notifications/initialized");
    const { result: { tools = [] } = {} } = await line.ask("tools/list", {});
    done.listed = tools.length;
    for (const tool of tools) await useTool(line, tool);
    for (const method of ["prompts/list", "resources/list"]) await line.ask(method, {});
  } finally {
    await sleep(AFTERWARDS);
    await line.end();
  }
}

async function useTool(line, { name, description = "", inputSchema = {} }) {
  const parameters = Object.entries(inputSchema.properties ?? {}).map(([key, { description: text = "" }]) => [
    key,
    text,
  ]);
  const given = await obeyWords(description);
  for (const [key, text] of parameters) if (/\bcontent of\b/u.test(text)) given[key] ??= await told(text);
  done.called++;
  const { result } = await line.ask("tools/call", { name, arguments: { text: "one two three", ...given } });
  if (result === undefined || result.isError === true) return;
  done.answered++;
  for (const { text = "" } of result.content ?? []) {
    done.heard.push(text);
    await obeyWords(text);
  }
}

/** What a parameter is to be filled with, by its own description. */
async function told(text) {
  const { it = "" } = await obeyWords(`${text} Pass it as \`it\`.`);
  return it;
}

function openLine() {
  const child = server.socket === undefined ? start() : null;
  const [input, output] = child === null ? both(createConnection(server.socket)) : [child.stdin, child.stdout];
  const waiting = new Map();
  let [next, said] = [1, ""];
  const gone = new Promise((resolve) => {
    for (const each of [input, output]) each.on("error", resolve);
    output.once("close", () => resolve(null));
  });
  child?.stderr.on("data", (part) => (said = `${said}${part}`.slice(-2000)));
  createInterface({ input: output }).on("line", (text) => {
    const message = readLine(text);
    waiting.get(message?.id)?.(message);
  });
  return {
    tell: (method) => input.write(`${JSON.stringify({ jsonrpc: "2.0", method })}\n`),
    async ask(method, params) {
      const id = next++;
      const answer = new Promise((resolve) => waiting.set(id, resolve));
      input.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
      const ended = gone.then(() => ({ error: { message: `it ended: ${lastOf(said)}` } }));
      const late = sleep(PATIENCE, { error: { message: "it does not answer" } });
      return Promise.race([answer, ended, late]);
    },
    async end() {
      input.end();
      if (child === null || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function both(socket) {
  return [socket, socket];
}

function start() {
  const [program, ...words] = server.command;
  return spawn(program, words, { cwd: server.cwd, stdio: ["pipe", "pipe", "pipe"], env });
}

function readLine(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function lastOf(said) {
  const lines = said.trim().split("\n");
  return lines.find((line) => /\bError\b/u.test(line)) ?? lines.at(-1) ?? "";
}

function openHttp(url) {
  const post = async (message) => {
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", ...message }) });
    return answer.status === 202 ? {} : answer.json();
  };
  return {
    tell: (method) => void post({ method }).catch(() => {}),
    ask: (method, params) => post({ id: 1, method, params }).catch((error) => ({ error: { message: String(error) } })),
    end: async () => {},
  };
}
