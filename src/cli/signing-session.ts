import type { Signer } from "../platform/powers.ts";
import { line, writeLines } from "../showing/line.ts";
import { makeVisible } from "../showing/visible.ts";
import type { Asker } from "../platform/terminal/terminal.ts";
import { CliFailure } from "./failure.ts";
import type { CliPowers, Home } from "./powers.ts";

/** How the key of this process is kept: asked for each time, or once while an interactive session lasts. */
export type KeepKey = "once" | "session";

/** Unlocks the owner's key at the terminal. */
export interface SigningSession {
  /** Throws `CliFailure` (`no-terminal`, `no-owner`, `wrong-passphrase`, `not-confirmed`). */
  unlock(asker?: Asker): Promise<Signer>;
  /** Whether the next `unlock` needs no passphrase. */
  readonly unlocked: boolean;
  forget(): void;
}

const ATTEMPTS = 3;

/** A session over the owner key of one home. The signer lives in this process's memory only, and with `once` only for one use. */
export function openSigningSession(
  powers: Pick<CliPowers, "person" | "err">,
  options: { home: Home; keep: KeepKey },
): SigningSession {
  let kept: Signer | null = null;
  return {
    get unlocked() {
      return kept !== null;
    },
    forget() {
      kept = null;
    },
    async unlock(asker) {
      if (kept !== null) return kept;
      const signer = await askForKey(powers, { ...options, asker });
      if (options.keep === "session") {
        kept = signer;
        powers.err.write("key unlocked; this process keeps it in memory until it ends\n");
      }
      return signer;
    },
  };
}

async function askForKey(
  powers: Pick<CliPowers, "person" | "err">,
  { home, asker }: { readonly home: Home; readonly asker: Asker | undefined },
): Promise<Signer> {
  if (!(await home.key.exists())) {
    throw CliFailure.of("no-owner", `Cannot sign: ${home.path} has no owner key`, "aios init makes one");
  }
  const { person } = powers;
  if (person === null) {
    throw CliFailure.of(
      "no-terminal",
      "Cannot sign: a passphrase is read from a terminal only, and there is none",
      "run this command at a terminal",
    );
  }
  for (const why of await home.key.damaged()) writeLines(powers.err, [line(makeVisible(why), "wait")]);
  for (let attempt = 1; ; attempt++) {
    const passphrase = await person.askPassphrase("passphrase of the owner key: ", asker);
    if (passphrase === null || passphrase === "")
      throw CliFailure.of("not-confirmed", "Nothing was signed: no passphrase was given");
    try {
      return await home.key.unlock(passphrase);
    } catch (error) {
      if (!(error instanceof CliFailure) || error.code !== "wrong-passphrase" || attempt === ATTEMPTS) throw error;
      powers.err.write("that is not the passphrase; try again\n");
    }
  }
}
