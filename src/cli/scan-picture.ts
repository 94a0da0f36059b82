import { RULES, severityOf, SEVERITIES } from "../extensions/scan/finding.ts";
import type { ClientFound, ScanReport } from "../extensions/scan/scan.ts";
import { HELD_WORDS } from "../extensions/scan/settings.ts";
import type { Server } from "../extensions/scan/server.ts";
import { join, line, type Line, type Tone } from "../showing/line.ts";
import { makeVisible } from "../showing/visible.ts";
import { padText, wrapProse } from "../showing/width.ts";
import { drawFindings, TONES } from "./findings-picture.ts";

const WORD_TONES: { readonly [word in ScanReport["score"]["word"]]: Tone } = {
  none: "good",
  low: "good",
  medium: "wait",
  high: "bad",
  critical: "bad",
};
const BAR = 40;
/** Places that were not read and are shown without --all. */
const UNREAD_SHOWN = 12;

/** A report as a person reads it at a terminal. */
export function drawScan(
  report: ScanReport,
  screen: { readonly columns: number; readonly all: boolean },
): readonly Line[] {
  if (report.clients.length === 0) {
    return [
      line("No program that runs agents was found for you on this machine.", "good"),
      ...drawFindings(report.findings, RULES, screen),
    ];
  }
  return [
    line("What your agents can reach today", "strong"),
    line(""),
    ...report.clients.flatMap((client) => drawClient(client, report)),
    ...drawReach(report),
    line(""),
    ...drawScore(report),
    ...drawUnread(report, screen),
    line(""),
    ...drawFindings(
      report.findings.filter(({ rule }) => rule !== "unreadable"),
      RULES,
      screen,
    ),
    ...drawWayOut(report),
  ];
}

function drawClient(client: ClientFound, report: ScanReport): readonly Line[] {
  const own = report.findings.filter((finding) => finding.client === client.id);
  const worst = SEVERITIES.find((severity) => own.some((finding) => severityOf(finding) === severity));
  const said = own.length === 0 ? "" : `  ${own.length} ${own.length === 1 ? "finding" : "findings"}`;
  const rows = [...client.servers.map(describeServer), ...describeSkills(client), ...describeActivity(client)];
  return [
    join(["strong", `● ${padText(client.name, 15)}`], HELD_WORDS[client.ownSandbox], [
      worst === undefined ? "plain" : TONES[worst],
      said,
    ]),
    ...rows.map((text, at) => join(["faint", at === rows.length - 1 ? "  └ " : "  ├ "], makeVisible(text))),
  ];
}

function describeServer(server: Server): string {
  const what = server.url ?? server.command?.join(" ") ?? "nothing that could be read";
  const cut = what.length > 56 ? `${what.slice(0, 53)}...` : what;
  const more = [
    ...(server.enabled ? [] : ["switched off"]),
    ...(server.from === "folder" ? ["named by a folder"] : []),
    ...(server.secrets.length === 0 ? [] : [`given ${[...new Set(server.secrets)].join(", ")} in clear text`]),
  ];
  return `server ${server.name}: ${cut}${more.length === 0 ? "" : ` (${more.join("; ")})`}`;
}

function describeSkills({ skills }: ClientFound): readonly string[] {
  if (skills.length === 0) return [];
  const names = skills.slice(0, 6).map(({ name }) => name);
  const more = skills.length - names.length;
  return [
    `${skills.length === 1 ? "skill" : `${skills.length} skills`}: ${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`,
  ];
}

function describeActivity({ activity }: ClientFound): readonly string[] {
  if (activity === null || activity.sessions === 0) return [];
  const tools = activity.calls.slice(0, 5).map(({ tool, times }) => `${tool} ${times}`);
  const rest = activity.calls.slice(5).reduce((sum, { times }) => sum + times, 0);
  const calls = tools.length === 0 ? "no calls" : `${tools.join(", ")}${rest > 0 ? `, others ${rest}` : ""}`;
  const sessions = `${activity.sessions} ${activity.sessions === 1 ? "session" : "sessions"}`;
  return [`last ${activity.days} days: ${sessions}, ${calls}${activity.partly ? " (the newest part of them)" : ""}`];
}

function drawReach({ clients, keys, sockets }: ScanReport): readonly Line[] {
  const free = clients.filter((client) => client.ownSandbox !== "workspace");
  const who = free.length === 0 ? "Their servers reach" : "Through these";
  return [
    line(""),
    line(`${who}, with your rights:`),
    join("  shell    ", free.length === 0 ? "in a sandbox of the client's own" : "every program that you may start"),
    join("  files    ", "everything that you may read and write"),
    join("  network  ", "every address that this machine reaches, and its own services"),
    ...keys
      .slice(0, 12)
      .map((key, at) => join(at === 0 ? "  keys     " : "           ", makeVisible(`${key.path} (${key.opens})`))),
    ...(keys.length > 12 ? [line(`           and ${keys.length - 12} more`)] : []),
    ...sockets.map((text, at) => join(at === 0 ? "  sockets  " : "           ", makeVisible(text))),
  ];
}

function drawScore({ score }: ScanReport): readonly Line[] {
  const full = Math.round((BAR * score.exposure) / 100);
  const tone = WORD_TONES[score.word];
  return [
    join(
      "Exposure  ",
      [tone, "█".repeat(full)],
      ["faint", "░".repeat(BAR - full)],
      [tone, `  ${score.complete ? "" : "at least "}${score.exposure} of 100, ${score.word}`],
    ),
  ];
}

/** What the score cannot speak of. */
function drawUnread(
  { unread }: ScanReport,
  { columns, all }: { readonly columns: number; readonly all: boolean },
): readonly Line[] {
  if (unread.length === 0) return [];
  const shown = all ? unread : unread.slice(0, UNREAD_SHOWN);
  const more = unread.length - shown.length;
  const said =
    unread.length === 1
      ? "1 place is there and was not read. What it holds may open more."
      : `${unread.length} places are there and were not read. What they hold may open more.`;
  return [
    line(`Incomplete: ${said}`, "wait"),
    ...shown.flatMap(({ path, why }) =>
      wrapProse(makeVisible(`${path}: ${why}`), Math.max(40, columns - 11)).map((text) =>
        line(`           ${text}`, "wait"),
      ),
    ),
    ...(more > 0 ? [line(`           and ${more} more: --all shows them`, "faint")] : []),
  ];
}

function drawWayOut({ clients }: ScanReport): readonly Line[] {
  return [
    ...drawCommands("Run them with nothing but what you grant:", clients, ({ sealed }) => sealed),
    ...drawCommands(
      "Or put what they connect to under what you grant (--undo takes it back):",
      clients,
      ({ adopt }) => adopt,
    ),
  ];
}

function drawCommands(
  title: string,
  clients: readonly ClientFound[],
  commandOf: (client: ClientFound) => string | null,
): readonly Line[] {
  const rows = clients.flatMap((client) => {
    const command = commandOf(client);
    return command === null ? [] : [join("  ", ["good", padText(command, 28)], ["faint", client.name])];
  });
  return rows.length === 0 ? [] : [line(""), line(title, "strong"), ...rows];
}
