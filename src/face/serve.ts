import type { Server } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { Lines } from "../platform/channels/line-channel.ts";
import type { CallDoor } from "./calls.ts";
import { createFaceServer } from "./face-server.ts";
import type { Face } from "./face.ts";
import { createLineTransport } from "./line-transport.ts";

/** Makes the MCP server of a connection behind a door. */
export function createServer({ catalog, parts }: Face, door: CallDoor): Server {
  return createFaceServer({ catalog, door, version: parts.version });
}

/** Serves one connection in stdio framing, of either protocol revision, until its lines close. */
export function serveLines(face: Face, lines: Lines): void {
  const door = face.openDoor();
  const watched: (() => void)[] = [];
  const transport = createLineTransport(lines, face.parts.link);
  lines.onClose(() => {
    for (const unwatch of watched) unwatch();
  });
  serveStdio(
    () => {
      // A client may probe with one revision and go on with another; then this runs twice.
      const server = createServer(face, door);
      watched.push(face.onChanged(() => announceChange(server)));
      return server;
    },
    { transport, maxSubscriptions: 8 },
  );
}

/** Tells a client that its lists are old. Which of the three changed is not told apart: reading a list is cheap. */
export function announceChange(server: Server): void {
  if (server.transport === undefined) return;
  const sent = [server.sendToolListChanged(), server.sendResourceListChanged(), server.sendPromptListChanged()];
  // A client that is gone needs no news.
  for (const each of sent) each.catch(() => undefined);
}
