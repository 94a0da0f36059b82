import { CliFailure } from "./failure.ts";

/** A whole number from a flag or an argument. Throws `CliFailure` `usage` for anything else or outside the range. */
export function readInteger(text: string, options: { name: string; min: number; max: number }): number {
  const value = /^(?:0|[1-9][0-9]{0,15})$/u.test(text) ? Number(text) : Number.NaN;
  if (!(value >= options.min && value <= options.max)) {
    throw CliFailure.of(
      "usage",
      `${options.name} must be a whole number from ${options.min} to ${options.max}, not "${text}"`,
    );
  }
  return value;
}
