import type { Evidence, WatchOrder } from "../../sandbox/evidence.ts";
import type { Notices } from "../../sandbox/notice.ts";
import { closeAll, receiveMessage } from "../channels/fd-passing.ts";
import { bindFunction, checkCall, errnoOf, lastErrno } from "../libc.ts";
import { pollAll } from "../channels/poll-set.ts";
import { createWard, type Ward } from "./supervision.ts";

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const ORDER_BYTES = 4096;
/** Reports that the monitor has not read. Above it, agents wait with their calls rather than this process with memory. */
const QUEUED_MOST = 4 * 1024 * 1024;

const send = bindFunction<[number, Buffer, number, number]>("long send(int, void *, unsigned long, int)");

/**
 * Watches sandboxes until the monitor's end of `control` closes. Takes orders from it, one line of JSON with
 * descriptors each, and writes one line of JSON for each report. One thread that waits in poll(2): what arrives, an answer
 * to a call above all, is done in the order in which it arrived and never beside anything else.
 */
export function superviseAll(control: number, notices: Notices): void {
  const wards = new Set<Ward>();
  let queued: Buffer[] = [];
  let queuedBytes = 0;
  let words = "";

  function report(evidence: Evidence | { readonly event: "ready" }): void {
    const line = Buffer.from(`${JSON.stringify(evidence)}\n`);
    queued.push(line);
    queuedBytes += line.length;
  }

  /** False when the monitor is gone. */
  function write(): boolean {
    while (queued.length > 0) {
      const bytes = queued.length === 1 ? (queued[0] ?? Buffer.alloc(0)) : Buffer.concat(queued);
      const sent = send(control, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && lastErrno() === errnoOf("EAGAIN")) return true;
      if (sent < 0 && lastErrno() === errnoOf("EPIPE")) return false;
      checkCall("report to the monitor", sent);
      queued = sent === bytes.length ? [] : [bytes.subarray(sent)];
      queuedBytes -= sent;
    }
    return true;
  }

  /** False when the monitor is gone. */
  function takeOrder(): boolean {
    const message = receiveMessage(control, { bytes: ORDER_BYTES, fds: 3 });
    if (message === null) return true;
    if (message.bytes.length === 0) return false;
    words += message.bytes.toString("utf8");
    const [launcher, first, device = null] = message.fds;
    const end = words.indexOf("\n");
    if (launcher === undefined || first === undefined || end !== words.length - 1) {
      closeAll(message.fds);
      throw new Error("the monitor sent something else than an order with its descriptors");
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor is trusted, and its order is its own
    const order = JSON.parse(words) as WatchOrder;
    words = "";
    if (order.guarded.length > 0 !== (device !== null)) throw new Error("an order to guard comes with a device");
    const ports = { notices, report, now: () => performance.now() };
    wards.add(createWard(order, { launcher, first, device, ports }));
    return true;
  }

  report({ event: "ready" });
  for (;;) {
    if (!write()) return;
    const crowded = queuedBytes > QUEUED_MOST;
    const waiting: { readonly server: Pick<Ward, "serve">; readonly entry: NonNullable<ReturnType<Ward["entry"]>> }[] =
      [];
    let due = Infinity;
    for (const ward of wards) {
      const entry = ward.entry();
      due = Math.min(due, ward.due() ?? Infinity);
      if (entry === null) continue;
      waiting.push({ server: ward, entry });
      const device = ward.storage?.entry() ?? null;
      if (ward.storage !== null && device !== null) waiting.push({ server: ward.storage, entry: device });
      if (!ward.connecting.waits) continue;
      due = Math.min(due, ward.connecting.due() ?? Infinity);
      for (const server of ward.connecting.servers()) waiting.push({ server, entry: server.entry });
    }
    const listened = crowded ? [] : waiting;
    const [own, ...found] = pollAll(
      [{ fd: control, input: true, output: queued.length > 0 }, ...listened.map(({ entry }) => entry)],
      due === Infinity ? -1 : Math.max(0, due - performance.now()),
    );
    if (own !== undefined && (own.input || own.over) && !takeOrder()) return;
    for (const [place, { server }] of listened.entries()) {
      const polled = found[place];
      if (polled !== undefined && (polled.input || polled.output || polled.over)) server.serve(polled);
    }
    const now = performance.now();
    for (const ward of wards) {
      if (ward.connecting.waits) ward.connecting.tryAgain();
      const over = ward.entry() === null;
      if (over || (ward.due() ?? Infinity) <= now) ward.flush();
      if (!over) continue;
      wards.delete(ward);
      ward.close();
    }
  }
}
