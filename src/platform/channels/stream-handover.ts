import type { Socket } from "node:net";
import { closeAll, receiveMessage, sendMessage, type DescriptorMessage } from "./fd-passing.ts";
import { descriptorOf, readPeer, type Peer } from "./peer-credentials.ts";
import { PlatformError } from "../platform-error.ts";
import { connectSocket, listenSockets, type UnixServer } from "./unix-server.ts";

const TICKET = /^[0-9a-f]{32}$/;
const TICKET_BYTES = 32;
const MOST_DESCRIPTORS = 3;
const PATIENCE_MS = 1000;
const ACCEPTED = 0x06; // ASCII ACK

/** Descriptors that a client handed over under a ticket. Whoever takes them closes them. */
export interface Handover {
  /** 32 lower-case hex digits. */
  readonly ticket: string;
  /** One to three descriptors, close-on-exec, in the order in which they were sent. */
  readonly fds: readonly number[];
  readonly peer: Peer;
}

/** How handed-over descriptors are taken. */
export interface ReceiveOptions {
  /** As in `ListenOptions`. */
  readonly stale: "refuse" | "replace";
  /** Takes the descriptors (true), or leaves them to be closed (false): an unknown or used ticket. */
  readonly onHandover: (handover: Handover) => boolean;
}

/**
 * Hands descriptors over to whoever listens at `path`, under a ticket of 32 lower-case hex digits; resolves when they
 * were taken. The caller keeps its own copies and closes them. At most three.
 * Throws `streams-refused` when the other side did not take them, `unreachable` when nobody listens.
 */
export async function sendDescriptors(path: string, ticket: string, fds: readonly number[]): Promise<void> {
  if (!TICKET.test(ticket))
    throw new PlatformError("streams-refused", "Cannot hand over streams: the ticket is malformed");
  const socket = await connectSocket(path);
  try {
    sendMessage(descriptorOf(socket), { bytes: Buffer.from(ticket, "latin1"), fds });
    const answer = await readAnswer(socket);
    if (answer !== ACCEPTED)
      throw new PlatformError("streams-refused", `Cannot hand over streams for ticket ${ticket}`);
  } finally {
    socket.destroy();
  }
}

/**
 * Listens at `path` (mode 0600) for descriptors. A connection has one second for one message of a ticket and one to
 * three descriptors; anything else is closed with all that it brought, without a word.
 */
export function receiveDescriptors(path: string, options: ReceiveOptions): Promise<UnixServer> {
  return listenSockets(path, {
    mode: 0o600,
    stale: options.stale,
    onSocket: (socket) => {
      socket.on("error", () => socket.destroy());
      takeHandover(socket, options.onHandover).then(
        (taken) => (taken ? socket.end(Buffer.of(ACCEPTED), () => socket.destroy()) : socket.destroy()),
        () => socket.destroy(),
      );
    },
  });
}

async function takeHandover(socket: Socket, onHandover: ReceiveOptions["onHandover"]): Promise<boolean> {
  const peer = readPeer(socket);
  const message = await waitForMessage(socket);
  const ticket = message.bytes.toString("latin1");
  if (!TICKET.test(ticket) || message.fds.length === 0) {
    closeAll(message.fds);
    return false;
  }
  let taken = false;
  try {
    taken = onHandover({ ticket, fds: message.fds, peer });
  } finally {
    if (!taken) closeAll(message.fds);
  }
  return taken;
}

/** Node cannot receive descriptors, and would lose them by reading: the socket is paused and asked from time to time. */
async function waitForMessage(socket: Socket): Promise<DescriptorMessage> {
  const end = performance.now() + PATIENCE_MS;
  let pause = 1;
  for (;;) {
    const message = receiveMessage(descriptorOf(socket), { bytes: TICKET_BYTES + 1, fds: MOST_DESCRIPTORS });
    if (message !== null) return message;
    if (performance.now() > end) return { bytes: Buffer.alloc(0), fds: [] };
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, 50);
  }
}

function readAnswer(socket: Socket): Promise<number | null> {
  return new Promise((resolve) => {
    socket.once("data", (chunk) => resolve(chunk[0] ?? null));
    socket.once("close", () => resolve(null));
    socket.once("error", () => resolve(null));
    socket.setTimeout(PATIENCE_MS * 5, () => resolve(null));
  });
}
