import type { DriverSource } from "../kernel/grant.ts";
import type { Offer } from "../protocol/requests.ts";
import type { createDriverPool } from "./driver-pool.ts";
import { Refusal } from "./faults.ts";
import type { Journal } from "./journal.ts";

/**
 * Starts a server that nobody has signed for, to ask what it offers, and ends it. Throws Refusal `driver` when it does not
 * say so, and when it made a prohibited system call, which is recorded.
 */
export async function probeServer(
  name: string,
  source: DriverSource,
  {
    pool,
    journal,
    workspace,
  }: {
    readonly pool: ReturnType<typeof createDriverPool>;
    readonly journal: Pick<Journal, "write">;
    readonly workspace: string | null;
  },
): Promise<{ readonly pin: string; readonly offer: Offer }> {
  const climbs: string[] = [];
  try {
    const driver = await pool.start(name, source, {
      workspace,
      events: { onProgress() {}, onChanged() {}, onGone() {} },
      enlist: (begin) => begin(),
      hear: (news) => {
        if (news.event === "terminal") climbs.push(news.call);
      },
    });
    driver.stop();
    const { pin, offer } = driver;
    return { pin, offer };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const [call] = climbs;
    if (call !== undefined) {
      await journal.write({ kind: "refused", peer: "server", code: "prohibited-call", what: `${name}: ${call}` });
    }
    const why = error instanceof Error ? error.message : "it failed";
    throw new Refusal(
      "driver",
      `Cannot probe server "${name}": ${call === undefined ? why : `it made the prohibited system call ${call}`}.`,
      "Check its command and its code; an extension brings all that it needs itself.",
    );
  }
}
