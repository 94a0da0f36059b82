import type { Channel } from "../platform/powers.ts";
import type { SandboxSpec } from "../sandbox/spec.ts";
import type { MonitorPowers, Streams } from "./powers.ts";

/**
 * Asks one question of a process of its own, and ends it with the answer, or when that takes longer than `ms` from its start
 * on. Rejects when there is no answer, for whatever reason.
 */
export async function askOnce<P extends { close(): void }, T>(
  {
    powers,
    spec,
    ms,
    streams = "capture",
  }: {
    readonly powers: Pick<MonitorPowers, "startSandbox" | "timer">;
    readonly spec: SandboxSpec;
    readonly ms: number;
    /** Its standard streams, where it gets any. */
    readonly streams?: Streams | "capture";
  },
  connect: (channel: Channel) => P,
  ask: (peer: P) => Promise<T>,
): Promise<T> {
  const process = await powers.startSandbox(spec, streams);
  const [channel] = process.channels;
  if (channel === undefined) {
    process.kill();
    throw new Error("it has no channel");
  }
  const peer = connect(channel);
  let late = false;
  const cancel = powers.timer.after(ms, () => {
    late = true;
    process.kill();
  });
  try {
    return await ask(peer);
  } catch (error) {
    throw late ? new Error("it took too long") : error;
  } finally {
    cancel();
    peer.close();
    process.kill();
  }
}
