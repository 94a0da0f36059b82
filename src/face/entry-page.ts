import { encodeUtf8, toBase64 } from "../protocol/bytes.ts";
import { GATE_DOORS } from "../protocol/port-entry.ts";
import type { GatePort } from "../protocol/port-gate-table.ts";
import type { Crypto } from "../platform/powers.ts";

/** A page of the gate's own, and the headers that are its own. */
export interface EntryPage {
  readonly text: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** The page that a browser without a session gets: how its owner comes in. It has no script. */
export function closedPage(port: GatePort): EntryPage {
  return makePage(port, { state: howToCome(port), script: null });
}

/**
 * The page of a link. It takes what the link holds out of the address before anything else, hands it in and goes on to the
 * program inside, as another entry of the browser's history in its own place. Its script is in it, known to the policy by its
 * digest, so that nothing from an address can stand for it.
 */
export function doorPage(port: GatePort, { sha256 }: Pick<Crypto, "sha256">): EntryPage {
  const script = doorScript(port);
  const digest = toBase64(sha256(encodeUtf8(script)));
  return makePage(port, { state: "Coming in…", script: { text: script, digest } });
}

function makePage(
  { name, agent }: GatePort,
  page: { readonly state: string; readonly script: { readonly text: string; readonly digest: string } | null },
): EntryPage {
  const { script } = page;
  const code =
    script === null
      ? ""
      : `<noscript>This page needs JavaScript to hand in what the link holds.</noscript>\n<script>${script.text}</script>\n`;
  const text = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${name} of ${agent}</title>
<h1>${name} of ${agent}</h1>
<p id="state" role="status">${page.state}</p>
${code}</html>
`;
  const may = script === null ? "" : `script-src 'sha256-${script.digest}'; connect-src 'self'; `;
  return {
    text,
    headers: [
      ["content-type", "text/html; charset=utf-8"],
      ["content-security-policy", `${may}${ANSWER_POLICY}`],
      ["cross-origin-opener-policy", "same-origin"],
      ["referrer-policy", "no-referrer"],
    ],
  };
}

/** What the gate's own answers that are no page are allowed. */
export const ANSWER_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function howToCome({ name, agent }: GatePort): string {
  return `No browser is in here without a link. At a terminal of this machine say: aios ports open ${agent} ${name}`;
}

function doorScript(port: GatePort): string {
  return `"use strict";
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const state = document.getElementById("state");
async function enter() {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(${JSON.stringify(GATE_DOORS.open)}, { method: "POST", headers, body: JSON.stringify({ token }) });
  if (answer.ok) return location.replace("/");
  state.textContent = answer.status === 429
    ? "Too many tries to come in: wait a minute."
    : "That link is over: it lets one browser in, once, within a minute. " + ${JSON.stringify(howToCome(port))};
}
enter().catch((error) => { state.textContent = "This browser did not come in: " + error.message; });
`;
}
