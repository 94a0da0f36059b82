import type { FaceEvents } from "../protocol/requests.ts";
import type { Timer } from "../platform/powers.ts";
import { createCalls, type CallDoor } from "./calls.ts";
import { createCatalog, type Catalog } from "./catalog.ts";
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

/** The MCP side of one instance: what its connections share. serve.ts makes servers of it, and is loaded with the first. */
export interface Face {
  readonly parts: FaceParts;
  readonly catalog: Catalog;
  /** The door of one connection. */
  openDoor(): CallDoor;
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
    catalog,
    openDoor: () => calls.door(OPEN_CALLS),
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
