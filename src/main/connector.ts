/**
 * Joins streams of the driver to TCP connections with one host and port, given on the command line when it is started,
 * and nothing else: it reads no request, follows no redirect and sees ciphertext wherever the server speaks TLS.
 * Usage: connector HOST PORT [loopback|public]; without a class only this machine can be reached.
 */
import { lookup } from "node:dns/promises";
import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { isOfClass, type AddressClass } from "../platform/network/address-class.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { serveMux } from "../platform/network/mux.ts";

const CHANNEL = 3;
const CONNECT_MS = 15_000;

const target = readTarget(process.argv.slice(2));
const channel = inheritedChannel(CHANNEL);
channel.onClose(() => process.exit(0));
serveMux(channel, (stream) => {
  // Whatever goes wrong, the driver sees its stream end; which address it was is not its to know.
  join(stream).catch(() => stream.destroy());
});

interface Target {
  readonly host: string;
  readonly port: number;
  readonly class: AddressClass;
}

function readTarget([host = "", port = "", wanted = "loopback", ...rest]: readonly string[]): Target {
  const number = /^[1-9][0-9]{0,4}$/.test(port) ? Number(port) : 0;
  const known = wanted === "loopback" || wanted === "public";
  if (host === "" || number < 1 || number > 65_535 || !known || rest.length > 0) {
    process.stderr.write("usage: connector HOST PORT [loopback|public]\n");
    process.exit(2);
  }
  return { host: host.replace(/^\[|\]$/g, ""), port: number, class: wanted };
}

async function join(stream: Duplex): Promise<void> {
  stream.once("error", () => stream.destroy());
  const addresses = await lookup(target.host, { all: true, verbatim: true });
  // One address of another class among them is an attack on the rest of the list, or a set-up nobody looked at.
  if (!addresses.every(({ address }) => isOfClass(address, target.class))) throw new Error("not of the granted class");
  const [first] = addresses;
  if (first === undefined || stream.destroyed) throw new Error("no address");
  const socket = createConnection({
    host: first.address,
    port: target.port,
    family: first.family,
    allowHalfOpen: true,
    timeout: CONNECT_MS,
  });
  socket.once("connect", () => socket.setTimeout(0));
  socket.once("timeout", () => socket.destroy());
  socket.once("error", () => stream.destroy());
  socket.once("close", () => stream.destroy());
  stream.once("close", () => socket.destroy());
  socket.setNoDelay(true);
  stream.pipe(socket);
  socket.pipe(stream);
}
