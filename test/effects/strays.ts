import { readFileSync } from "node:fs";

/** What the kernel counts of the machine's network, by what we call it. */
interface Counted {
  /** Streams that were opened, to whatever port. */
  readonly connections: number;
  /** Datagrams that arrived anywhere on the machine. */
  readonly datagrams: number;
  /** What was sent to an address to which nothing leads. */
  readonly nowhere: number;
}

/** What was sent past all who listen. */
export interface Strays {
  /** In words, since it was last asked. */
  take(): readonly string[];
}

/** @param known connections and datagrams since the machine began that were seen by who listens. */
export function countStrays(known: () => { readonly connections: number; readonly datagrams: number }): Strays {
  const first = readCounters();
  const told = { connections: 0, datagrams: 0, nowhere: 0 };
  return {
    take() {
      const { connections, datagrams } = known();
      const now = readCounters();
      const past = {
        connections: now.connections - first.connections - connections,
        datagrams: now.datagrams - first.datagrams - datagrams,
        nowhere: now.nowhere - first.nowhere,
      };
      const rows = [
        ["connections", "connects to where nobody listens"],
        ["datagrams", "sends a datagram"],
        ["nowhere", "sends to where nothing leads"],
      ] as const;
      return rows.flatMap(([key, words]) => {
        const isMore = past[key] > told[key];
        told[key] = Math.max(told[key], past[key]);
        return isMore ? [words] : [];
      });
    },
  };
}

/** RFC 1213 and 4022, as Linux shows them: IPv4 in rows of names and values, IPv6 by name; TCP is counted for both together. */
function readCounters(): Counted {
  const [four, six] = ["/proc/net/snmp", "/proc/net/snmp6"].map((path) => readFileSync(path, "utf8")) as [
    string,
    string,
  ];
  const inFour = (part: string, name: string): number => {
    const [names = [], values = []] = [...four.matchAll(new RegExp(`^${part}: (.*)$`, "gmu"))].map(([, row = ""]) =>
      row.split(" "),
    );
    return Number(values[names.indexOf(name)] ?? 0);
  };
  const inSix = (name: string): number => Number(new RegExp(`^${name}\\s+(\\d+)$`, "mu").exec(six)?.[1] ?? 0);
  return {
    connections: inFour("Tcp", "ActiveOpens"),
    datagrams:
      inFour("Udp", "InDatagrams") + inFour("Udp", "NoPorts") + inSix("Udp6InDatagrams") + inSix("Udp6NoPorts"),
    nowhere: inFour("Ip", "OutNoRoutes") + inSix("Ip6OutNoRoutes"),
  };
}
