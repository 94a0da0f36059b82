import type { Server } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { FaceEvents } from "../protocol/requests.ts";
import type { Lines } from "../platform/line-channel.ts";
import type { Timer } from "../platform/powers.ts";
import { createCalls, type CallDoor } from "./calls.ts";
import { createCatalog } from "./catalog.ts";
import { createFaceServer } from "./face-server.ts";
import { createLineTransport } from "./line-transport.ts";
import type { MonitorLink } from "./monitor-link.ts";

/** Calls that one connection may have open at a time. */
export const OPEN_CALLS = 256;

/** What a face is made of; it holds no authority beyond the link. */
export interface FaceParts {
  readonly link: Omit<MonitorLink, "route" | "refused">;
  readonly timer: Timer;
  /** Version of the substrate. */
  readonly version: string;
}

/** The MCP side of one instance. */
export interface Face {
  readonly parts: FaceParts;
  /** Serves one connection in stdio framing, of either protocol revision, until its lines close. */
  serveLines(lines: Lines): void;
  /** A door for a connection that is not a line connection. */
  openDoor(): CallDoor;
  /** Makes the MCP server of a connection behind a door. */
  createServer(door: CallDoor): Server;
  /** Called whenever what the instance may see has changed, after the old list was forgotten. */
  onChanged(listener: () => void): () => void;
  /** Events of the monitor, less those for the network device (egress.ts). */
  readonly events: { readonly [name in Exclude<keyof FaceEvents, "granted">]: (body: FaceEvents[name]) => void };
}

/** Makes the face of one instance over its link to the monitor. */
export function createFace(parts: FaceParts): Face {
  const catalog = createCatalog(parts.link);
  const calls = createCalls(parts.link, parts.timer);
  const listeners = new Set<() => void>();

  const face: Face = {
    parts,
    serveLines: (lines) => {
      const door = face.openDoor();
      const watched: (() => void)[] = [];
      const transport = createLineTransport(lines, parts.link);
      lines.onClose(() => {
        for (const unwatch of watched) unwatch();
      });
      serveStdio(
        () => {
          // A client may probe with one revision and go on with another; then this runs twice.
          const server = face.createServer(door);
          watched.push(face.onChanged(() => announceChange(server)));
          return server;
        },
        { transport, maxSubscriptions: 8 },
      );
    },
    openDoor: () => calls.door(OPEN_CALLS),
    createServer: (door) => createFaceServer({ catalog, door, version: parts.version }),
    onChanged: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    events: {
      progress: (event) => calls.onProgress(event),
      held: (event) => calls.onHeld(event),
      changed: () => {
        catalog.invalidate();
        for (const listener of listeners) listener();
      },
    },
  };
  return Object.freeze(face);
}

/** Tells a client that its lists are old. Which of the three changed is not told apart: reading a list is cheap. */
export function announceChange(server: Server): void {
  if (server.transport === undefined) return;
  const sent = [server.sendToolListChanged(), server.sendResourceListChanged(), server.sendPromptListChanged()];
  // A client that is gone needs no news.
  for (const each of sent) each.catch(() => undefined);
}
