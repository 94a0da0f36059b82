import { RISKS } from "../kernel/grant.ts";
import type { AlertKind, AlertReceiver, AlertStanding } from "../protocol/alert-setting.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { PeerFault } from "../protocol/rpc-error.ts";
import { makeVisible } from "../showing/visible.ts";
import { createAlertDelivery, createPost } from "./alert-delivery.ts";
import { type Alert, writeAlert } from "./alert-texts.ts";
import { alertToken } from "./alert-token.ts";
import { isAway } from "./away-state.ts";
import { createHeldNews, type HeldNews } from "./held-news.ts";
import type { MonitorPowers } from "./powers.ts";
import type { CodeLayout } from "./sandbox-plans.ts";
import type { State } from "./state.ts";
import type { Vault } from "./vault.ts";

/** Names of agents and of tools that one alert has, and the length of each. */
const MOST_NAMES = 3;
const NAME_MOST = 64;

export interface AlertPorts {
  readonly powers: Pick<MonitorPowers, "startSandbox" | "timer" | "clock">;
  /** Where alerts go, from the home's own configuration; none: nowhere. */
  readonly alertReceivers: readonly AlertReceiver[];
  readonly state: Pick<State, "instances" | "held" | "away" | "secrets">;
  readonly vault: Pick<Vault, "open">;
  readonly code: CodeLayout;
  /** Where the console is found while it runs, else null: nobody is sent to a port that another program may have taken. */
  consoleOrigin(): string | null;
  refused(peer: string, fault: PeerFault): void;
  report(words: string): void;
}

export interface Alerts {
  /** Takes a record that was just applied to the state. */
  note(body: RecordBody): void;
  standing(): readonly AlertStanding[];
}

/**
 * Tells people elsewhere when an instance became terminal or was frozen by the monitor, which MCP server is in
 * quarantine, what became of owners' keys, and that actions wait, by requests to the addresses that the home names. A process of its own sends each, in a sandbox that
 * sees no file and reaches the network and nothing else, so that neither a name server's nor the receiver's bytes come near
 * the monitor. Nothing waits for an alert.
 */
export function createAlerts(ports: AlertPorts): Alerts {
  const { state, powers } = ports;
  const delivering = {
    post: createPost({ ...ports, refused: (fault) => ports.refused("alerter", fault) }),
    token: (receiver: AlertReceiver) => alertToken(receiver, ports),
    now: () => powers.clock.wall(),
    report: ports.report,
  };
  const deliveries = ports.alertReceivers.map((receiver) => createAlertDelivery(receiver, delivering));
  const send = (alert: Alert): void => {
    const origin = ports.consoleOrigin();
    for (const { receiver, send: take } of deliveries)
      if (isFor(alert, receiver.tell)) take(writeAlert(alert, { form: receiver.form, origin }));
  };
  const noteHeld = createHeldNews({
    held: state.held,
    away: () => isAway(state),
    now: () => powers.clock.boot(),
    timer: powers.timer,
    tell: (news) => send(heldAlert(news)),
  });
  return {
    note(body) {
      if (deliveries.length === 0) return;
      noteHeld(body);
      const alert = alertFor(body, (instance) => state.instances.get(instance)?.agent ?? null);
      if (alert !== null) send(alert);
    },
    standing: () => deliveries.map((delivery) => delivery.standing()),
  };
}

/** A flood of held actions is answered by the stop of whoever asked, which is what there is to tell of it. */
function isFor(alert: Alert, tell: ReadonlySet<AlertKind>): boolean {
  if (alert.kind === "servers") return tell.has("stops");
  return tell.has(alert.kind) || (alert.kind === "stops" && alert.code === "held-flood" && tell.has("holds"));
}

/** What is told of actions that wait. */
export function heldAlert({ fresh, waiting }: HeldNews): Alert {
  const highest = fresh.reduce((most, { risk }) => Math.max(most, RISKS.indexOf(risk)), 0);
  return {
    kind: "holds",
    held: waiting,
    agents: someNames(fresh.map(({ agent }) => agent)),
    what: someNames(fresh.map(({ what }) => what)),
    risk: RISKS[highest] ?? "reserved",
  };
}

function someNames(names: readonly string[]): readonly string[] {
  return [...new Set(names)].slice(0, MOST_NAMES).map((name) => makeVisible(name.slice(0, NAME_MOST)));
}

const UNTOLD: ReadonlySet<string> = new Set(["asked", "all-frozen", "ancestor-frozen"]);

/** What a record alerts people of, if it does. A freeze that a person asked for, or that followed another, does not. */
export function alertFor(body: RecordBody, agentOf: (instance: string) => string | null): Alert | null {
  if (body.kind === "terminal") return { kind: "stops", instance: body.instance, agent: body.agent, code: body.code };
  if (body.kind === "owner-enrolled" || body.kind === "owner-removed") {
    // The first owner enrols themselves, and has just done so.
    return body.owner === body.key ? null : { kind: "owners", owner: body.owner, code: body.kind };
  }
  if (body.kind === "recovery-begun" || body.kind === "owner-recovered")
    return { kind: "owners", owner: body.owner, code: body.kind };
  if (body.kind === "recovery-set" || body.kind === "recovery-stopped")
    return { kind: "owners", owner: body.key, code: body.kind };
  if (body.kind === "passkey-rolled-back") return { kind: "owners", owner: body.key, code: body.kind };
  if (body.kind === "witness-refused") {
    return { kind: "log", witness: makeVisible(body.witness.slice(0, NAME_MOST)), code: body.code };
  }
  if (body.kind === "driver-quarantined")
    return { kind: "servers", server: body.driver, code: body.why ?? "pin-changed" };
  if (body.kind !== "instance-frozen" || UNTOLD.has(body.code)) return null;
  return { kind: "stops", instance: body.instance, agent: agentOf(body.instance) ?? "unknown", code: body.code };
}
