import { decodeProvider, type Provider } from "../../kernel/infer.ts";
import { decodeShortProvider } from "../../protocol/short-inference.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { describeProvider } from "../../showing/describe-inference.ts";
import { toDocument } from "../document.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../../showing/line.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { layOutTable } from "../table.ts";
import { makeVisible } from "../../showing/visible.ts";
import { MAXIMUM_YAML_BYTES } from "../yaml-bytes.ts";
import { readYaml } from "../yaml.ts";

/** `aios providers add`. */
export const providersAdd: Command = {
  path: ["providers", "add"],
  summary: "register a provider of models, or change one; you sign it",
  positionals: [{ name: "FILE", required: true, help: "YAML: who it is, what it may see, its models" }],
  rest: null,
  flags: [HOME],
  details: [
    "Says who runs it (tier local, partner or public), the most that it may be shown (class public, private or secret), and its models. Nobody may ask it before a grant names it. See docs/formats/provider.md.",
  ],
  examples: ["providers add local.yaml"],
  async run(powers, args) {
    const path = args.required("FILE");
    const provider = readProvider(await powers.files.read(path, MAXIMUM_YAML_BYTES), path);
    return await withMonitor({ powers, args }, async (client, home) => {
      const asked = { purpose: "set-provider", document: toDocument(provider) } as const;
      // What cannot be taken is refused before anybody reads it.
      await client.request("prepare", asked);
      writeLines(powers.err, [...describeProvider(provider).map((row) => line(row)), line("")]);
      await insist(powers, "Register this provider?");
      const session = openSigningSession(powers, { home, keep: "once" });
      const seq = await prepareAndSign({ powers, client, session }, asked);
      writeLines(powers.out, [line(`registered ${provider.provider} (record ${seq})`)]);
      return EXIT.ok;
    });
  },
};

function readProvider(text: string, path: string): Provider {
  const short = decodeShortProvider(readYaml(text, path));
  if (short.kind === "refused")
    throw CliFailure.of(
      "bad-provider",
      `Cannot use ${path}: ${short.path || "/"} ${short.message}`,
      "see docs/formats/provider.md",
    );
  const decoded = decodeProvider(toDocument(short.value));
  if (decoded.kind === "ok") return decoded.value;
  throw CliFailure.of("bad-provider", `Cannot use ${path}: ${decoded.message}`, "see docs/formats/provider.md");
}

/** `aios providers list`. */
export const providersList: Command = {
  path: ["providers", "list"],
  summary: "list the providers of models",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: ["Local ones are asked first where a grant leaves the choice."],
  examples: ["providers list"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { providers } = await client.request("providers", {});
      if (args.has("json")) writeJson(powers, { providers });
      else if (providers.length === 0)
        writeLines(powers.out, [
          line("There are no providers: agents can ask no model. aios providers add FILE registers one."),
        ]);
      else {
        const rows = providers.map((each) => [
          each.provider,
          each.format,
          each.tier,
          each.class,
          `${each.to}${each.path}`,
          each.secret ?? "no key",
          each.models.map(({ name }) => name).join(" "),
        ]);
        writeLines(powers.out, layOutTable(["NAME", "FORMAT", "TIER", "SEES", "ADDRESS", "SECRET", "MODELS"], rows));
      }
      return EXIT.ok;
    });
  },
};

/** `aios providers remove`. */
export const providersRemove: Command = {
  path: ["providers", "remove"],
  summary: "take a provider off the list; you sign it",
  positionals: [{ name: "NAME", required: true, help: "from aios providers list" }],
  rest: null,
  flags: [HOME],
  details: [
    "The next request to it is denied; grants that name it stay, and mean nothing until it is registered again.",
  ],
  examples: ["providers remove local"],
  async run(powers, args) {
    const provider = args.required("NAME");
    return await withMonitor({ powers, args }, async (client, home) => {
      await insist(powers, `Remove the provider ${makeVisible(provider)}?`);
      const session = openSigningSession(powers, { home, keep: "once" });
      const asked = { purpose: "remove-provider", document: { provider } } as const;
      const seq = await prepareAndSign({ powers, client, session }, asked);
      writeLines(powers.out, [line(`removed ${makeVisible(provider)} (record ${seq})`)]);
      return EXIT.ok;
    });
  },
};
