import { DeclareFault } from "../../extensions/declare/line.ts";
import { readSays, type SaidExtension } from "../../extensions/declare/says.ts";
import type { ArchiveForm } from "../../protocol/extension-order.ts";
import { digestOfSigned, PUBLISHER_FILE, sealPublication } from "../../protocol/publisher.ts";
import { line, writeLines } from "../../showing/line.ts";
import { makeVisible } from "../../showing/visible.ts";
import { HOME, type Command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import type { ReadSource } from "../extension-powers.ts";
import type { CliPowers } from "../powers.ts";
import { nameExtension } from "../show-extension.ts";
import { findPublisher, requireName } from "../publisher-key.ts";
import { formOf } from "./ext.ts";

/** `aios ext sign`: what a publisher does, who needs no monitor for it. */
export const extSign: Command = {
  path: ["ext", "sign"],
  summary: "sign an extension as its publisher, before it is packed",
  positionals: [{ name: "SOURCE", required: true, help: "its folder, or what was packed of it" }],
  rest: null,
  flags: [
    { name: "as", value: "NAME", help: "whose key signs, from aios publishers key" },
    { name: "bundle", value: null, help: "the folder is packed as an MCP bundle, by its manifest.json" },
    HOME,
  ],
  details: [
    "Writes aios-publisher.json into the folder: a signature over every other byte of it as the store takes it (all files but .git), and over its kind, name and version. Sign it anew after each change.",
    "What is packed must be what was signed. A tool that leaves files out, as npm does, makes another extension of it: sign the .tgz or .mcpb that it made, put the file that this prints at the top of the folder, and pack that again.",
    "What names itself nowhere is signed under the name of its folder, and is not what was signed under another.",
    "Nothing of it is run.",
  ],
  examples: ["ext sign ./my-skill --as acme", "ext sign notes-1.2.0.tgz --as acme > aios-publisher.json"],
  async run(powers, args) {
    const home = powers.home(args.value("home"));
    const name = requireName(args.value("as"), "--as NAME");
    const key = await findPublisher(home, name);
    const path = powers.resolve(args.required("SOURCE"));
    const is = await powers.sources.inspect(path);
    if (is === null)
      throw CliFailure.of("not-found", `Nothing lies at ${path}`, "a folder, or a .tgz, .mcpb or .zip file");
    if (is === "file" && args.has("bundle")) throw CliFailure.of("usage", "--bundle is about a folder");
    const source = await powers.sources.read({ path, form: formOf({ path, is }) });
    const form = args.has("bundle") ? "zip" : formOf({ path, is });
    const said = await readKind(source, { form, label: path.slice(path.lastIndexOf("/") + 1) });
    const signed = {
      kind: said.is,
      name: said.says.name,
      version: said.says.version,
      digest: digestOfSigned(source.files, powers.crypto),
    };
    const others = source.files.filter((file) => file.path !== PUBLISHER_FILE).length;
    writeLines(powers.err, [
      line(`${nameExtension(signed)}  ${signed.kind}, ${others === 1 ? "1 file" : `${others} files`}`),
      line(`  ${signed.digest}`, "faint"),
      ...(form === "tar" && said.is !== "mcpb" && source.text("manifest.json") !== null
        ? [line("  there is a manifest.json: where it is packed as an MCP bundle, sign it with --bundle", "wait")]
        : []),
    ]);
    if (powers.person === null)
      throw CliFailure.of(
        "no-terminal",
        "Cannot sign: a passphrase is read from a terminal only, and there is none",
        "run this command at a terminal",
      );
    const passphrase = await powers.person.askPassphrase(`passphrase of the publisher's key ${name}: `);
    if (passphrase === null || passphrase === "")
      throw CliFailure.of("not-confirmed", "Nothing was signed: no passphrase was given");
    const text = sealPublication(signed, await key.unlock(passphrase), powers.crypto);
    if (is === "file") powers.out.write(text);
    else await put(powers, `${path.replace(/\/+$/u, "")}/${PUBLISHER_FILE}`, text);
    return EXIT.ok;
  },
};

async function readKind(
  source: ReadSource,
  asked: { readonly form: ArchiveForm; readonly label: string },
): Promise<SaidExtension> {
  try {
    return await readSays({ text: (path) => Promise.resolve(source.text(path)) }, asked);
  } catch (error) {
    if (!(error instanceof DeclareFault)) throw error;
    throw CliFailure.of("file-unreadable", `Cannot sign it: ${error.message}`, "the store would not take it so");
  }
}

async function put({ drafts, out }: Pick<CliPowers, "drafts" | "out">, path: string, text: string): Promise<void> {
  if ((await drafts.digest(path)) === null) await drafts.publish(path, text);
  else await drafts.replace(path, { text });
  writeLines(out, [line(`signed in ${makeVisible(path)}`, "good")]);
}
