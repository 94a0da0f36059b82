import { canonicalize } from "../../kernel/canonical.ts";
import { decodeBinding, type Binding, type BindingTerms } from "../../kernel/secrets.ts";
import { decodeSshBinding, isSshTarget, type SshBinding } from "../../kernel/ssh-binding.ts";
import { committedText, secretProblem } from "../../protocol/commitment.ts";
import type { SecretView } from "../../protocol/requests.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, JSON_OUTPUT, type Command, type Flag, type Positional } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { toDocument } from "../document.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../../showing/line.ts";
import { readLoginFile, type LoginFile } from "../login-file.ts";
import { readHostKeys, readKeyFile } from "../key-file.ts";
import { showMoment } from "../../showing/moment.ts";
import type { CliPowers } from "../powers.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { layOutTable } from "../table.ts";
import { makeVisible } from "../../showing/visible.ts";

const NAME: Positional = { name: "NAME", required: true, help: "what grants call it" };
const FILE: Flag = { name: "file", value: "FILE", help: "read the value from this file instead of the terminal" };
const OAUTH: Flag = { name: "oauth", value: null, help: "the file holds a login with tokens that are renewed" };
const SSH_KEY: Flag = {
  name: "ssh-key",
  value: null,
  help: "the file is a private key of OpenSSH, without a passphrase",
};
const MOST_BYTES = 16_384;
const LOGIN_DETAILS =
  "With --oauth the file is a login: ~/.claude/.credentials.json of Claude Code, ~/.codex/auth.json of Codex, or {accessToken, refreshToken, expiresAt, tokenEndpoint, clientId}. You sign where its tokens are renewed; a process outside every sandbox does it, and agents keep their placeholder. Log out in the program that made the file, or log in there anew: a login that two renew ends for one of them.";

/** `aios secrets set`. */
export const secretsSet: Command = {
  path: ["secrets", "set"],
  summary: "keep a secret that agents use and never see; you sign it",
  positionals: [NAME],
  rest: null,
  flags: [FILE, OAUTH, SSH_KEY, HOME],
  details: [
    "The value is typed at the terminal and not shown; no flag and no variable takes it. It is sealed in the home. You sign a commitment to it, and the log never holds the value. Nobody may use it before it is bound to a destination.",
    LOGIN_DETAILS,
    "With --ssh-key the file is a private key that git uses outside for agents (docs/formats/grant.md, Git). Make one for this purpose alone: ssh-keygen -t ed25519 -N '' -f FILE, and delete FILE afterwards.",
  ],
  examples: [
    "secrets set anthropic",
    "secrets set claude --oauth --file login.json",
    "secrets set deploy --ssh-key --file deploy_key",
  ],
  run: (powers, args) => setValue(powers, args, { purpose: "set-secret", done: "set" }),
};

/** `aios secrets rotate`. */
export const secretsRotate: Command = {
  path: ["secrets", "rotate"],
  summary: "give a secret a new value; you sign it",
  positionals: [NAME],
  rest: null,
  flags: [FILE, OAUTH, SSH_KEY, HOME],
  details: [
    "Its destinations stay, agents keep their placeholders, and those that run use the new value from their next request on. The key of the old value is destroyed.",
  ],
  examples: ["secrets rotate anthropic"],
  run: (powers, args) => setValue(powers, args, { purpose: "rotate-secret", done: "rotated" }),
};

async function setValue(
  powers: CliPowers,
  args: Arguments,
  act: { readonly purpose: "set-secret" | "rotate-secret"; readonly done: string },
): Promise<ExitCode> {
  const secret = args.required("NAME");
  return await withMonitor({ powers, args }, async (client, home) => {
    const login = args.has("oauth") ? await readLogin(powers, args) : null;
    const value = args.has("ssh-key") ? await readKey(powers, args) : (login?.text ?? (await readValue(powers, args)));
    if (login !== null) await insist(powers, `Keep ${makeVisible(secret)}, ${describeLogin(login)}?`);
    const given = { salt: powers.random.hex(32), value };
    const { commitment } = await client.request("deposit", given);
    // The monitor is not asked what is signed: the commitment is to what was typed here.
    if (commitment !== powers.crypto.digest(committedText(given)))
      throw CliFailure.of("changed-on-the-way", "Nothing was signed: the commitment is to another value");
    const session = openSigningSession(powers, { home, keep: "once" });
    const document =
      login === null
        ? { secret, kind: "value", commitment }
        : { secret, kind: "oauth", commitment, login: toDocument(login.terms) };
    // All of it, since nothing that is not shown is signed; the value is in it by its commitment only.
    writeLines(powers.err, [line(`To sign (${act.purpose}):`), line(`  ${makeVisible(canonicalize(document))}`)]);
    const seq = await prepareAndSign({ powers, client, session }, { purpose: act.purpose, document });
    writeLines(powers.out, [line(`${act.done} ${makeVisible(secret)} (record ${seq})`)]);
    return EXIT.ok;
  });
}

async function readKey(powers: CliPowers, args: Arguments): Promise<string> {
  const file = args.value("file");
  if (file === null || args.has("oauth"))
    throw CliFailure.of("usage", "--ssh-key needs --file and no --oauth", "name the file of the private key");
  const key = readKeyFile(await powers.files.read(file, MOST_BYTES));
  if (key !== null) return key;
  const hint = "make one for this alone: ssh-keygen -t ed25519 -N '' -f FILE";
  throw CliFailure.of("bad-secret", "Cannot keep this: it is no OpenSSH private key without a passphrase", hint);
}

async function readLogin(powers: CliPowers, args: Arguments): Promise<LoginFile> {
  const file = args.value("file");
  if (file === null)
    throw CliFailure.of("usage", "--oauth needs --file", "name the file in which the program keeps its login");
  const read = readLoginFile(await powers.files.read(file, MOST_BYTES));
  if (read.kind === "ok") return read.value;
  throw CliFailure.of("bad-secret", `Cannot keep this login: ${read.message}`, "log in again, and name that file");
}

/** A login in words: everything that is signed but the commitment. */
function describeLogin({ from, terms: { endpoint, client, scopes, format } }: LoginFile): string {
  const asked = scopes.length === 0 ? "" : `, for ${scopes.join(" ")}`;
  return makeVisible(`${from}, renewed at ${endpoint} as ${client}${asked}, by ${format}`);
}

/** A value from the terminal, or from a file that the person names. Nothing of it is in what is said about it. */
async function readValue(powers: CliPowers, args: Arguments): Promise<string> {
  const file = args.value("file");
  const value =
    file === null ? await typeValue(powers) : (await powers.files.read(file, MOST_BYTES)).replace(/\r?\n$/u, "");
  const problem = secretProblem(value);
  if (problem === null) return value;
  throw CliFailure.of("bad-secret", `Cannot keep this value: ${problem}`, "paste it as the provider shows it");
}

async function typeValue(powers: CliPowers): Promise<string> {
  if (powers.person === null) {
    throw CliFailure.of(
      "no-terminal",
      "Cannot ask: a secret is typed at a terminal, and there is none",
      "run this command at a terminal, or name a file with --file",
    );
  }
  const typed = await powers.person.askPassphrase("value (not shown): ");
  if (typed === null || typed === "") throw CliFailure.of("not-confirmed", "Nothing was kept: no value was given");
  return typed;
}

/** `aios secrets bind`. */
export const secretsBind: Command = {
  path: ["secrets", "bind"],
  summary: "say where a secret may be sent and how; you sign it",
  positionals: [NAME],
  rest: null,
  flags: [
    { name: "to", value: "ORIGIN", help: "https://HOST, or ssh://USER@HOST, with :PORT where it is not the usual one" },
    { name: "method", value: "METHOD", help: "a method that it may be sent with", repeats: true },
    { name: "path", value: "PATH", help: "the path that it may be sent to, and below (default: /)", repeats: true },
    { name: "as", value: "FORM", help: "header:NAME, header:NAME=WORD for a word before it (Bearer), or path" },
    {
      name: "host-keys",
      value: "FILE",
      help: "for ssh: public keys of the machine, as ssh-keyscan or known_hosts has them",
    },
    HOME,
  ],
  details: [
    "A process of its own puts the value into that header of such requests, and takes it out of everything that comes back. For the same origin a new binding takes the place of the old one.",
    "With --as path it stands in the path itself, right behind each --path (/bot makes /bot<value>/getMe), and is bound to nothing else there.",
    "A key of SSH is bound to the account of a machine, to repositories of it (--path, more than once) and to the public keys that the machine proves itself with. Compare these with what its makers publish before you sign.",
  ],
  examples: [
    "secrets bind anthropic --to https://api.anthropic.com --method POST --path /v1 --as header:x-api-key",
    "secrets bind github --to https://api.github.com --method GET --as header:authorization=Bearer",
    "secrets bind telegram --to https://api.telegram.org --method POST --as path --path /bot --path /file/bot",
    "secrets bind deploy --to ssh://git@github.com --path /me/project.git --host-keys github.keys",
  ],
  async run(powers, args) {
    const binding = isSshTarget(args.value("to") ?? "") ? await readSshBinding(powers, args) : readBinding(args);
    const said = "hostKeys" in binding ? describeSshBinding(binding) : describeBinding(binding);
    return await withMonitor({ powers, args }, async (client, home) => {
      const question = `${"hostKeys" in binding ? "Use" : "Send"} ${makeVisible(binding.secret)} ${"hostKeys" in binding ? "for" : "to"} ${said}?`;
      await insist(powers, question);
      const session = openSigningSession(powers, { home, keep: "once" });
      const asked = { purpose: "bind-secret", document: toDocument(binding) } as const;
      const seq = await prepareAndSign({ powers, client, session }, asked);
      writeLines(powers.out, [line(`bound ${makeVisible(binding.secret)} to ${binding.to} (record ${seq})`)]);
      return EXIT.ok;
    });
  },
};

function onePath(args: Arguments): string {
  const [path = "/", ...others] = args.values("path");
  if (others.length === 0) return path;
  throw CliFailure.of(
    "usage",
    "aios secrets bind takes one --path for a header",
    "bind another secret to another path",
  );
}

async function readSshBinding(powers: CliPowers, args: Arguments): Promise<SshBinding> {
  const file = args.value("host-keys");
  if (file === null || args.value("as") !== null || args.values("method").length > 0)
    throw CliFailure.of(
      "usage",
      "aios secrets bind to ssh:// needs --host-keys, and no --as or --method",
      "ssh-keyscan -t ed25519 HOST > FILE, and compare what it says with what the machine's owners publish",
    );
  const decoded = decodeSshBinding({
    secret: args.required("NAME"),
    to: args.value("to") ?? "",
    paths: args.values("path").length === 0 ? ["/"] : [...args.values("path")],
    hostKeys: [...readHostKeys(await powers.files.read(file, MOST_BYTES))],
  });
  if (decoded.kind === "ok") return decoded.value;
  throw CliFailure.of("usage", `Cannot bind this: ${decoded.message}`, "aios secrets bind --help shows what it takes");
}

function readBinding(args: Arguments): Binding {
  const form = /^(?:path|header:([^=]+)(?:=(.+))?)$/u.exec(args.value("as") ?? "");
  if (form === null || args.value("host-keys") !== null)
    throw CliFailure.of(
      "usage",
      "aios secrets bind to https:// needs --as header:NAME, header:NAME=WORD or path, and no --host-keys",
      "for example --as header:x-api-key",
    );
  const [, header, scheme = null] = form;
  const decoded = decodeBinding({
    secret: args.required("NAME"),
    to: args.value("to") ?? "",
    methods: [...args.values("method")],
    ...(header === undefined ? { after: [...args.values("path")] } : { path: onePath(args), header, scheme }),
  });
  if (decoded.kind === "ok") return decoded.value;
  throw CliFailure.of("usage", `Cannot bind this: ${decoded.message}`, "aios secrets bind --help shows what it takes");
}

/** One binding in words: everything that is signed but the secret's name. */
function describeBinding(binding: BindingTerms): string {
  const { to, methods } = binding;
  if ("after" in binding) return `${to}, ${methods.join(" or ")}, in the path behind ${binding.after.join(" or ")}`;
  const { path, header, scheme } = binding;
  const where = path === "/" ? "any path" : `${path} and below`;
  return `${to}, ${methods.join(" or ")} ${where}, in header ${header}${scheme === null ? "" : ` after ${scheme}`}`;
}

/** The same for a key of SSH. */
function describeSshBinding({ to, paths, hostKeys }: Omit<SshBinding, "secret">): string {
  const where = paths.includes("/") ? "any repository" : paths.map((path) => `${path} and below`).join(" or ");
  return `${to}, ${where}, where the machine has the key ${hostKeys.join(" or ")}`;
}

/** `aios secrets list`. */
export const secretsList: Command = {
  path: ["secrets", "list"],
  summary: "list the secrets and where each may be sent",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: ["Shows names, dates and destinations; no command shows a value."],
  examples: ["secrets list"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { secrets } = await client.request("secrets", {});
      if (args.has("json")) writeJson(powers, { secrets });
      else if (secrets.length === 0)
        writeLines(powers.out, [line("There are no secrets. aios secrets set NAME keeps one.")]);
      else
        writeLines(
          powers.out,
          layOutTable(
            ["NAME", "SINCE", "SIGNED BY", "GOES TO"],
            secrets.flatMap((view) => rowsOf(view, powers)),
          ),
        );
      return EXIT.ok;
    });
  },
};

function rowsOf(view: SecretView, powers: CliPowers): readonly (readonly string[])[] {
  const head = [view.secret, showMoment(view.since, powers.offset(view.since)), view.key];
  const places = [...view.bindings.map(describeBinding), ...view.ssh.map(describeSshBinding)];
  const bound = places.length === 0 ? ["nowhere: it is not bound"] : places;
  const all = view.endpoint === null ? bound : [...bound, `renewed at ${view.endpoint}`];
  return all.map((place, index) => [...(index === 0 ? head : ["", "", ""]), place]);
}

/** `aios secrets remove`. */
export const secretsRemove: Command = {
  path: ["secrets", "remove"],
  summary: "destroy a secret and its key; you sign it",
  positionals: [NAME],
  rest: null,
  flags: [HOME],
  details: [
    "Whoever holds it at that moment is ended. A copy of the home from before, with its keys, still opens it: change the key where it was given out, too.",
  ],
  examples: ["secrets remove anthropic"],
  async run(powers, args) {
    const secret = args.required("NAME");
    return await withMonitor({ powers, args }, async (client, home) => {
      await insist(powers, `Destroy the secret ${makeVisible(secret)}?`);
      const session = openSigningSession(powers, { home, keep: "once" });
      const seq = await prepareAndSign({ powers, client, session }, { purpose: "remove-secret", document: { secret } });
      writeLines(powers.out, [line(`removed ${makeVisible(secret)} (record ${seq})`)]);
      return EXIT.ok;
    });
  },
};
