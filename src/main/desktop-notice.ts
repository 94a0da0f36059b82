import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

/** Absolute places only: a PATH could name something else. */
const PLACES: readonly string[] = [
  "/usr/bin/notify-send",
  "/usr/local/bin/notify-send",
  "/run/current-system/sw/bin/notify-send",
];
/** What notify-send needs to find the desktop of the person who runs this program. */
const PASSED = ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY"];

/**
 * Notices on the desktop of whoever runs the command line, by their own session bus: the monitor has no part in it and no
 * way to it. Where there is no bus or no notify-send nothing happens; nothing waits for it, and no failure of it is one.
 * Texts are plain: characters that a notification server would take for markup are left out.
 */
export function createDesktopNotice(
  env: { readonly [name: string]: string | undefined },
  places: readonly string[] = PLACES,
): (title: string, text: string) => void {
  return (title, text) => {
    const program = places.find((path) => existsSync(path));
    if (program === undefined || (env["DBUS_SESSION_BUS_ADDRESS"] ?? "") === "") return;
    const passed = PASSED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
    const words = ["--app-name=aios", "--urgency=critical", "--", plain(title), plain(text)];
    const child = spawn(program, words, { stdio: "ignore", detached: true, env: Object.fromEntries(passed) });
    child.on("error", () => undefined);
    child.unref();
  };
}

function plain(text: string): string {
  return text.replaceAll(/[&<>]/gu, "");
}
