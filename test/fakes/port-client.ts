import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { entryText } from "../../src/protocol/port-gate-table.ts";

/** A client of published ports with a key of its own, as a browser has one. */
export interface PortClient {
  /** Raw public key, base64url. */
  readonly key: string;
  /** Proves the key; the session's cookie as a header value, or null when it was not let in. */
  enter(): Promise<string | null>;
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

export function makePortClient(place: Place): PortClient {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = publicKey.export({ format: "jwk" }).x ?? "";
  return { key, enter: () => enterWith(place, { key, privateKey }) };
}

async function enterWith(
  place: Place,
  { key, privateKey }: { readonly key: string; readonly privateKey: KeyObject },
): Promise<string | null> {
  const origin = originOf(place);
  const asked = await visit(place, { method: "POST", path: "/.aios/challenge", headers: { origin } });
  if (asked.status !== 200) return null;
  const { challenge } = JSON.parse(asked.body);
  const signature = sign(null, Buffer.from(entryText(origin, challenge)), privateKey).toString("base64");
  const body = JSON.stringify({ key, challenge, signature });
  const answer = await visit(place, { method: "POST", path: "/.aios/enter", headers: { origin }, body });
  const [cookie] = [answer.headers["set-cookie"]].flat();
  return answer.status === 200 && cookie !== undefined ? (cookie.split(";")[0] ?? null) : null;
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
