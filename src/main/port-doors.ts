import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CliFailure } from "../cli/failure.ts";
import type { OpenedBrowser, PortDoors } from "../cli/port-powers.ts";
import { postToGate } from "../platform/serving/gate-client.ts";

/** Absolute places only: a PATH could name something else. */
const PLACES: readonly string[] = [
  "/usr/bin/xdg-open",
  "/usr/local/bin/xdg-open",
  "/run/current-system/sw/bin/xdg-open",
];

/** One POST of JSON to the gate of a published port. */
export const postToDoor: PortDoors["post"] = async (place, { path, body }) => {
  try {
    return await postToGate(place, { path, body: JSON.stringify(body) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw CliFailure.of(
      "port-refused",
      `Cannot come in: port ${place.outside} does not answer: ${why}`,
      "aios ports list",
    );
  }
};

/**
 * Has the person's browser open an address that no other user is to see. What a program is started with is seen by every
 * user of the machine, so it is a page in a file that is this person's alone, and leads on.
 * @param env what the desktop is found by; null or without a screen: no browser can be opened from here.
 */
export function openBrowser(
  address: string,
  { env, places = PLACES }: { readonly env: NodeJS.ProcessEnv | null; readonly places?: readonly string[] },
): Promise<OpenedBrowser | null> {
  const program = places.find((path) => existsSync(path));
  if (env === null || program === undefined || !hasScreen(env)) return Promise.resolve(null);
  const folder = mkdtempSync(join(env["XDG_RUNTIME_DIR"] ?? tmpdir(), "aios-open-")); // 0700
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const file = join(folder, "open.html");
    writeFileSync(file, leadingOn(address), { mode: 0o600, flag: "wx" });
    const child = spawn(program, [pathToFileURL(file).href], { stdio: "ignore", detached: true, env });
    child.unref();
    const failed = new Promise<void>((resolve) => {
      child.once("error", () => resolve());
      child.once("exit", (code) => code !== 0 && resolve());
    });
    return Promise.resolve({ failed, close });
  } catch (error) {
    close();
    throw error;
  }
}

function hasScreen(env: NodeJS.ProcessEnv): boolean {
  return ["DISPLAY", "WAYLAND_DISPLAY"].some((name) => (env[name] ?? "") !== "");
}

/** The address is of letters, digits and signs that end neither a text of JSON nor a script. */
function leadingOn(address: string): string {
  return `<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>AIOS</title>
<script>location.replace(${JSON.stringify(address).replaceAll("<", "\\u003c")});</script>
`;
}
