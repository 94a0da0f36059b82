import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { entryText, GATE_DOORS } from "../../src/protocol/port-entry.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";

/** A client of published ports with a key of its own. */
export interface PortClient {
  /** Raw public key, base64url. */
  readonly key: string;
  /** Proves the key; the session's cookie as a header value, or null when it was not let in. */
  enter(place: Place): Promise<string | null>;
  /** Proves the key; what a link holds, or null. */
  link(place: Place): Promise<string | null>;
}

export interface Reply {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  readonly body: string;
}

export interface Place {
  readonly host: string;
  readonly port: number;
}

export function makePortClient(): PortClient {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = publicKey.export({ format: "jwk" }).x ?? "";
  const prove = (place: Place, path: string): Promise<Reply | null> => proveTo(place, { key, privateKey, path });
  return {
    key,
    async enter(place) {
      const answer = await prove(place, GATE_DOORS.enter);
      return answer === null ? null : cookieIn(answer);
    },
    async link(place) {
      const answer = await prove(place, GATE_DOORS.link);
      return answer?.status === 200 ? JSON.parse(answer.body).token : null;
    },
  };
}

/** Hands in what a link holds, as its page does; the session's cookie, or null. */
export async function openLink(place: Place, token: string): Promise<string | null> {
  const headers = { origin: originOf(place) };
  return cookieIn(
    await visit(place, { method: "POST", path: GATE_DOORS.open, headers, body: JSON.stringify({ token }) }),
  );
}

/** Where a port is for its present opening, once it is open. */
export async function awaitOpen(
  client: { request(name: "open-ports", body: object): Promise<CliRequests["open-ports"]["ok"]> },
  { agent, port }: { readonly agent: string; readonly port: string },
): Promise<Place> {
  for (const end = Date.now() + 60_000; ;) {
    const { ports } = await client.request("open-ports", {});
    const found = ports.find((each) => each.agent === agent && each.port === port);
    if (found !== undefined) return { host: found.host, port: found.outside };
    if (Date.now() > end) throw new Error(`${port} of ${agent} was not opened in time`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function proveTo(
  place: Place,
  by: { readonly key: string; readonly privateKey: KeyObject; readonly path: string },
): Promise<Reply | null> {
  const origin = originOf(place);
  const asked = await visit(place, { method: "POST", path: GATE_DOORS.challenge, headers: { origin } });
  if (asked.status !== 200) return null;
  const { challenge } = JSON.parse(asked.body);
  const signature = sign(null, Buffer.from(entryText(origin, challenge)), by.privateKey).toString("base64");
  const body = JSON.stringify({ key: by.key, challenge, signature });
  return await visit(place, { method: "POST", path: by.path, headers: { origin }, body });
}

function cookieIn({ status, headers }: Reply): string | null {
  const [cookie] = [headers["set-cookie"]].flat();
  return status === 200 && cookie !== undefined ? (cookie.split(";")[0] ?? null) : null;
}

export function originOf({ host, port }: Place): string {
  return `http://${host}:${port}`;
}

/** A port of this machine that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** One request to 127.0.0.1 under the name of the place, unless `host` says another. */
export async function visit(
  place: Place,
  wish: {
    readonly method?: string;
    readonly path?: string;
    readonly headers?: { readonly [name: string]: string };
    readonly body?: string;
  } = {},
): Promise<Reply> {
  const asked = request({
    host: "127.0.0.1",
    port: place.port,
    method: wish.method ?? "GET",
    path: wish.path ?? "/",
    headers: { host: `${place.host}:${place.port}`, ...wish.headers },
    agent: false,
  });
  const answered = once(asked, "response");
  asked.end(wish.body);
  const [response] = await answered;
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

/** Asks for a WebSocket; the socket after the switch with what came behind it already, or the status of the refusal. */
export async function openWebSocket(
  place: Place,
  headers: { readonly [name: string]: string },
): Promise<
  | { readonly kind: "open"; readonly socket: Socket; readonly head: Buffer }
  | { readonly kind: "refused"; readonly status: number }
> {
  const socket = connect(place.port, "127.0.0.1");
  const lines = Object.entries({
    host: `${place.host}:${place.port}`,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET / HTTP/1.1\r\n${lines.join("")}\r\n`);
  let head = Buffer.alloc(0);
  while (!head.includes("\r\n\r\n")) head = Buffer.concat([head, (await once(socket, "data"))[0] as Buffer]);
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head.toString("latin1"))?.[1]);
  if (status === 101) return { kind: "open", socket, head: head.subarray(head.indexOf("\r\n\r\n") + 4) };
  socket.destroy();
  return { kind: "refused", status };
}
