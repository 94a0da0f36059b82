import { RULES, severityOf, SEVERITIES } from "./finding.ts";
import type { ClientFound, ScanReport } from "./scan.ts";
import { HELD_WORDS } from "./settings.ts";

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --critical: #c62828; --high: #d84315; --medium: #b58900; --low: #888; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.bar { height: .9rem; border-radius: .45rem; background: var(--line); overflow: hidden; }
.bar i { display: block; height: 100%; background: linear-gradient(90deg, #b58900, #c62828); }
section { border: 1px solid var(--line); border-radius: .6rem; padding: .6rem 1rem; margin: .7rem 0; }
section h3 { margin: 0; font-size: 1rem; } section p { margin: .2rem 0; }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
ul { padding-left: 1.1rem; margin: .3rem 0; } .place { opacity: .65; }
b.critical { color: var(--critical); } b.high { color: var(--high); } b.medium { color: var(--medium); } b.low { color: var(--low); }
`;

/** A report as one page without scripts and without anything that is fetched. `visible` shows what is not drawn. */
export function writePage(report: ScanReport, visible: (text: string) => string): string {
  const text = (value: string): string => escapeText(visible(value));
  const { score } = report;
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
    '<meta name="viewport" content="width=device-width"><title>What your agents can reach</title>',
    `<style>${STYLE}</style></head><body>`,
    `<h1>What your agents can reach today</h1><p>${escapeText(new Date(report.at).toISOString())}</p>`,
    `<p>Exposure ${score.complete ? "" : "at least "}<b>${score.exposure}</b> of 100, ${score.word}.</p>`,
    `<div class="bar"><i style="width:${score.exposure}%"></i></div>`,
    ...showUnread(report, text),
    "<h2>Programs that run agents</h2>",
    ...(report.clients.length === 0
      ? ["<p>None was found.</p>"]
      : report.clients.map((client) => showClient(client, text))),
    "<h2>Keys in clear text</h2><ul>",
    ...report.keys.map(({ path, opens }) => `<li><code>${text(path)}</code> opens ${text(opens)}</li>`),
    ...report.sockets.map((socket) => `<li>${text(socket)}</li>`),
    "</ul><h2>Findings</h2>",
    ...showFindings(report, text),
    "</body></html>\n",
  ].join("\n");
}

function showUnread({ unread }: ScanReport, text: (value: string) => string): readonly string[] {
  if (unread.length === 0) return [];
  const rows = unread.map(({ path, why }) => `<li><code>${text(path)}</code>: ${text(why)}</li>`);
  return ["<h2>Not read: this report is incomplete</h2><ul>", ...rows, "</ul>"];
}

function showClient(client: ClientFound, text: (value: string) => string): string {
  const servers = client.servers.map(({ name, url, command, secrets }) => {
    const given =
      secrets.length === 0 ? "" : ` <b class="high">given ${text([...new Set(secrets)].join(", "))} in clear text</b>`;
    return `<li>server ${text(name)}: <code>${text(url ?? command?.join(" ") ?? "")}</code>${given}</li>`;
  });
  const skills = client.skills.map(({ name, path }) => `<li>skill ${text(name)}: <code>${text(path)}</code></li>`);
  const activity = (client.activity?.calls ?? []).slice(0, 8).map(({ tool, times }) => `${text(tool)} ${times}`);
  const lately = activity.length === 0 ? [] : [`<li>lately: ${activity.join(", ")}</li>`];
  const sealed =
    client.sealed === null ? "" : `<p>With nothing but what you grant: <code>${text(client.sealed)}</code></p>`;
  const adopt =
    client.adopt === null ? "" : `<p>Its servers behind what you grant: <code>${text(client.adopt)}</code></p>`;
  return `<section><h3>${text(client.name)}</h3><p>${HELD_WORDS[client.ownSandbox]}</p><ul>${[...servers, ...skills, ...lately].join("")}</ul>${sealed}${adopt}</section>`;
}

function showFindings(report: ScanReport, text: (value: string) => string): readonly string[] {
  return SEVERITIES.flatMap((severity) => {
    const own = report.findings.filter((finding) => severityOf(finding) === severity && finding.rule !== "unreadable");
    return own.map(({ rule, message, place, command }) => {
      const way = command === null ? "" : `<p>→ <code>${text(command)}</code></p>`;
      const where = place === null ? "" : ` <code class="place">${text(`${place.path}:${place.line}`)}</code>`;
      return `<section><h3><b class="${severity}">${severity}</b> ${text(RULES[rule].title)}</h3><p>${text(message)}${where}</p>${way}</section>`;
    });
  });
}

function escapeText(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
