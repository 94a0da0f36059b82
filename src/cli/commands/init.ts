import { HOME, type Command } from "../command.ts";
import { enrolOwner } from "../enrol.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { join, line, writeLines, type Line } from "../../showing/line.ts";
import { askNewPassphrase } from "../passphrase.ts";
import { homeFlag } from "../shell-word.ts";
import { makeVisible } from "../../showing/visible.ts";
import { OWNER_NAME } from "../../kernel/names.ts";
import { keyId } from "../../protocol/statement.ts";

/** `aios init`: makes a home and its owner's key, and enrols the key. */
export const init: Command = {
  path: ["init"],
  summary: "make a home and your owner key",
  positionals: [],
  rest: null,
  flags: [{ name: "name", value: "NAME", help: "a name for the owner (default: owner)" }, HOME],
  details: [
    "The owner key signs everything that gives an agent authority. It is stored behind a passphrase: at least 12 characters, or 4 words. The passphrase is read from the terminal only, twice.",
    "A lost passphrase cannot be found again. Make recovery codes next: aios owners codes.",
  ],
  examples: ["init", "init --home /srv/aios --name maria"],
  async run(powers, args) {
    const name = args.value("name") ?? "owner";
    if (!OWNER_NAME.test(name)) {
      throw CliFailure.of(
        "usage",
        `The owner's name cannot be "${name}"`,
        "letters, digits, space and . _ @ - up to 63",
      );
    }
    const home = powers.home(args.value("home"));
    if (powers.person === null) {
      throw CliFailure.of(
        "no-terminal",
        "Cannot make an owner key: a passphrase is read from a terminal only, and there is none",
        "run aios init at a terminal",
      );
    }
    // In a home that is not there yet nothing is begun before the question that somebody may leave unanswered.
    const fresh = (await home.exists()) ? null : await askNewPassphrase(powers.person, "your owner key");
    // From here on it takes a moment, which a signal does not cut in two.
    if (fresh !== null) void powers.interrupted();
    const enrolled = await home.key.exists();
    await home.create();
    const running = await home.attach();
    const client = running ?? (await home.connect());
    let ready = false;
    try {
      const { owners } = await client.request("hello", { version: powers.version });
      if (owners > 0) {
        throw CliFailure.of(
          "owner-exists",
          `The home ${home.path} has an owner already`,
          "aios doctor shows how it stands",
        );
      }
      // A key without an enrolment is what an interrupted init leaves; it is taken up again with its own passphrase.
      const signer = enrolled
        ? await home.key.unlock((await powers.person.askPassphrase("passphrase of the owner key made before: ")) ?? "")
        : await home.key.create(fresh ?? (await askNewPassphrase(powers.person, "your owner key")));
      const seq = await enrolOwner({ powers, client }, { name, signer });
      ready = true;
      writeLines(powers.out, [
        join(["good", "The home is ready: "], home.path),
        line(`owner key ${keyId(signer.publicKey, powers.crypto.sha256)} in ${home.key.path} (record ${seq})`),
        line(""),
        ...next(homeFlag(args, home)),
      ]);
      return EXIT.ok;
    } finally {
      // A monitor that this command started for a home that is not to be stays behind for nobody.
      if (running === null && !ready) await client.request("stop", {}).catch(() => undefined);
      client.close();
    }
  },
};

/** What to type next, about the same home: the demo alone has its own. */
function next(flag: string): readonly Line[] {
  const rows = [
    ["aios demo", "see what it does"],
    [`aios grants propose${flag} PROFILE`, "what an agent asks for, ready to sign"],
    [`aios run${flag} -- CMD`, "run an agent"],
  ] as const;
  const width = Math.max(31, ...rows.map(([command]) => command.length)) + 2;
  return rows.map(([command, what], at) =>
    line(`${at === 0 ? "Next:" : "     "}  ${makeVisible(command).padEnd(width)}${what}`),
  );
}
