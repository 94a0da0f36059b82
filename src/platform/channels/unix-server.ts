import { chmodSync, lstatSync, unlinkSync, type Stats } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import type { Channel } from "../powers.ts";
import { socketChannel } from "./channel.ts";
import { readPeer, type Peer } from "./peer-credentials.ts";
import { PlatformError } from "../platform-error.ts";
import { openSocketAddress, type SocketAddress } from "./socket-address.ts";

/** A listening unix socket. */
export interface UnixServer {
  readonly path: string;
  /** Stops listening and removes the socket; connections that were accepted stay. */
  close(): void;
}

/** How a socket is made. */
export interface ListenOptions {
  /** Permission bits of the socket, for example 0o600. The folder must be 0700 and ours in any case. */
  readonly mode: number;
  /**
   * What to do with a socket that a process left when it died. `replace` is only for the holder of the home's lock: the
   * lock proves that nobody serves it, while a connection that is refused may be a server with a full backlog.
   */
  readonly stale: "refuse" | "replace";
}

/**
 * Listens on a unix socket and hands each connection over as a channel with the peer's credentials.
 * A connection whose credentials cannot be read is closed. Throws `socket-folder` when the folder is not 0700 or not
 * ours, `socket-occupied` when something is at the path.
 */
export function listenUnix(
  path: string,
  options: ListenOptions & { readonly onChannel: (channel: Channel, peer: Peer) => void },
): Promise<UnixServer> {
  return listenSockets(path, {
    ...options,
    onSocket: (socket) => acceptSocket(socket, options.onChannel),
  });
}

/** As `listenUnix`, for users that need the socket itself, not yet reading. */
export async function listenSockets(
  path: string,
  options: ListenOptions & { readonly onSocket: (socket: Socket) => void },
): Promise<UnixServer> {
  const address = openSocketAddress(path);
  try {
    checkFolder(path, address);
    clearPath(path, { address, stale: options.stale });
    const server = createServer({ pauseOnConnect: true }, options.onSocket);
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(occupied(path, error.message)));
      server.listen(address.path, resolve);
    });
    chmodSync(address.path, options.mode);
    server.removeAllListeners("error");
    server.on("error", () => undefined); // accept(2) out of descriptors: that connection is lost, the server stays
    return {
      path,
      close: () => {
        server.close();
        // libuv removes the socket by the name it was bound to, within `close`: the folder must be open until then.
        address.close();
      },
    };
  } catch (error) {
    address.close();
    throw error;
  }
}

/**
 * Connects to a unix socket, whatever the length of its path. Throws `unreachable` when nobody listens there and
 * `socket-folder` when there is no such folder.
 */
export async function connectUnix(path: string): Promise<Channel> {
  return socketChannel(await connectSocket(path));
}

/** As `connectUnix`, for users that need the socket itself. */
export async function connectSocket(path: string): Promise<Socket> {
  const address = openSocketAddress(path);
  try {
    return await new Promise<Socket>((resolve, reject) => {
      const socket = createConnection(address.path);
      socket.once("connect", () => {
        socket.removeAllListeners("error");
        resolve(socket);
      });
      socket.once("error", (error) => {
        const code = "code" in error ? String(error.code) : error.message;
        reject(new PlatformError("unreachable", `Cannot connect to "${path}": ${code}`));
      });
    });
  } finally {
    address.close();
  }
}

function acceptSocket(socket: Socket, onChannel: (channel: Channel, peer: Peer) => void): void {
  const channel = socketChannel(socket);
  let peer: Peer;
  try {
    peer = readPeer(socket);
  } catch {
    return channel.destroy(); // ERRORS-DENY: nobody is let in as nobody.
  }
  onChannel(channel, peer);
}

function checkFolder(path: string, address: SocketAddress): void {
  const { uid, mode } = address.folder;
  const own = process.geteuid?.();
  if (uid !== own) {
    throw new PlatformError(
      "socket-folder",
      `Cannot listen on "${path}": its folder belongs to user ${uid}, not ${own}`,
    );
  }
  if ((mode & 0o5777) !== 0o700) {
    throw new PlatformError(
      "socket-folder",
      `Cannot listen on "${path}": its folder has mode ${mode.toString(8)}, not 700`,
      `chmod 700 the folder`,
    );
  }
}

function clearPath(
  path: string,
  options: { readonly address: SocketAddress; readonly stale: "refuse" | "replace" },
): void {
  const found: Stats | undefined = lstatSync(options.address.path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw occupied(path, "something that is not a socket is there");
  if (options.stale === "refuse") throw occupied(path, "a socket is there");
  unlinkSync(options.address.path);
}

function occupied(path: string, why: string): PlatformError {
  return new PlatformError("socket-occupied", `Cannot listen on "${path}": ${why}`);
}
