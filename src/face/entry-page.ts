import { encodeUtf8, toBase64 } from "../protocol/bytes.ts";
import type { GatePort } from "../protocol/port-gate-table.ts";
import type { Crypto } from "../platform/powers.ts";

/** The page that a browser without a session gets, and the headers that are its own. */
export interface EntryPage {
  readonly text: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/**
 * Makes the page. It holds no word of anybody else's, and its script is in it, known to the policy by its digest: a script
 * at an address could come out of a browser's cache, from a program that had the port before.
 */
export function entryPage(
  port: GatePort,
  { origin, sha256 }: { readonly origin: string } & Pick<Crypto, "sha256">,
): EntryPage {
  const script = entryScript(port, origin);
  const { name, agent } = port;
  const text = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${name} of ${agent}</title>
<h1>${name} of ${agent}</h1>
<p id="state" role="status">Proving this browser's key…</p>
<noscript>This page needs JavaScript: the browser proves that it holds a paired key.</noscript>
<pre id="command" hidden></pre>
<script>${script}</script>
</html>
`;
  const digest = toBase64(sha256(encodeUtf8(script)));
  return {
    text,
    headers: [
      ["content-type", "text/html; charset=utf-8"],
      ["content-security-policy", `script-src 'sha256-${digest}'; connect-src 'self'; ${NOTHING_ELSE}`],
      // A program that had the port before may have left copies in the browser that would pass for the port's own.
      ["clear-site-data", '"cache"'],
    ],
  };
}

const NOTHING_ELSE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** What the gate's own answers that are no page are allowed. */
export const ANSWER_POLICY: string = NOTHING_ELSE;

/**
 * What a browser gets that asks for a service worker's program: one that takes the place of a worker that a program planted
 * which had the port before, and removes itself. It claims no page and loads none again, so that a page that registers one
 * each time goes on without.
 */
export const NO_WORKER = `"use strict";
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(registration.unregister()));
`;

/**
 * The script of that page: a key that cannot be taken out of the browser is made once and kept; it signs the challenge of
 * this port, or the page says how its owner pairs it.
 */
function entryScript({ name, agent }: GatePort, origin: string): string {
  return `"use strict";
const state = document.getElementById("state");
const command = document.getElementById("command");
const store = (mode, use) => new Promise((resolve, reject) => {
  const open = indexedDB.open("aios", 1);
  open.onupgradeneeded = () => open.result.createObjectStore("keys");
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const asked = use(open.result.transaction("keys", mode).objectStore("keys"));
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  };
});
const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
async function pairOfKeys() {
  const kept = await store("readonly", (keys) => keys.get("port"));
  if (kept) return kept;
  const made = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  await store("readwrite", (keys) => keys.put(made, "port"));
  return made;
}
const post = (path, body) => fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body });
async function enter() {
  const keys = await pairOfKeys();
  const raw = await crypto.subtle.exportKey("raw", keys.publicKey);
  const key = base64(raw).replaceAll("+", "-").replaceAll("/", "_").replace("=", "");
  const asked = await post("/.aios/challenge", "{}");
  if (!asked.ok) throw new Error("too many tries; wait a minute and load this page again");
  const { challenge } = await asked.json();
  const text = ${JSON.stringify("aios published port v1\n")} + ${JSON.stringify(origin)} + "\\n" + challenge;
  const signature = base64(await crypto.subtle.sign("Ed25519", keys.privateKey, new TextEncoder().encode(text)));
  const answer = await post("/.aios/enter", JSON.stringify({ key, challenge, signature }));
  if (answer.ok) return location.replace(location.pathname + location.search + location.hash);
  state.textContent = "This browser is not paired. To let it in, the owner says at a terminal, then loads this page again:";
  command.textContent = "aios ports pair ${agent} ${name} " + key;
  command.hidden = false;
}
enter().catch((error) => { state.textContent = "This browser cannot prove a key: " + error.message; });
`;
}
