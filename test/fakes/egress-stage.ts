import { createServer as createUnixServer, createConnection, type Server as NetServer, type Socket } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { createEgress } from "../../src/face/egress.ts";
import { decodeNetCall, type NetCall } from "../../src/kernel/net.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { orderOf } from "../../src/monitor/net-device.ts";
import { createBroker } from "../../src/platform/network/broker.ts";
import { createInstanceCa } from "../../src/platform/network/instance-ca.ts";
import { createProxy } from "../../src/platform/network/proxy-listener.ts";
import type { NetResult } from "../../src/protocol/net-order.ts";
import type { NetRoute } from "../../src/protocol/requests.ts";
import { joinBroker } from "./broker-pair.ts";

/** What the stage's monitor says to one call. */
export type StageVerdict =
  | "grant"
  | "deny"
  /** With `ticket` as what a human was asked about: no stream takes it up by itself. */
  | { readonly grantAfter: Promise<void>; readonly ticket?: boolean };

/** A face's proxy and a broker in this process, with a monitor between them that does what the test says. */
export interface EgressStage {
  /** Path of the proxy's socket. */
  readonly socket: string;
  /** What the agent trusts. */
  readonly ca: string;
  /** Everything that was proposed, in order. */
  readonly proposed: { readonly name: string; readonly arguments: JsonObject }[];
  /** What came of what was granted, in order. */
  readonly results: NetResult[];
  /** What the face refused by itself. */
  readonly refused: string[];
  /** Hosts that such requests named. */
  readonly named: string[];
  /** Tokens of what was ordered for a stream that waited. */
  readonly streams: number[];
  /** Tokens of what the face took back. */
  readonly withdrawn: number[];
  /** System calls by which clients were written to. */
  writes(): number;
  /** Cuts everything that runs. */
  cut(): void;
  connect(): Socket;
  stop(): Promise<void>;
}

/** Sets the stage. Without `decide` every call that the kernel can read is granted. */
export async function startEgressStage(
  options: {
    readonly decide?: (call: NetCall) => StageVerdict;
    readonly route?: (host: string, port: number) => NetRoute;
    readonly resolve?: (host: string) => Promise<readonly { readonly address: string }[]>;
    /** Every name counts as one that was granted as a service of this machine. */
    readonly local?: boolean;
    /** Bytes that each exchange may carry. */
    readonly most?: number;
    /** What the answer to each proposal waits for when its exchange has ended: a record takes its time. */
    readonly recorded?: Promise<void>;
    /** PEM of those whom the broker trusts. */
    readonly authorities?: string;
  } = {},
): Promise<EgressStage> {
  const folder = mkdtempSync(join(tmpdir(), "aios-egress-"));
  const socket = join(folder, "proxy.sock");
  const proposed: EgressStage["proposed"] = [];
  const results: NetResult[] = [];
  const refused: string[] = [];
  const named: string[] = [];
  const withdrawn: number[] = [];
  const streams: number[] = [];
  let writes = 0;
  const running = new Map<number, string>();
  let tickets = 0;
  const broker = createBroker({
    resolve: options.resolve ?? (() => Promise.resolve([{ address: "127.0.0.1" }])),
    authorities: options.authorities ?? null,
  });
  const egress = createEgress({
    propose: async ({ name, arguments: args }, token, waits = false) => {
      proposed.push({ name, arguments: args });
      const call = decodeNetCall(name, args);
      const denied = { kind: "stopped", stage: "validate", message: "no", proposal: null } as const;
      if (call.kind === "refused") return { ...denied, code: "not-canonical", message: call.message };
      const verdict = options.decide?.(call.value) ?? "grant";
      if (verdict === "deny") return { ...denied, code: "no-grant" };
      if (verdict !== "grant") await verdict.grantAfter;
      const hasTicket = !waits || (verdict !== "grant" && verdict.ticket === true);
      const ticket = (tickets += 1).toString(16).padStart(32, "0");
      running.set(token, ticket);
      const order = orderOf(call.value);
      const reached = options.local === true ? { ...order, reach: "loopback" as const } : order;
      const stream = hasTicket ? null : token;
      const ended = broker.exchange({ ticket, order: reached, most: options.most ?? null, stream });
      if (stream === null) egress.onGranted({ token, ticket, via: 0 });
      else streams.push(stream);
      results.push(await ended);
      running.delete(token);
      await options.recorded;
      return { kind: "done", result: {} };
    },
    cancel: (token) => {
      withdrawn.push(token);
      broker.cancel(running.get(token) ?? "");
    },
    route: (host, port) => Promise.resolve(options.route?.(host, port) ?? "terminate"),
    // A record takes its time: what is answered before it is seen to be missing by whoever looks then.
    refused: async (what, hosts) => {
      await setTimeout(20);
      refused.push(what);
      named.push(...hosts);
    },
  });
  const ca = createInstanceCa(Date.now);
  const mux = joinBroker(broker);
  const proxy = createProxy({ port: egress, openStream: () => mux.connect(), ca });
  const sockets = new Set<Socket>();
  const listener: NetServer = createUnixServer((connection) => {
    sockets.add(connection);
    for (const name of ["_write", "_writev"] as const) {
      const write = connection[name];
      Reflect.set(connection, name, (...words: readonly unknown[]) => {
        writes += 1;
        if (write !== undefined) Reflect.apply(write, connection, words);
      });
    }
    connection.on("error", () => connection.destroy());
    connection.once("close", () => sockets.delete(connection));
    proxy.emit("connection", connection);
  });
  await new Promise<void>((resolve) => listener.listen(socket, resolve));
  return {
    socket,
    ca: ca.certificate,
    proposed,
    results,
    refused,
    named,
    withdrawn,
    streams,
    writes: () => writes,
    cut: () => {
      for (const ticket of running.values()) broker.cancel(ticket);
    },
    connect: () => createConnection(socket).on("error", () => {}),
    stop: async () => {
      for (const each of sockets) each.destroy();
      await new Promise((resolve) => listener.close(resolve));
      proxy.closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
