import { toDocument } from "../document.ts";
import { HOME, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../../showing/line.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { makeVisible } from "../../showing/visible.ts";
import { MAXIMUM_YAML_BYTES } from "../yaml-bytes.ts";
import { readYaml } from "../yaml.ts";
import { decodeWitnessSet, type WitnessSet } from "../../protocol/witness-set.ts";

/** `aios witness use`: whom the log of this home asks for cosignatures. */
export const witnessUse: Command = {
  path: ["witness", "use"],
  summary: "say who witnesses this home's log; you sign it",
  positionals: [{ name: "FILE", required: true, help: "YAML: witnesses (key, at), quorum, before" }],
  rest: null,
  flags: [HOME],
  details: [
    "The log takes its checkpoints to each witness once a minute and keeps the newest that a quorum has cosigned. With `before: reserved` what is reserved runs only once they have cosigned that it was intended: when too few answer, it does not run. The file replaces what was in force; with no witnesses and quorum 0 nobody is asked. See docs/formats/witness.md.",
  ],
  examples: ["witness use witnesses.yaml"],
  async run(powers, args) {
    const path = args.required("FILE");
    const decoded = decodeWitnessSet(readYaml(await powers.files.read(path, MAXIMUM_YAML_BYTES), path));
    if (decoded.kind === "refused") {
      const why = `${decoded.path || "/"} ${decoded.message}`;
      throw CliFailure.of("bad-witnesses", `Cannot use ${path}: ${why}`, "see docs/formats/witness.md");
    }
    const set = decoded.value;
    return await withMonitor({ powers, args }, async (client, home) => {
      const asked = { purpose: "set-witnesses", document: toDocument(set) } as const;
      // What cannot be taken is refused before anybody reads it.
      await client.request("prepare", asked);
      writeLines(powers.err, [...describe(set).map((words) => line(words)), line("")]);
      await insist(powers, "Use these witnesses?");
      const session = openSigningSession(powers, { home, keep: "once" });
      const seq = await prepareAndSign({ powers, client, session }, asked);
      const count = set.witnesses.length;
      const many = count === 0 ? "no witness" : count === 1 ? "one witness" : `${count} witnesses`;
      writeLines(powers.out, [line(`the log has ${many} (record ${seq})`)]);
      return EXIT.ok;
    });
  },
};

function describe({ witnesses, quorum, before }: WitnessSet): readonly string[] {
  if (quorum === 0) return ["Nobody witnesses the log."];
  return [
    ...witnesses.map(({ key, at }) => `${makeVisible(key)} at ${makeVisible(at)}`),
    `${quorum} of ${witnesses.length} must cosign a checkpoint.`,
    before === "reserved"
      ? "What is reserved runs only once they have cosigned that it was intended."
      : "Nothing waits for them.",
  ];
}
