/**
 * Preloaded into a monitor: its wall clock is ahead by as many milliseconds as a file says, looked up each time.
 *
 *     node --import 'file:…/shifted-clock.ts?by=FILE' …
 */
import { readFileSync } from "node:fs";

const file = new URL(import.meta.url).searchParams.get("by") ?? "";
const real = Date.now.bind(Date);
Date.now = () => real() + Number(readFileSync(file, "utf8"));
