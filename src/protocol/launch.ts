import { list, record, text, type Decoder } from "./decode.ts";

// How an agent is started, as a profile and the command line ask for it.

/**
 * Name of a variable for an agent. Those that make the dynamic linker or Node load code are refused: the launcher inside
 * the sandbox is a Node program too, and runs before the filter is installed. `PATH` and `HOME`
 * are what they are: programs are found where the system has them, whatever a profile says.
 */
export const ENVIRONMENT_NAME: RegExp =
  /^(?!LD_|GLIBC_TUNABLES$|NODE_OPTIONS$|NODE_REPL_EXTERNAL_MODULE$|NODE_EXTRA_CA_CERTS$|PATH$|HOME$|AIOS_)[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** Extra variables of an agent's environment. */
export const environment: Decoder<{ readonly [name: string]: string }> = record(
  text({ max: 32_768, pattern: /^[^\0]*$/, is: "text without NUL" }),
  {
    key: ENVIRONMENT_NAME,
    is: "a variable that an agent can be given: letters, digits and _, and not PATH, HOME, one of AIOS or one by which programs load code",
    max: 128,
  },
);

/** The human's words. */
export const task: Decoder<string> = text({ max: 65_536 });
/** An agent's command line. */
export const command: Decoder<readonly string[]> = list(
  text({ max: 131_072, pattern: /^[^\0]*$/, is: "text without NUL" }),
  { min: 1, max: 1024 },
);
