/**
 * How the monitor's Node is started, by whoever starts it (packaging/aiosd.service says the same). A record lives for
 * milliseconds: a young generation of 48 MB, and an old one that may double before it is looked at, hold garbage and no
 * more, twice the monitor's memory under load for none of its speed.
 */
export const MONITOR_FLAGS: readonly string[] = Object.freeze(["--max-semi-space-size=4", "--heap-growing-percent=50"]);
