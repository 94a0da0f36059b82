import type { QuarantinedServer } from "../protocol/quarantined-server.ts";
import { line, type Line } from "./line.ts";
import { showMoment } from "./moment.ts";

/** Servers that are in quarantine, since when, and what was found; nothing for none. */
export function describeQuarantined(
  servers: readonly QuarantinedServer[],
  offset: (at: number) => number,
): readonly Line[] {
  if (servers.length === 0) return [];
  return [
    line("In quarantine", "bad"),
    ...servers.flatMap(({ driver, pin, found, since, record }) => [
      line(`  server ${driver}, since ${showMoment(since, offset(since))} (record ${record})`, "bad"),
      line("    it was another one than was signed for, and nothing of it runs", "bad"),
      line(`    signed for  ${pin}`, "faint"),
      line(`    found       ${found}`, "faint"),
      line("    what is other about one that changed while it ran: aios log show --payload", "faint"),
    ]),
  ];
}
