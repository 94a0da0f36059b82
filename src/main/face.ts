/**
 * The MCP side of one instance. Descriptor 3 is the monitor; the folder on the command line (by default `/run/aios`) is
 * where the two sockets are made that the agent sees. It holds nothing: what it is asked for, it asks the monitor.
 */
import { argv, exit, stderr } from "node:process";
import { createFace, type Face } from "../face/face.ts";
import { inheritedChannel } from "../platform/channel.ts";
import { listenForHttp, listenForLines, type HttpHandler } from "../platform/mcp-listeners.ts";
import { createTimer } from "../platform/timer.ts";
import { FACE_SIDE } from "../protocol/requests-table.ts";
import { createPeer } from "../protocol/rpc.ts";
import { VERSION } from "./version.ts";

const MONITOR = 3;
const folder = argv[2] ?? "/run/aios";

const face: Face = createFace({
  version: VERSION,
  timer: createTimer(),
  link: {
    list: () => peer.request("list", {}),
    propose: (proposal, token) => peer.request("propose", { ...proposal, token }),
    // The proposal's own answer says what came of it.
    cancel: (token) => void peer.request("cancel", { token }).catch(() => undefined),
    report: async (method) => void (await peer.request("method", { method })),
  },
});
const peer = createPeer(inheritedChannel(MONITOR), {
  side: FACE_SIDE,
  requests: {},
  events: face.events,
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  onError: (error, name) => end(`${name} failed: ${String(error)}`),
});
void peer.closed.then(() => end("the monitor is gone"));

await listenForLines(`${folder}/mcp-stdio.sock`, (lines) => face.serveLines(lines));
await listenForHttp(`${folder}/mcp.sock`, loadHttp);
await peer.request("ready", {});

async function loadHttp(): Promise<HttpHandler> {
  const [{ createHttpFace }, { createRandom }] = await Promise.all([
    import("../face/http-face.ts"),
    import("../platform/random.ts"),
  ]);
  const http = createHttpFace(face, createRandom());
  return (exchange) => http.handle(exchange);
}

function end(why: string): never {
  stderr.write(`aios face: ${why}\n`);
  exit(1);
}
