import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { readFrame, writeFrame } from "./frames.ts";
import { openWebSocket, type Place } from "./port-client.ts";

export interface Device {
  readonly id: string;
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

/** What came of a visit: in, or why not. `refused`: there was no WebSocket at all. */
export type GatewayAnswer =
  | { readonly kind: "in"; call(method: string, params: object): Promise<Result>; close(): void }
  | { readonly kind: "rejected"; readonly why: string }
  | { readonly kind: "refused" };

export interface Result {
  readonly ok: boolean;
  readonly payload?: unknown;
  readonly error?: { readonly message: string };
}

/** The protocol of the last `clawdbot`, as its own programs speak it. */
const PROTOCOL = 3;
const CLIENT = { id: "cli", version: "1", platform: "linux", mode: "cli" };
const SCOPES = ["operator.admin"];
const CLOSE = 8;
const ANSWER_MS = 60_000;

/** A device that nobody has seen before. */
export function makeDevice(): Device {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  return { id: createHash("sha256").update(raw).digest("hex"), publicKey: raw.toString("base64url"), privateKey };
}

/** What is said first: the shared token, and a device's key when there is one. */
export function greeting(token: string, device: Device | null): object {
  const common = { minProtocol: PROTOCOL, maxProtocol: PROTOCOL, client: CLIENT, role: "operator", scopes: SCOPES };
  if (device === null) return { ...common, auth: { token } };
  const signedAt = Date.now();
  const text = ["v1", device.id, CLIENT.id, CLIENT.mode, "operator", SCOPES.join(","), signedAt, token].join("|");
  const signature = sign(null, Buffer.from(text), device.privateKey).toString("base64url");
  return { ...common, auth: { token }, device: { id: device.id, publicKey: device.publicKey, signature, signedAt } };
}

/** Opens a WebSocket to a gateway and says who one is. */
export async function visitGateway(
  place: Place,
  { headers, hello }: { readonly headers: { readonly [name: string]: string }; readonly hello: object },
): Promise<GatewayAnswer> {
  const opened = await openWebSocket(place, headers);
  if (opened.kind === "refused") return { kind: "refused" };
  const { socket } = opened;
  const asked = new Map<string, (result: Result) => void>();
  const end = (why: string): void => {
    socket.destroy();
    for (const answer of asked.values()) answer({ ok: false, error: { message: why } });
  };
  let bytes: Buffer = opened.head;
  const read = (): void => {
    for (let frame = readFrame(bytes); frame !== null; frame = readFrame(bytes)) {
      bytes = bytes.subarray(frame.length);
      if (frame.opcode === CLOSE) return end(frame.text);
      const said = frame.opcode === 1 ? JSON.parse(frame.text) : {};
      if (said.type === "res") asked.get(said.id)?.(said);
    }
  };
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    read();
  });
  socket.on("error", () => end("broken"));
  socket.on("close", () => end("closed"));
  let count = 0;
  const call = (method: string, params: object): Promise<Result> => {
    const id = String(count++);
    socket.write(writeFrame(JSON.stringify({ type: "req", id, method, params })));
    return new Promise((resolve) => {
      asked.set(id, resolve);
      setTimeout(() => resolve({ ok: false, error: { message: `no answer to ${method}` } }), ANSWER_MS).unref();
    });
  };
  const answer = await call("connect", hello);
  if (answer.ok) return { kind: "in", call, close: () => socket.destroy() };
  socket.destroy();
  return { kind: "rejected", why: answer.error?.message ?? "" };
}
