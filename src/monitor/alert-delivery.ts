import type { AlertReceiver, AlertStanding } from "../protocol/alert-setting.ts";
import type { MonitorPowers } from "./powers.ts";
import { type CodeLayout, planAlert } from "./sandbox-plans.ts";

/** One alert takes no longer, milliseconds. */
const ALERT_MS = 20_000;
/** Alerts that wait for the one under way; more are left out, and the log has what they were about. */
const MOST_WAITING = 32;
/** Longest reason of a failure that is kept. */
const WHY_MOST = 200;

export interface DeliveryPorts {
  readonly powers: Pick<MonitorPowers, "startSandbox" | "timer" | "clock">;
  readonly code: CodeLayout;
  report(words: string): void;
}

/** The alerts of one receiver, one after the other. Nothing waits for them, those of another receiver neither. */
export interface AlertDelivery {
  readonly receiver: AlertReceiver;
  send(body: string): void;
  standing(): AlertStanding;
}

export function createAlertDelivery(receiver: AlertReceiver, ports: DeliveryPorts): AlertDelivery {
  const { powers, report } = ports;
  const to = receiver.address.host;
  const counts = { told: 0, failed: 0, left: 0 };
  let fault: AlertStanding["fault"] = null;
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();

  function failed(why: string): void {
    report(`an alert to ${to} was not sent: ${why}`);
    counts.failed += 1;
    fault = { at: powers.clock.wall(), why: why.slice(0, WHY_MOST) };
  }

  return {
    receiver,
    send(body) {
      if (waiting >= MOST_WAITING) {
        counts.left += 1;
        return report(`an alert to ${to} is left out: ${waiting} wait`);
      }
      waiting += 1;
      last = last
        .then(() => send(body, receiver, ports))
        .then(() => {
          counts.told += 1;
          fault = null;
        })
        .catch((error: unknown) => failed(error instanceof Error ? error.message : "unknown"))
        .finally(() => {
          waiting -= 1;
        });
    },
    standing: () => ({ to, ...counts, fault }),
  };
}

async function send(body: string, { address }: AlertReceiver, { powers, code }: DeliveryPorts): Promise<void> {
  const sender = await powers.startSandbox(planAlert(code, address, body), "capture");
  const cancel = powers.timer.after(ALERT_MS, () => sender.kill());
  const ended = await sender.ended;
  cancel();
  if (ended.code !== 0) throw new Error(sender.errors().trim() || "it took too long");
}
