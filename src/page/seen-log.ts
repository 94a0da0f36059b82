/*
 * What this browser knows of the log from before. Storage is of one name of the console, and the console has another one with
 * every start; a cookie of the home's name is there under all of them. It holds nothing that is secret, and another program that a
 * browser visits under such a name can change it: that makes a false alarm, or has the browser see the log for the first time.
 */

/** As long as browsers keep any, seconds. */
const KEPT_SECONDS = 400 * 86_400;
/** The name of the console's home, below which all names of its consoles are. */
const HOME = /^[0-9a-f]{16}\.(aios-[0-9a-f]{16}\.localhost)$/;

type Known = "log-key" | "log-checkpoint";

/** What is known under this name, or null. */
export function recall(name: Known): string | null {
  const pair = document.cookie.split("; ").find((each) => each.startsWith(`${name}=`));
  try {
    return pair === undefined ? null : decodeURIComponent(pair.slice(name.length + 1));
  } catch {
    return null; // it is none of ours
  }
}

/** Keeps it for every console of this home. */
export function remember(name: Known, value: string): void {
  const home = HOME.exec(location.hostname)?.[1];
  const place = home === undefined ? "" : `; Domain=${home}`;
  document.cookie = `${name}=${encodeURIComponent(value)}${place}; Path=/; Secure; SameSite=Strict; Max-Age=${KEPT_SECONDS}`;
}
