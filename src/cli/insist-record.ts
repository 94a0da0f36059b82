import { CliFailure } from "./failure.ts";
import type { MonitorClient } from "./powers.ts";

/** Throws `not-found` when the log has no record of that number. */
export async function insistOnRecord(client: Pick<MonitorClient, "request">, seq: number): Promise<void> {
  const { size } = await client.request("log-show", { from: 0, limit: 1, instance: null, kinds: [] });
  if (seq < size) return;
  throw CliFailure.of("not-found", `The log has no record ${seq}: it has ${size}`, "aios log show lists the last ones");
}
