import type { Risk } from "../kernel/grant.ts";
import type { AlertReceiver } from "../protocol/alert-setting.ts";

/**
 * What is sent: which instance of which agent stopped, or which MCP server is in quarantine, or which key of an owner something became of, and by which code; or
 * which witness found that the log was rolled back or forked; or how many actions wait for a human, with up to three agents and tools of those that nobody was told of, and the highest of
 * their risks. No argument, no result and no word of an agent's; and nothing that signs, lets in or answers.
 */
export type Alert =
  | { readonly kind: "stops"; readonly instance: string; readonly agent: string; readonly code: string }
  | { readonly kind: "servers"; readonly server: string; readonly code: string }
  | { readonly kind: "owners"; readonly owner: string; readonly code: string }
  | { readonly kind: "log"; readonly witness: string; readonly code: string }
  | {
      readonly kind: "holds";
      readonly held: number;
      readonly agents: readonly string[];
      readonly what: readonly string[];
      readonly risk: Risk;
    };

/** An alert in the form of its receiver. Header names are in lower case, their values fixed words of ours and the link. */
export interface AlertMessage {
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}

/** The page of the console that shows more. */
const PAGES = { stops: "agents", servers: "log", owners: "log", holds: "inbox", log: "log" } as const;
/** Priorities and tags of ntfy (docs.ntfy.sh/publish): 3 is its default, 4 makes a phone sound longer. */
const NTFY = {
  stops: { priority: "4", tags: "octagonal_sign" },
  servers: { priority: "4", tags: "octagonal_sign" },
  owners: { priority: "4", tags: "key" },
  holds: { priority: "3", tags: "raised_hand" },
  log: { priority: "4", tags: "warning" },
} as const;

/** Writes an alert; `origin` is the console's while it runs, else null. */
export function writeAlert(
  alert: Alert,
  { form, origin }: { readonly form: AlertReceiver["form"]; readonly origin: string | null },
): AlertMessage {
  const link = origin === null ? null : `${origin}/#${PAGES[alert.kind]}`;
  if (form === "json") {
    const { kind: _, ...said } = alert;
    return { headers: { "content-type": "application/json" }, body: JSON.stringify({ ...said, link }) };
  }
  const { title, text } = inWords(alert);
  const click = link === null ? {} : { click: link };
  const headers = { "content-type": "text/plain; charset=utf-8", title, ...NTFY[alert.kind], ...click };
  return {
    headers,
    body: `${text}\n${link === null ? "aios console opens the console." : "The link opens the console."}`,
  };
}

function inWords(alert: Alert): { readonly title: string; readonly text: string } {
  switch (alert.kind) {
    case "stops":
      return { title: "AIOS: an agent was stopped", text: `${alert.agent} (${alert.instance}): ${alert.code}` };
    case "servers":
      return { title: "AIOS: an MCP server was stopped", text: `${alert.server}: ${alert.code}` };
    case "owners":
      return { title: "AIOS: about an owner's key", text: `${alert.owner}: ${alert.code}` };
    case "log":
      return { title: "AIOS: the log is not the one that was witnessed", text: `${alert.witness}: ${alert.code}` };
    case "holds": {
      const { held, agents, what, risk } = alert;
      const title = held === 1 ? "AIOS: an action waits for you" : `AIOS: ${held} actions wait for you`;
      return { title, text: `${agents.join(", ")}: ${what.join(", ")} (${risk})` };
    }
    default:
      return alert satisfies never;
  }
}
