/**
 * The client of one MCP server for one instance. Descriptor 3 is the monitor; 4, for servers over HTTP, the connector, and
 * for others 4, 5 and 6 are standard input, output and error of the server, which runs in a sandbox of its own. When the
 * server goes, so does this program, with a non-zero exit code and the reason on standard error.
 */
import { StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import type { DriverSource } from "../kernel/grant.ts";
import { checkMessages } from "../drivers/checked-transport.ts";
import { createDriver } from "../drivers/driver.ts";
import { tooLargeAnswer } from "../drivers/failure.ts";
import { createServerTransport } from "../drivers/server-transport.ts";
import { attachServer, type AttachedServer } from "../platform/sandbox/attached-server.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { DRIVER_SIDE, SERVER_GONE } from "../protocol/driver-table.ts";
import { createTimer } from "../platform/timer.ts";
import { createPeer } from "../protocol/rpc.ts";
import { VERSION } from "./version.ts";

const MONITOR = 3;
const CONNECTOR = 4;
const SERVER = { input: 4, output: 5, errors: 6 };
/** A server that says nothing for this long is given up; the monitor's own limit on an action is lower. */
const SILENCE_MS = 10 * 60_000;

let server: AttachedServer | null = null;

const driver = createDriver({
  version: VERSION,
  openTransport,
  makeAborter: () => new AbortController(),
  send: (name, body) => void peer.event(name, body),
  end,
  silenceMs: SILENCE_MS,
  now: () => performance.now(),
  errors: () => server?.errors() ?? "",
});
const peer = createPeer(inheritedChannel(MONITOR), {
  side: DRIVER_SIDE,
  requests: driver,
  events: {},
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  onError: (error, name) => end(`${name} failed: ${String(error)}`),
});
void peer.closed.then(() => end("the monitor is gone"));

function openTransport(source: DriverSource): Transport | Promise<Transport> {
  switch (source.kind) {
    case "stdio":
    case "ext":
      return createServerTransport(() => (server = attachServer(SERVER)), {
        ended: (words) => end(words === "" ? SERVER_GONE : `${SERVER_GONE}; its last words: ${words}`),
        after: createTimer().after,
      });
    case "http":
      return openHttp(source.url);
    case "net":
    case "infer":
    case "git-ssh":
    case "memory":
      return end("a built-in device is no server");
    default:
      return source satisfies never;
  }
}

/** Node's HTTP takes as long to load as everything else here; a driver of a server on standard streams never does. */
async function openHttp(url: string): Promise<Transport> {
  const [{ createMuxClient }, { createMuxFetch }] = await Promise.all([
    import("../platform/network/mux.ts"),
    import("../platform/network/mux-fetch.ts"),
  ]);
  const mux = createMuxClient(inheritedChannel(CONNECTOR));
  return checkMessages(
    new StreamableHTTPClientTransport(new URL(url), {
      fetch: createMuxFetch(mux, { url, onEventTooLarge: tooLargeAnswer }),
    }),
  );
}

function end(why: string): never {
  process.stderr.write(`aios driver: ${why}\n`);
  process.exit(1);
}
