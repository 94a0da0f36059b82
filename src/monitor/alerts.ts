import type { HttpUrl } from "../kernel/hosts.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { MonitorPowers } from "./powers.ts";
import { type CodeLayout, planAlert } from "./sandbox-plans.ts";

/** One alert takes no longer, milliseconds. */
const ALERT_MS = 20_000;
/** Alerts that wait for the one under way; more are left out, and the log has what they were about. */
const MOST_WAITING = 32;

/**
 * What is sent: which instance of which agent stopped, or which key of an owner something became of, and by which code.
 * No word of an agent's, and no authority.
 */
export type Alert =
  | { readonly instance: string; readonly agent: string; readonly code: string }
  | { readonly owner: string; readonly code: string };

export interface AlertPorts {
  readonly powers: Pick<MonitorPowers, "startSandbox" | "timer">;
  readonly code: CodeLayout;
  /** Where alerts go, from the home's own configuration; null: nowhere. */
  readonly address: HttpUrl | null;
  agentOf(instance: string): string | null;
  report(words: string): void;
}

/**
 * Tells people elsewhere when an instance became terminal or was frozen by the monitor, by one request to the one address
 * that the home names. A process of its own sends it, in a sandbox that sees no file and reaches the network and nothing
 * else, so that neither a name server's nor the receiver's bytes come near the monitor. Nothing waits for an alert.
 */
export function createAlerts(ports: AlertPorts): (body: RecordBody) => void {
  const { address, agentOf, report } = ports;
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  return (body) => {
    if (address === null) return;
    const alert = alertFor(body, agentOf);
    if (alert === null) return;
    if (waiting >= MOST_WAITING)
      return report(`an alert about ${"owner" in alert ? alert.owner : alert.instance} is left out: ${waiting} wait`);
    waiting += 1;
    last = last
      .then(() => send(alert, address, ports))
      .catch((error: unknown) => report(`an alert was not sent: ${error instanceof Error ? error.message : "unknown"}`))
      .finally(() => {
        waiting -= 1;
      });
  };
}

const UNTOLD: ReadonlySet<string> = new Set(["asked", "all-frozen", "ancestor-frozen"]);

/** What a record alerts people of, if it does. A freeze that a person asked for, or that followed another, does not. */
export function alertFor(body: RecordBody, agentOf: AlertPorts["agentOf"]): Alert | null {
  if (body.kind === "terminal") return { instance: body.instance, agent: body.agent, code: body.code };
  if (body.kind === "owner-enrolled" || body.kind === "owner-removed") {
    // The first owner enrols themselves, and has just done so.
    return body.owner === body.key ? null : { owner: body.owner, code: body.kind };
  }
  if (body.kind === "recovery-begun" || body.kind === "owner-recovered") return { owner: body.owner, code: body.kind };
  if (body.kind === "recovery-set" || body.kind === "recovery-stopped") return { owner: body.key, code: body.kind };
  if (body.kind === "passkey-rolled-back") return { owner: body.key, code: body.kind };
  if (body.kind !== "instance-frozen" || UNTOLD.has(body.code)) return null;
  return { instance: body.instance, agent: agentOf(body.instance) ?? "unknown", code: body.code };
}

async function send(alert: Alert, address: HttpUrl, { powers, code }: AlertPorts): Promise<void> {
  const sender = await powers.startSandbox(planAlert(code, address, JSON.stringify(alert)), "capture");
  const cancel = powers.timer.after(ALERT_MS, () => sender.kill());
  const ended = await sender.ended;
  cancel();
  if (ended.code !== 0) throw new Error(sender.errors().trim() || "it took too long");
}
