import type { Grant, PortGrant } from "../kernel/grant.ts";
import type { OpenPort } from "../protocol/port-entry.ts";
import { CliFailure } from "./failure.ts";
import type { MonitorClient } from "./powers.ts";

/** A port of an agent, and the grant that says so. */
export interface GrantedPort {
  readonly grant: string;
  readonly agent: string;
  readonly port: PortGrant;
}

/** Ports that grants in force publish, one for each grant. */
export async function grantedPorts(client: MonitorClient): Promise<readonly GrantedPort[]> {
  const { grants } = await client.request("grants", {});
  const active = grants.filter(({ state }) => state === "active" || state === "used-up");
  const shown = await Promise.all(active.map(({ id }) => client.request("grant-show", { id })));
  return shown.flatMap(({ grant: { id, agents, sandbox } }) =>
    agents.flatMap((agent) => sandbox.ports.map((port) => ({ grant: id, agent, port }))),
  );
}

/** The one open port that is meant. Throws `CliFailure` (`not-found`, `ambiguous`). */
export function chooseOpen(
  ports: readonly OpenPort[],
  { agent, name }: { readonly agent: string | null; readonly name: string | null },
): OpenPort {
  const meant = ports.filter((port) => (agent ?? port.agent) === port.agent && (name ?? port.port) === port.port);
  const [only, ...more] = meant;
  if (only === undefined) {
    const what = [name === null ? "no port" : `no port "${name}"`, ...(agent === null ? [] : [`of ${agent}`])].join(
      " ",
    );
    const hint = "a port is open while an instance of its agent runs: aios ports list";
    throw CliFailure.of("not-found", `Cannot open a browser: ${what} is open`, hint);
  }
  if (more.length > 0) {
    const which = meant.map((port) => `aios ports open ${port.agent} ${port.port}`).join(", ");
    throw CliFailure.of("ambiguous", "Cannot open a browser: several ports are open, and none is named", which);
  }
  return only;
}

/** The grant that lets one more key come to a port, and nothing else. */
export function pairingGrant(
  found: { readonly agent: string; readonly port: Omit<PortGrant, "keys"> },
  pairing: { readonly id: string; readonly key: string; readonly from: number; readonly span: number },
): Grant {
  const { name, inside, outside } = found.port;
  return {
    v: 1,
    id: pairing.id,
    agents: [found.agent],
    drivers: {},
    allow: [],
    limits: { uses: null, rate: null, bytes: null, notBefore: pairing.from, expires: pairing.from + pairing.span },
    lease: false,
    sandbox: {
      workspace: "none",
      folder: null,
      programs: "none",
      home: null,
      ports: [{ name, inside, outside, keys: [pairing.key] }],
    },
  };
}
