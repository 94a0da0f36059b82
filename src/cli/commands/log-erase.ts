import { HOME, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor } from "../connection.ts";
import { summariseRecord } from "../../showing/describe-record.ts";
import { EXIT } from "../exit-codes.ts";
import { tellOfKeyFiles } from "../key-files.ts";
import { insistOnRecord } from "../insist-record.ts";
import { readInteger } from "../integer.ts";
import { line, writeLines } from "../../showing/line.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";

/** `aios log erase`: destroys the key of one payload. */
export const logErase: Command = {
  path: ["log", "erase"],
  summary: "erase what is sealed beside a record, for good; you sign it",
  positionals: [{ name: "N", required: true, help: "the number of the record" }],
  rest: null,
  flags: [HOME],
  details: [
    "Destroys the key of the record's payload (the arguments of an action, its result, what was written inside). The record, its proofs and the fact that you erased it stay.",
    "A copy of the home opens it no more either, as long as the copy has no payload-epoch-* file of the folder keys; aios backup has none. A file of keys (aios backup --keys) that was made before opens it still. What authority is made of cannot be erased; a snapshot of memory can, whole.",
  ],
  examples: ["log erase 42"],
  async run(powers, args) {
    const record = readInteger(args.required("N"), { name: "N", min: 0, max: Number.MAX_SAFE_INTEGER });
    return await withMonitor({ powers, args }, async (client, home) => {
      await insistOnRecord(client, record);
      const asked = { purpose: "erase-payload", document: { record } } as const;
      // What cannot be erased is refused before anybody reads it.
      await client.request("prepare", asked);
      const { entries } = await client.request("log-show", { from: record, limit: 1, instance: null, kinds: [] });
      const found = entries[0]?.record;
      if (found !== undefined)
        writeLines(powers.err, [line(`record ${record}: ${found.kind} ${summariseRecord(found).text}`)]);
      writeLines(powers.err, await tellOfKeyFiles(client));
      await insist(powers, "Erase what is sealed beside it, for good?");
      const session = openSigningSession(powers, { home, keep: "once" });
      const seq = await prepareAndSign({ powers, client, session }, asked);
      writeLines(powers.out, [line(`erased the payload of record ${record} (record ${seq})`)]);
      return EXIT.ok;
    });
  },
};
