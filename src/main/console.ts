/**
 * The console: serves the pages by which people look, stop and sign. Descriptor 3 is the monitor, from descriptor 4 on are
 * the listeners on this machine's loopback addresses. It has no network of its own, no file beyond its code, no key: what it says wrongly to the
 * monitor can only be refused, and what it may ask is its row of the static request table.
 */
import { CONNECTIONS, createConnections } from "../console/connections.ts";
import { createConsoleGate } from "../console/gate.ts";
import { cookieHeader, FORGET, pageHeaders } from "../console/page-headers.ts";
import { COOKIE, createSessions, SESSION_MS } from "../console/sessions.ts";
import { parseJson } from "../kernel/json.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import {
  createConsoleServer,
  type ConsoleConnection,
  type ConsoleVerdict,
  type LineStream,
} from "../platform/serving/console-server.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import { serveListener } from "../platform/serving/mcp-listeners.ts";
import { gatherPages, servedText } from "../platform/serving/page-files.ts";
import type { GateAnswer, GateVisit } from "../platform/serving/port-server.ts";
import { createRandom } from "../platform/keys/random.ts";
import {
  CONSOLE_SIDE,
  MONITOR_CONSOLE,
  type ConsoleDoor,
  type ConsoleLook,
  type ConsoleRefusal,
  type ConsoleRequests,
} from "../protocol/console-table.ts";
import { decode, type Decoder } from "../protocol/decode.ts";
import { PEERS_MOST, VISITS_MS } from "../protocol/port-gate-table.ts";
import { RpcError } from "../protocol/rpc-error.ts";
import { createPeer } from "../protocol/rpc.ts";
import type { AnswerOf, BodyOf } from "../protocol/side.ts";
import { PAGES } from "./console-pages.ts";

const MONITOR = 3;
const LISTENERS = 4;
const BOUNDS = { maxLength: 256 * 1024, maxDepth: 32, maxValues: 20_000 };

const powers = { random: createRandom(), crypto: createCrypto(), now: () => performance.now() };
const sessions = createSessions(powers);
const watchers = new Set<LineStream>();
const pages = gatherPages(new URL("..", import.meta.url).pathname, PAGES);
const files = new Map([...pages.sources].map(([path, source]) => [path, { ...source, text: servedText(source) }]));

const MOVED = `The console was started again and has another name now. At a terminal of this machine say

    aios console

and open the address that it prints.
`;
/** That somebody recovers a lost key is told to whoever comes in meanwhile, too. */
let recovering = "{}";
const tell = (event: string, body: object): void => {
  if (watchers.size === 0) return;
  const line = JSON.stringify({ event, body });
  for (const watcher of watchers) watcher.say(line);
};
const peer = createPeer(inheritedChannel(MONITOR), {
  side: CONSOLE_SIDE,
  requests: {},
  events: {
    admit: ({ code, ms }) => sessions.admit(code, ms),
    left: ({ key }) => sessions.endOf(key),
    record: (body) => tell("record", body),
    held: (body) => tell("held", body),
    stage: (body) => tell("stage", body),
    recovering: (body) => {
      recovering = JSON.stringify({ event: "recovering", body });
      tell("recovering", body);
    },
  },
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  onError: (error, name) => end(`${name} failed: ${String(error)}`),
});
void peer.closed.then(() => end("the monitor is gone"));

const { host, port } = await peer.request("ready", { pages: pages.digest });
await peer.request("watch", { instance: null });
const authority = `${host}:${port}`;
const judge = createConsoleGate(authority, { sessions, now: powers.now });
const counted: { connections: number; requests: number; refused: { [why: string]: number }; peers: string[] } = {
  connections: 0,
  requests: 0,
  refused: {},
  peers: [],
};

const connections = createConnections(() => count("crowded"));
const server = createConsoleServer({
  judge: (visit, connection) => {
    counted.requests += 1;
    return rule(visit, connection);
  },
  came(connection) {
    counted.connections += 1;
    connections.came(connection);
  },
  went: (connection) => connections.went(connection),
  malformed: () => void turnAway("malformed", { status: 400, from: "" }),
  tooLarge: answer(413, "application/json", JSON.stringify({ refused: "malformed" })),
});
for (let index = 0; index < Number(process.argv[2]); index += 1) {
  await serveListener(LISTENERS + index, { most: CONNECTIONS, load: () => Promise.resolve(server) });
}
setInterval(() => {
  sessions.sweep();
  flush();
}, VISITS_MS);

/** Only refusals are worth a record; what came besides is said with them. */
function flush(): void {
  if (Object.keys(counted.refused).length === 0) return;
  const said = { ...counted };
  Object.assign(counted, { connections: 0, requests: 0, refused: {}, peers: [] });
  void peer.request("visited", said).catch(() => end("what came could not be recorded"));
}

function rule(visit: GateVisit, connection: ConsoleConnection): ConsoleVerdict {
  const { peer: from } = connection;
  const ruling = judge(visit, (session) => connections.asked(connection, session));
  switch (ruling.kind) {
    case "refused":
      return { kind: "answer", answer: turnAway(ruling.why, { status: ruling.status, from }) };
    case "file": {
      const file = files.get(ruling.path);
      if (file === undefined) return { kind: "answer", answer: turnAway("malformed", { status: 404, from }) };
      return { kind: "answer", answer: answer(200, file.type, file.text, { path: ruling.path }) };
    }
    case "moved": {
      const location = ["location", `http://${authority}${ruling.path}`] as const;
      return { kind: "answer", answer: answer(307, "text/plain", "", { more: [location, FORGET] }) };
    }
    case "moved-on":
      return { kind: "answer", answer: answer(421, "text/plain", MOVED, { more: [FORGET] }) };
    case "enter":
      return { kind: "body", take: (body) => enter(body, from) };
    case "door":
      return {
        kind: "body",
        take: (body) => (ruling.name === "sign-in" ? signIn(visit, { body, from }) : ask(ruling.name, { body, from })),
      };
    case "leave":
      return {
        kind: "body",
        take: () => {
          sessions.leave(visit);
          return Promise.resolve(
            answer(200, "application/json", "{}", { more: [cookieHeader(COOKIE, { value: "", seconds: 0 })] }),
          );
        },
      };
    case "ask":
      return { kind: "body", take: (body) => ask(ruling.name, { body, from }) };
    case "watch":
      return {
        kind: "stream",
        head: answer(200, "application/x-ndjson", ""),
        start(stream) {
          const cut = (): void => stream.end();
          ruling.session.uses.add(cut);
          watchers.add(stream);
          stream.say(recovering);
          void stream.ended.then(() => {
            watchers.delete(stream);
            ruling.session.uses.delete(cut);
          });
        },
      };
    default:
      return ruling satisfies never;
  }
}

function count(why: ConsoleRefusal): void {
  counted.refused[why] = (counted.refused[why] ?? 0) + 1;
}

function turnAway(
  why: ConsoleRefusal,
  { status, from }: { readonly status: number; readonly from: string },
): GateAnswer {
  count(why);
  if (counted.peers.length < PEERS_MOST && /^[0-9a-f.:]+$/.test(from)) counted.peers.push(from);
  return answer(status, "application/json", JSON.stringify({ refused: why }));
}

/** `path`: of a file. */
function answer(
  status: number,
  type: string,
  body: string,
  { path = null, more = [] }: { readonly path?: string | null; readonly more?: GateAnswer["headers"] } = {},
): GateAnswer {
  const headers = [["content-type", `${type}; charset=utf-8`], ...pageHeaders(authority, path), ...more] as const;
  return { status, headers, body };
}

/** What a visitor sent, and from where. */
interface Asked {
  readonly body: string;
  readonly from: string;
}

/** What came of asking the monitor. */
type Handed<Name extends keyof ConsoleRequests> =
  | { readonly kind: "ok"; readonly ok: AnswerOf<ConsoleRequests[Name]> }
  | { readonly kind: "refused"; readonly answer: GateAnswer };

async function enter(body: string, from: string): Promise<GateAnswer> {
  if (!/^[0-9a-f]{32}$/.test(body)) return turnAway("malformed", { status: 400, from });
  const entered = sessions.enter(body);
  if (entered.kind === "refused")
    return turnAway(entered.why, { status: entered.why === "too-many-tries" ? 429 : 403, from });
  return letIn({ by: "code", key: null }, {});
}

/**
 * Written down before anybody is let in. `more`: what the page is told besides. The session is there before the monitor is
 * asked, and nobody's until it answers: so a removal meanwhile is either in the answer or ends it.
 */
async function letIn(entry: ConsoleRequests["entered"]["body"], more: object): Promise<GateAnswer> {
  const halves = sessions.open(entry.key);
  const asked = await told("entered", entry);
  if (asked.kind === "refused") {
    sessions.drop(halves);
    return asked.answer;
  }
  const { cookie, half } = halves;
  return answer(200, "application/json", JSON.stringify({ half, ...more }), {
    more: [cookieHeader(COOKIE, { value: cookie, seconds: SESSION_MS / 1000 })],
  });
}

/** A passkey lets a browser in as a code does. A session that it had ends. */
async function signIn(visit: GateVisit, given: Asked): Promise<GateAnswer> {
  const asked = await hand("sign-in", given);
  if (asked.kind === "refused") return asked.answer;
  if (typeof sessions.of(visit) !== "string") sessions.leave(visit);
  return letIn({ by: "passkey", key: asked.ok.key }, asked.ok);
}

async function ask(name: ConsoleLook | ConsoleDoor, given: Asked): Promise<GateAnswer> {
  const asked = await hand(name, given);
  return asked.kind === "refused" ? asked.answer : answer(200, "application/json", JSON.stringify(asked.ok));
}

/** Hands a request on, read strictly here first: a page that is wrong must not end the channel. */
async function hand<Name extends ConsoleLook | ConsoleDoor>(name: Name, { body, from }: Asked): Promise<Handed<Name>> {
  const parsed = parseJson(body, BOUNDS);
  const decoder: Decoder<BodyOf<ConsoleRequests[Name]>> = MONITOR_CONSOLE.serves[name];
  const decoded = parsed.kind === "ok" ? decode(decoder, parsed.value) : null;
  if (decoded?.kind !== "ok") return { kind: "refused", answer: turnAway("malformed", { status: 400, from }) };
  return told(name, decoded.value);
}

/** Asks the monitor; what it refuses is an answer for the page. */
async function told<Name extends keyof ConsoleRequests>(
  name: Name,
  body: BodyOf<ConsoleRequests[Name]>,
): Promise<Handed<Name>> {
  try {
    return { kind: "ok", ok: await peer.request(name, body) };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const { code, message, hint } = error;
    return {
      kind: "refused",
      answer: answer(409, "application/json", JSON.stringify({ error: { code, message, hint } })),
    };
  }
}

function end(why: string): never {
  process.stderr.write(`aios console: ${why}\n`);
  process.exit(1);
}
