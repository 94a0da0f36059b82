import type { GatePort } from "../protocol/port-gate-table.ts";

/** The page that a browser without a session gets. It holds no word of anybody else's. */
export function entryPage({ name, agent }: GatePort): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${name} of ${agent}</title>
<h1>${name} of ${agent}</h1>
<p id="state" role="status">Proving this browser's key…</p>
<noscript>This page needs JavaScript: the browser proves that it holds a paired key.</noscript>
<pre id="command" hidden></pre>
<script src="/.aios/entry.js"></script>
</html>
`;
}

/** What is allowed on that page: its own script, and requests to its own port. */
export const ENTRY_POLICY =
  "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The script of that page: a key that cannot be taken out of the browser is made once and kept; it signs the challenge of
 * this port, or the page says how its owner pairs it.
 */
export function entryScript({ name, agent }: GatePort, origin: string): string {
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
