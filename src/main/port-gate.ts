/**
 * The check in front of an instance's published ports. Descriptor 3 is the monitor; over descriptor 4 the agent's launcher
 * hands out sockets of its network; from 5 on are the listeners on this machine's loopback addresses. It has no network of
 * its own: it can answer who comes, and reach what the agent listens on.
 */
import { ANSWER_POLICY, closedPage, doorPage, type EntryPage } from "../face/entry-page.ts";
import { headersInside, headersOutside, pageRules } from "../face/port-headers.ts";
import { createGate, SESSION_MS, type Gate, type OwnAnswer } from "../face/port-gate.ts";
import type { Visit } from "../face/visit.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import {
  createGateServer,
  type GateAnswer,
  type GateRules,
  type GateVerdict,
} from "../platform/serving/port-server.ts";
import { serveListener, type McpListener } from "../platform/serving/mcp-listeners.ts";
import { awaitDescriptors } from "../platform/network/passed-listener.ts";
import { createRandom } from "../platform/keys/random.ts";
import { createVisits } from "../platform/serving/visits.ts";
import { GATE_SIDE, PEERS_MOST, VISITS_MS, type GatePort, type GateRefusal } from "../protocol/port-gate-table.ts";
import { createPeer } from "../protocol/rpc.ts";

const MONITOR = 3;
const VISITS = 4;
const LISTENERS = 5;
/** Sockets that the launcher hands out: `VISITS_MOST` of sandbox/launch-plan.ts, on the command line. */
const most = Number(process.argv[2]);
/** Connections of visitors to one address of a port at a time; more are closed at once. */
const CONNECTIONS = 128;
/** For whoever comes by a bookmark. It says no name: any program of this machine can ask. */
/** What a person can do about a refusal, by its code. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ["host", "This port has another address with each opening. At a terminal of this machine say: aios ports open\n"],
  ["unreachable", "Nothing answers at this port inside the sandbox. Is the agent's program running, and ready?\n"],
  ["unreadable", "What answers inside speaks no HTTP/1.1 that has one reading. Is it the port that serves pages?\n"],
]);

interface Served {
  readonly gate: Gate;
  close(): void;
  flush(): void;
}
const served = new Map<string, Served>();
const powers = { random: createRandom(), crypto: createCrypto(), now: () => performance.now() };

const peer = createPeer(inheritedChannel(MONITOR), {
  side: GATE_SIDE,
  requests: {},
  events: {
    admit: ({ ports }) => {
      for (const [name, { gate, close }] of served) {
        const admitted = ports.find((port) => port.name === name);
        gate.admit(admitted?.keys ?? []);
        if (admitted === undefined) close();
      }
    },
  },
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  onError: (error, name) => end(`${name} failed: ${String(error)}`),
});
void peer.closed.then(() => end("the monitor is gone"));

const sockets = Promise.withResolvers<readonly number[]>();
awaitDescriptors(VISITS, most, sockets.resolve);
const { ports } = await peer.request("ready", {});
const visits = createVisits(await sockets.promise);
let next = LISTENERS;
for (const port of ports) {
  served.set(port.name, await serve(port, next));
  next += port.listeners;
}
setInterval(() => {
  for (const { gate, flush } of served.values()) {
    gate.sweep();
    flush();
  }
}, VISITS_MS);

async function serve(port: GatePort, first: number): Promise<Served> {
  const gate = createGate(port, powers);
  let counted = { connections: 0, requests: 0 };
  let refused: { [why: string]: number } = {};
  let peers: string[] = [];
  const pages = { page: closedPage(port), door: doorPage(port, powers.crypto) };
  const rules: GateRules = {
    inside: port.inside,
    judge: (visit) =>
      judge(visit, { gate, port, pages, refused: (why) => void (refused[why] = (refused[why] ?? 0) + 1) }),
    answerHeaders: (headers) => headersOutside(headers, { port, origin: gate.origin }),
    refusal: (why, status) => ({
      status,
      headers: [["content-type", "text/plain; charset=utf-8"], ...pageRules(gate.origin)],
      body: `${why}\n${HINTS.get(why) ?? ""}`,
    }),
    connected: () => void (counted.connections += 1),
    asked: () => void (counted.requests += 1),
    refused(why, from) {
      refused[why] = (refused[why] ?? 0) + 1;
      if (peers.length < PEERS_MOST && /^[0-9a-f.:]+$/.test(from)) peers.push(from);
    },
  };
  const server = createGateServer(rules, visits);
  const listening: McpListener[] = [];
  for (let fd = first; fd < first + port.listeners; fd += 1) {
    listening.push(await serveListener(fd, { most: CONNECTIONS, load: () => Promise.resolve(server) }));
  }
  return {
    gate,
    close: () => listening.forEach((each) => each.close()),
    flush() {
      if (counted.connections + counted.requests === 0 && Object.keys(refused).length === 0) return;
      const said = { port: port.name, ...counted, refused, peers };
      [counted, refused, peers] = [{ connections: 0, requests: 0 }, {}, []];
      void peer.request("visited", said).catch(() => end("what came could not be recorded"));
    },
  };
}

interface Place {
  readonly gate: Gate;
  readonly port: GatePort;
  readonly pages: { readonly page: EntryPage; readonly door: EntryPage };
  /** One of the gate's own addresses turned somebody away. */
  refused(why: GateRefusal): void;
}

function judge(visit: Visit, place: Place): GateVerdict {
  const { gate, port } = place;
  const verdict = gate.judge(visit);
  if (verdict.kind === "refused") return verdict;
  if (verdict.kind === "own") return { kind: "own", answer: (body) => answerOwn(verdict.what, body, place) };
  return { kind: "pass", headers: headersInside(visit, port, gate.cookieName), uses: verdict.session.uses };
}

function own(status: number, body: string, headers: GateAnswer["headers"]): GateAnswer {
  return { status, headers: [...headers, ["x-content-type-options", "nosniff"]], body };
}

function asJson(status: number, value: object, more: GateAnswer["headers"] = []): GateAnswer {
  return own(status, JSON.stringify(value), [
    ["content-type", "application/json; charset=utf-8"],
    ["content-security-policy", ANSWER_POLICY],
    ...more,
  ]);
}

async function answerOwn(what: OwnAnswer, body: string, place: Place): Promise<GateAnswer> {
  const { gate, port, pages } = place;
  const turnAway = (why: GateRefusal, status: number): GateAnswer => {
    place.refused(why);
    return asJson(status, { refused: why });
  };
  if (what === "page") return own(401, pages.page.text, pages.page.headers);
  if (what === "door") return own(200, pages.door.text, pages.door.headers);
  if (what === "challenge") {
    const challenge = gate.challenge();
    return challenge === null ? turnAway("flood", 429) : asJson(200, { challenge });
  }
  if (what === "link") {
    const made = gate.link(body);
    return made.kind === "link" ? asJson(200, { token: made.token }) : turnAway(made.why, made.status);
  }
  const entered = what === "enter" ? gate.enter(body) : gate.open(body);
  if (entered.kind === "refused") return turnAway(entered.why, entered.status);
  // Written down before it is let in.
  await peer.request("entered", { port: port.name, key: entered.key });
  const cookie = `${gate.cookieName}=${entered.cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${SESSION_MS / 1000}`;
  return asJson(200, {}, [["set-cookie", cookie]]);
}

function end(why: string): never {
  process.stderr.write(`aios gate: ${why}\n`);
  process.exit(1);
}
