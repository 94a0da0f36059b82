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
      ...(found === pin ? describeClimb(pin) : describeOther(pin, found)),
    ]),
  ];
}

function describeOther(pin: string, found: string): readonly Line[] {
  return [
    line("    it was another one than was signed for, and nothing of it runs", "bad"),
    line(`    signed for  ${pin}`, "faint"),
    line(`    found       ${found}`, "faint"),
    line("    what is other about one that changed while it ran: aios log show --payload", "faint"),
  ];
}

function describeClimb(pin: string): readonly Line[] {
  return [
    line(
      "    it made system calls that no honest program makes, or hundreds that are refused; nothing of it runs",
      "bad",
    ),
    line(`    signed for  ${pin}`, "faint"),
    line("    which calls, by which program: aios log show --payload", "faint"),
  ];
}

/** What lets them run again, for who does not sign just now; nothing for none. */
export function describeWayOut(servers: readonly QuarantinedServer[]): readonly Line[] {
  if (servers.length === 0) return [];
  return [
    line(
      "  as it was signed for it runs again when an owner signs a new grant over it: aios ext trust, aios grants sign",
    ),
    line("  as it is now it needs that too, and the end of the grants over what it was: aios grants revoke"),
  ];
}
