import { CliFailure } from "./failure.ts";

/** What the file system says when nothing can be written, in its own words or in those of SQLite, and what that means. */
const DISK_FAULTS: readonly { readonly says: RegExp; readonly means: string; readonly hint: string }[] = [
  {
    says: /\bENOSPC\b|\bEDQUOT\b|\b(?:database or )?disk is full\b/u,
    means: "the disk is full",
    hint: "make room there; aios log verify needs none",
  },
  {
    says: /\bEROFS\b|\breadonly database\b/u,
    means: "the file system is read-only",
    hint: "mount it writable, after a fault once it was unmounted and mended; aios log verify only reads",
  },
];

/** What is the case when words of a fault are about a disk that takes nothing; null for every other fault. */
export function readDiskFault(words: string): { readonly means: string; readonly hint: string } | null {
  return DISK_FAULTS.find(({ says }) => says.test(words)) ?? null;
}

/** A fault that is no defect of ours but a disk that takes nothing, as a person is told of it; null for every other. */
export function explainDiskFault(error: unknown): CliFailure | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  const fault = readDiskFault(`${String(error.code)} ${error.message}`);
  if (fault === null) return null;
  const place = "path" in error && typeof error.path === "string" ? ` ${error.path}` : "";
  return CliFailure.of("file-unwritable", `Cannot write${place}: ${fault.means}`, fault.hint);
}
