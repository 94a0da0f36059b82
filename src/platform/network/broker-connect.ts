import { createConnection, type OnReadOpts, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { NetFault, NetOrder, Reach } from "../../protocol/net-order.ts";
import { isOfClass } from "./address-class.ts";
import { Agent } from "./node-http.ts";

const CONNECT_MS = 15_000;
/** Addresses of one name that are tried, in the order in which they came. */
const TRIED = 4;
/** Idle connections to one destination that are kept for the next request. */
const KEPT = 8;
const KEPT_MS = 30_000;

/** Where a broker connects to. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  readonly reach: Reach;
}

/** What a broker connects with. `authorities`: PEM of those that certificates are checked against; null for Node's own. */
export interface ConnectParts {
  readonly resolve: (host: string) => Promise<readonly { readonly address: string }[]>;
  readonly authorities: string | null;
  /** Every connection from its first packet to its end, for who closes them all; nobody does when left out. */
  readonly sockets?: Set<Socket>;
}

/**
 * The memory that what a server says is read into. `again`: always the same, for listeners that keep nothing of a chunk when
 * they return, as Node's parser, which copies what it hands on. `fresh`: new memory each time, for all others.
 */
type Reading = "fresh" | "again";
/** What all connections of the second kind are read into, one after the other. */
const READ_AGAIN = Buffer.allocUnsafeSlow(128 * 1024);

/** Why there is no connection. */
export class ConnectFault extends Error {
  readonly fault: NetFault;

  constructor(fault: NetFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/**
 * Resolves a name once and connects to an address of that answer. *Every* address must be of the granted class: one of
 * another among them is an attack on the rest of the list (rebinding), or a set-up that nobody looked at.
 */
export async function connectTo(
  destination: Destination,
  parts: Pick<ConnectParts, "resolve" | "sockets">,
  reading: Reading = "fresh",
): Promise<Socket> {
  const addresses = await addressesOf(destination, parts);
  for (const address of addresses.slice(0, TRIED)) {
    const socket = await tryAddress({ host: address, port: destination.port }, { reading, sockets: parts.sockets });
    if (socket === "closed") break;
    if (socket !== null) return socket;
  }
  throw new ConnectFault("unreachable", "no address of the name answers");
}

/**
 * The address at which another program is to connect to a name, by the same rule. Of several it is one that answers, which
 * is tried first: the program is told the address and never the name.
 */
export async function addressOf(
  destination: Destination,
  parts: Pick<ConnectParts, "resolve" | "sockets">,
): Promise<string> {
  const [only, ...others] = await addressesOf(destination, parts);
  if (only !== undefined && others.length === 0) return only;
  const socket = await connectTo(destination, parts);
  const { remoteAddress } = socket;
  socket.destroy();
  if (remoteAddress === undefined) throw new ConnectFault("unreachable", "the connection is gone");
  return remoteAddress;
}

async function addressesOf(
  { host, reach }: Destination,
  parts: Pick<ConnectParts, "resolve" | "sockets">,
): Promise<readonly string[]> {
  const addresses = await parts.resolve(host).catch(() => {
    throw new ConnectFault("name-unknown", "the name does not resolve");
  });
  if (addresses.length === 0) throw new ConnectFault("name-unknown", "the name has no address");
  if (!addresses.every(({ address }) => isOfClass(address, reach))) {
    throw new ConnectFault("address-refused", `the name leads to an address that is not ${reach}`);
  }
  return addresses.map(({ address }) => address);
}

/** Null when nobody answers there; `closed` when we closed it before it was made. */
function tryAddress(
  place: { readonly host: string; readonly port: number },
  { reading, sockets }: { readonly reading: Reading; readonly sockets: Set<Socket> | undefined },
): Promise<Socket | null | "closed"> {
  return new Promise((resolve) => {
    const options = { ...place, allowHalfOpen: true, noDelay: true, timeout: CONNECT_MS };
    const socket: Socket = createConnection(
      reading === "fresh" ? options : { ...options, onread: readAgain((chunk) => hand(socket, chunk)) },
    );
    sockets?.add(socket);
    socket.once("close", () => {
      sockets?.delete(socket);
      resolve("closed"); // unless it was answered before
    });
    const fail = (): void => {
      resolve(null);
      socket.destroy();
    };
    socket.once("timeout", fail);
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("timeout", fail);
      socket.off("error", fail);
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

function readAgain(onChunk: (chunk: Buffer) => void): OnReadOpts {
  return {
    buffer: READ_AGAIN,
    callback: (bytes, { buffer, byteOffset }) => {
      onChunk(Buffer.from(buffer, byteOffset, bytes));
      return true;
    },
  };
}

/** Hands a chunk to who listens, as a socket that reads for itself would, or keeps a copy until somebody does. */
function hand(socket: Socket, chunk: Buffer): void {
  if (socket.listenerCount("data") === 0 || socket.readableLength > 0) socket.push(Buffer.from(chunk));
  else socket.emit("data", chunk);
}

/** Speaks TLS to a server over a connection and checks that its certificate is one of the host's. */
function secure(socket: Socket, host: string, authorities: string | null): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.destroy();
      reject(new ConnectFault("tls-refused", error.message));
    };
    const late = setTimeout(() => fail(new Error("the handshake takes too long")), CONNECT_MS);
    const tls = connectTls({
      socket,
      servername: host,
      ALPNProtocols: ["http/1.1"],
      minVersion: "TLSv1.2",
      ...(authorities === null ? {} : { ca: authorities }),
    });
    tls.once("error", fail);
    tls.once("secureConnect", () => {
      clearTimeout(late);
      tls.off("error", fail);
      resolve(tls);
    });
    tls.once("close", () => clearTimeout(late));
  });
}

/** Where requests go, and whether their connections may become something else than HTTP. */
type HttpDestination = Destination & { readonly scheme: "http" | "https"; readonly upgrade?: boolean };

/**
 * Connections for requests to one scheme, host and port, kept open for the next. The address of each was checked when it
 * was made, and it is what every further request on it goes to.
 */
export class DestinationAgent extends Agent {
  readonly #open: () => Promise<Duplex>;

  constructor(destination: HttpDestination, parts: ConnectParts) {
    // The timeout ends idle connections only.
    super({ keepAlive: true, maxFreeSockets: KEPT, timeout: KEPT_MS });
    this.#open = async () => {
      const { scheme, host, upgrade } = destination;
      // Neither TLS nor what speaks on after an upgrade copies what it is given.
      const socket = await connectTo(destination, parts, scheme === "http" && upgrade !== true ? "again" : "fresh");
      return scheme === "https" ? secure(socket, host, parts.authorities) : socket;
    };
  }

  override createConnection(_options: object, done?: (error: Error | null, stream: Duplex) => void): null {
    this.#open().then(
      (stream) => done?.(null, stream),
      // Without a stream: whoever called looks at the error first.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
      (error: Error) => done?.(error, undefined as unknown as Duplex),
    );
    return null;
  }
}

/** Whether a request may go out again when nothing is known of its first time: it only asks. */
export function isRepeatable({ method, body, upgrade }: Extract<NetOrder, { kind: "request" }>): boolean {
  return body.kind === "none" && !upgrade && (method === "GET" || method === "HEAD" || method === "OPTIONS");
}
