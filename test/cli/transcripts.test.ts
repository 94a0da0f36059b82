import { describe, expect, test } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { NO_REST } from "../../src/kernel/rest.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { CliFailure } from "../../src/cli/failure.ts";
import type { StoppedInstance } from "../../src/protocol/stop-report.ts";
import { PASSPHRASE, NOW } from "../fakes/cli-powers.ts";
import type { Answers } from "../fakes/monitor-client.ts";
import { grant, held, heldOver, INSTANCE, instances, records, REQUEST } from "./cast.ts";
import { transcribe } from "./transcript.ts";
import { pageOf } from "../fakes/monitor-client.ts";

describe("help that a newcomer understands", () => {
  test("the overview", async () => {
    expect(await transcribe([])).toBe(`$ aios
aios: the AI Operating Substrate. An agent starts with nothing; every effect it
has is decided, selected, validated, approved, executed and recorded, or does
not happen. Linux only.

Usage: aios COMMAND [flags]      aios COMMAND --help explains one command

Begin
  demo               see all of it work on a throw-away sample
  scan               show what the agents on this machine can reach today
  init               make a home and your owner key
  doctor             check this machine and the home; rebuild the index
  adopt              put a client's MCP servers behind the face, with undo
  adopt openclaw     prepare your OpenClaw to run under aios; nothing is signed

Run agents
  run                run an agent in a sandbox, under the grants in force
  mcp                be the one MCP server of a client that runs outside
  ps                 list the instances that run
  top                watch, approve and stop on one live screen
  hold               let every action of a running instance wait for you
  freeze             stop instances where they stand, and see that they do
  thaw               let what is frozen go on; you sign for it
  restart            show what stopped an instance; start it again, signed
  kill               end instances and every process of them
  undo               take back what an agent did to its workspace

What agents keep
  home list          list what agents keep between runs
  home show          show how large an agent's home is and what you put there
  home put           put a read-only file into an agent's home; you sign it
  home wipe          remove what an agent kept; you sign it

Memory
  memory planes      list what agents keep in memory, and how much they may
  memory list        list entries of a plane, or those that have some words
  memory search      find entries of a plane by words that they have
  memory show        show an entry or a snapshot, and where it comes from
  memory verify      compare memory with the log, its keys and its index
  memory budget      say how much an agent may keep or load; you sign it
  memory freeze      freeze texts as a snapshot nobody changes; you sign it
  memory erase       erase entries of memory for good; you sign it
  memory quarantine  take out of agents' reach what came from somewhere
  memory release     take a quarantine back; you sign it
  memory export      write entries of a plane, with proofs, to a file
  memory import      take entries of an export in; you sign it

Decide
  approvals list     list the actions that wait for you
  approvals show     show one held action in full
  approvals approve  let one held action run, once; you sign for it
  approvals deny     say no to one held action; you sign that too
  propose            turn what an agent asked for into a lease to sign
  away               say until when nobody is there to be asked
  back               say that you are back, and see what happened
  console            look, decide and stop in your browser

Grant
  grants list        list the grants and how much of each is used
  grants show        show what a grant allows
  grants propose     turn a profile into a grant to review and sign
  grants proposed    show what is proposed and may be signed at the console
  grants sign        put a grant in force; you sign it
  grants revoke      end a grant now; you sign it

Owners
  owners list        list who may sign, and what
  owners key         make the key of one more owner in this home
  owners add         let one more person sign; you sign it
  owners remove      take somebody's right to sign away; you sign it
  owners codes       make recovery codes for a lost key; you sign them
  owners recover     become an owner again with a recovery code
  owners stop        stop a recovery that waits; you sign it
  owners second      demand a second screen in the console; you sign it

Secrets
  secrets set        keep a secret that agents use and never see; you sign it
  secrets bind       say where a secret may be sent and how; you sign it
  secrets list       list the secrets and where each may be sent
  secrets rotate     give a secret a new value; you sign it
  secrets remove     destroy a secret and its key; you sign it

Extensions
  ext vet            look through an extension for what speaks against it
  ext detonate       run an extension in a sealed sandbox to see what it does
  ext add            put an extension into the store, where it does nothing
  ext list           list the extensions in the store
  ext show           show an extension, what it asks for and what was found
  ext diff           show what differs between two extensions
  ext trust          let agents use an extension's server; you sign it
  ext update         put another version in a grant's place; you sign it
  ext quarantine     let nothing start an extension any more
  ext remove         remove an extension from the store
  ext sign           sign an extension as its publisher, before it is packed

Publishers
  publishers list    list the publishers whose extensions you take
  publishers admit   take a publisher's extensions; you sign it
  publishers remove  take a publisher's extensions no more; you sign it
  publishers only    let nothing run but what they signed; you sign it
  publishers key     make a key to sign extensions of your own with

Ports
  ports list         list the published ports, where they are and who may come
  ports show         show where a published port is, for programs
  ports open         let your browser in at a published port, by your key
  ports pair         let a program come to a published port; you sign it

Models
  providers add      register a provider of models, or change one; you sign it
  providers list     list the providers of models
  providers remove   take a provider off the list; you sign it

Rules
  policy check       check a file of policy rules without using it
  policy explain     say what would happen to an action, and why
  policy simulate    replay recorded actions against draft rules
  policy effective   show the policy rules in force
  policy set         put a file of policy rules in force; you sign it

Evidence
  digest             sum up what happened while you were away
  log show           show what was recorded
  log verify         verify every record of the log
  log prove          write a proof of one record to standard output
  log check          check a proof of one record, or of memory
  log evidence       pack records, payloads and proofs for an auditor
  log erase          erase what is sealed beside a record, for good; you sign it
  log retention      show or set for how long payloads are kept; you sign it
  witness use        say who witnesses this home's log; you sign it
  witness list       show who witnesses this home's log, and how far
  witness serve      be a witness of other logs
  witness show       show what a witness saw last of each log
  telemetry use      say to whom the log is shown, and how; you sign it
  telemetry show     show how far the log was delivered

The monitor
  serve              run the monitor in the foreground
  backup             back a home up while its monitor runs
  restore            make a home from a backup

New here?  aios demo   shows all of it on a sample in under a minute.
`);
  });

  test("the overview by name", async () => {
    expect(await transcribe(["help"])).toBe(`$ aios help
aios: the AI Operating Substrate. An agent starts with nothing; every effect it
has is decided, selected, validated, approved, executed and recorded, or does
not happen. Linux only.

Usage: aios COMMAND [flags]      aios COMMAND --help explains one command

Begin
  demo               see all of it work on a throw-away sample
  scan               show what the agents on this machine can reach today
  init               make a home and your owner key
  doctor             check this machine and the home; rebuild the index
  adopt              put a client's MCP servers behind the face, with undo
  adopt openclaw     prepare your OpenClaw to run under aios; nothing is signed

Run agents
  run                run an agent in a sandbox, under the grants in force
  mcp                be the one MCP server of a client that runs outside
  ps                 list the instances that run
  top                watch, approve and stop on one live screen
  hold               let every action of a running instance wait for you
  freeze             stop instances where they stand, and see that they do
  thaw               let what is frozen go on; you sign for it
  restart            show what stopped an instance; start it again, signed
  kill               end instances and every process of them
  undo               take back what an agent did to its workspace

What agents keep
  home list          list what agents keep between runs
  home show          show how large an agent's home is and what you put there
  home put           put a read-only file into an agent's home; you sign it
  home wipe          remove what an agent kept; you sign it

Memory
  memory planes      list what agents keep in memory, and how much they may
  memory list        list entries of a plane, or those that have some words
  memory search      find entries of a plane by words that they have
  memory show        show an entry or a snapshot, and where it comes from
  memory verify      compare memory with the log, its keys and its index
  memory budget      say how much an agent may keep or load; you sign it
  memory freeze      freeze texts as a snapshot nobody changes; you sign it
  memory erase       erase entries of memory for good; you sign it
  memory quarantine  take out of agents' reach what came from somewhere
  memory release     take a quarantine back; you sign it
  memory export      write entries of a plane, with proofs, to a file
  memory import      take entries of an export in; you sign it

Decide
  approvals list     list the actions that wait for you
  approvals show     show one held action in full
  approvals approve  let one held action run, once; you sign for it
  approvals deny     say no to one held action; you sign that too
  propose            turn what an agent asked for into a lease to sign
  away               say until when nobody is there to be asked
  back               say that you are back, and see what happened
  console            look, decide and stop in your browser

Grant
  grants list        list the grants and how much of each is used
  grants show        show what a grant allows
  grants propose     turn a profile into a grant to review and sign
  grants proposed    show what is proposed and may be signed at the console
  grants sign        put a grant in force; you sign it
  grants revoke      end a grant now; you sign it

Owners
  owners list        list who may sign, and what
  owners key         make the key of one more owner in this home
  owners add         let one more person sign; you sign it
  owners remove      take somebody's right to sign away; you sign it
  owners codes       make recovery codes for a lost key; you sign them
  owners recover     become an owner again with a recovery code
  owners stop        stop a recovery that waits; you sign it
  owners second      demand a second screen in the console; you sign it

Secrets
  secrets set        keep a secret that agents use and never see; you sign it
  secrets bind       say where a secret may be sent and how; you sign it
  secrets list       list the secrets and where each may be sent
  secrets rotate     give a secret a new value; you sign it
  secrets remove     destroy a secret and its key; you sign it

Extensions
  ext vet            look through an extension for what speaks against it
  ext detonate       run an extension in a sealed sandbox to see what it does
  ext add            put an extension into the store, where it does nothing
  ext list           list the extensions in the store
  ext show           show an extension, what it asks for and what was found
  ext diff           show what differs between two extensions
  ext trust          let agents use an extension's server; you sign it
  ext update         put another version in a grant's place; you sign it
  ext quarantine     let nothing start an extension any more
  ext remove         remove an extension from the store
  ext sign           sign an extension as its publisher, before it is packed

Publishers
  publishers list    list the publishers whose extensions you take
  publishers admit   take a publisher's extensions; you sign it
  publishers remove  take a publisher's extensions no more; you sign it
  publishers only    let nothing run but what they signed; you sign it
  publishers key     make a key to sign extensions of your own with

Ports
  ports list         list the published ports, where they are and who may come
  ports show         show where a published port is, for programs
  ports open         let your browser in at a published port, by your key
  ports pair         let a program come to a published port; you sign it

Models
  providers add      register a provider of models, or change one; you sign it
  providers list     list the providers of models
  providers remove   take a provider off the list; you sign it

Rules
  policy check       check a file of policy rules without using it
  policy explain     say what would happen to an action, and why
  policy simulate    replay recorded actions against draft rules
  policy effective   show the policy rules in force
  policy set         put a file of policy rules in force; you sign it

Evidence
  digest             sum up what happened while you were away
  log show           show what was recorded
  log verify         verify every record of the log
  log prove          write a proof of one record to standard output
  log check          check a proof of one record, or of memory
  log evidence       pack records, payloads and proofs for an auditor
  log erase          erase what is sealed beside a record, for good; you sign it
  log retention      show or set for how long payloads are kept; you sign it
  witness use        say who witnesses this home's log; you sign it
  witness list       show who witnesses this home's log, and how far
  witness serve      be a witness of other logs
  witness show       show what a witness saw last of each log
  telemetry use      say to whom the log is shown, and how; you sign it
  telemetry show     show how far the log was delivered

The monitor
  serve              run the monitor in the foreground
  backup             back a home up while its monitor runs
  restore            make a home from a backup

New here?  aios demo   shows all of it on a sample in under a minute.
`);
  });

  test("a family", async () => {
    expect(await transcribe(["approvals", "--help"])).toBe(`$ aios approvals --help
Usage: aios approvals COMMAND

  approvals list [flags]             list the actions that wait for you
  approvals show REQUEST [flags]     show one held action in full
  approvals approve REQUEST [flags]
      let one held action run, once; you sign for it
  approvals deny REQUEST [flags]
      say no to one held action; you sign that too
`);
  });

  test("one command", async () => {
    expect(await transcribe(["grants", "sign", "--help"])).toBe(`$ aios grants sign --help
Usage: aios grants sign FILE [flags]

Put a grant in force; you sign it.

Shows Can, Cannot, Limits and Risk of exactly the document that you sign, asks,
and reads the passphrase from the terminal.

  FILE             YAML from aios grants propose
  --workspace DIR  folder that the servers see while they are asked what they
                   offer
  --home DIR       the home to work on (default: AIOS_HOME, else ~/.aios)
  --help           show this help

Examples:
  aios grants sign grant.yaml --workspace .
`);
  });

  test("help as a command", async () => {
    expect(await transcribe(["help", "kill"])).toBe(`$ aios help kill
Usage: aios kill [INSTANCE…] [flags]

End instances and every process of them.

All its processes are held still and then ended, with their sandboxes. What it
held for approval is withdrawn. What was seen to act no more, and to be gone, is
said; when anything was not, this ends with exit code 1. Needs no passphrase.

What somebody starts afterwards runs: aios freeze --all keeps everything from
starting.

  INSTANCE…   ids, from aios ps
  --all       every instance that runs
  --json      print JSON for programs instead of text for people
  --home DIR  the home to work on (default: AIOS_HOME, else ~/.aios)
  --help      show this help

Examples:
  aios kill i-0123456789abcdef
  aios kill --all
`);
  });

  test("the longest", async () => {
    expect(await transcribe(["run", "--help"])).toBe(`$ aios run --help
Usage: aios run [flags] -- CMD…

Run an agent in a sandbox, under the grants in force.

A program that aios knows (claude) is offered its profile at a terminal, which
you read and sign. A profile that works in a folder gets the one where you stand
unless --workspace names another; what you sign names it.

Without a grant the agent runs and can do nothing outside its sandbox. Held
actions are announced here; Ctrl-] shows them, and you answer with y or n and
the passphrase, which is asked for once and kept in memory only while this
command runs. Without a terminal nobody can approve: what is held expires and is
denied.

When the instance is frozen this command says so and waits: Ctrl-] asks whether
it goes on, which you sign, or ends. Without a terminal it is ended unless aios
thaw lets it go on within 30 seconds.

The exit code is the agent's own, or 6 when the substrate ended it.

  -- CMD…           everything after -- is the command and its own arguments
  --agent NAME      name that grants use (default: the name of the command)
  --profile FILE    what the agent asks for, or a shipped one by name; you sign
  --grant FILE      a grant to show and sign first
  --workspace DIR   folder that agent and tools see as /workspace
  --task TEXT       your own words; recipients in them count as named by you
  --strict          the first denied action freezes the instance
  --parent ID       run as a delegate of this instance; never more than it may
  --hold-at STAGE   hold every action at a stage: decide, select, validate,
                    approve, execute, audit
  --hold-seconds N  how long a held action waits (default: 600, without a
                    terminal 60)
  --verbose         without a terminal too: show in full what it may do
  --quiet           no bell and no desktop notice when an action is held
  --env NAME=VALUE  a value for the agent's environment; never a secret
  --home DIR        the home to work on (default: AIOS_HOME, else ~/.aios)
  --help            show this help

Examples:
  aios run -- claude
  aios run --profile generic --agent fixer -- ./agent.sh
  aios run --agent notes --workspace . --task "Summarise notes.txt" -- node agent.js
`);
  });

  test("the version", async () => {
    expect(await transcribe(["--version"])).toBe(`$ aios --version
aios 0.1.0
`);
  });
});

describe("a wrong command line says what is wrong and what to do", () => {
  test("an unknown command, near one", async () => {
    expect(await transcribe(["grnts"])).toBe(`$ aios grnts
! aios: there is no command "grnts" (unknown-command)
! hint: did you mean aios grants?
[2]
`);
  });

  test("an unknown command, near none", async () => {
    expect(await transcribe(["xyzzy"])).toBe(`$ aios xyzzy
! aios: there is no command "xyzzy" (unknown-command)
! hint: aios --help lists the commands
[2]
`);
  });

  test("an unknown command of a family", async () => {
    expect(await transcribe(["grants", "lst"])).toBe(`$ aios grants lst
! aios: there is no command "grants lst" (unknown-command)
! hint: did you mean aios grants list?
[2]
`);
  });

  test("a family without a command", async () => {
    expect(await transcribe(["policy"])).toBe(`$ aios policy
! aios: aios policy needs a command (usage)
! hint: one of: policy check, policy explain, policy simulate, policy effective, policy set
[2]
`);
  });

  test("an unknown flag, near one", async () => {
    expect(await transcribe(["ps", "--jsno"])).toBe(`$ aios ps --jsno
! aios: aios ps has no flag --jsno (unknown-flag)
! hint: did you mean --json?
[2]
`);
  });

  test("an unknown flag, near none", async () => {
    expect(await transcribe(["ps", "--colour"])).toBe(`$ aios ps --colour
! aios: aios ps has no flag --colour (unknown-flag)
! hint: aios ps --help lists its flags
[2]
`);
  });

  test("a flag twice", async () => {
    expect(await transcribe(["ps", "--home", "/a", "--home", "/b"])).toBe(`$ aios ps --home /a --home /b
! aios: --home was given twice (usage)
! hint: aios ps --help shows what it takes
[2]
`);
  });

  test("a flag without its value", async () => {
    expect(await transcribe(["ps", "--home"])).toBe(`$ aios ps --home
! aios: --home needs a value: --home DIR (usage)
! hint: aios ps --help shows what it takes
[2]
`);
  });

  test("a flag whose value looks like one", async () => {
    expect(await transcribe(["ps", "--home", "--json"])).toBe(`$ aios ps --home --json
! aios: --home needs a value: --home DIR (usage)
! hint: aios ps --help shows what it takes
[2]
`);
  });

  test("a value for a switch", async () => {
    expect(await transcribe(["ps", "--json=yes"])).toBe(`$ aios ps --json=yes
! aios: --json takes no value (usage)
! hint: aios ps --help shows what it takes
[2]
`);
  });

  test("something missing", async () => {
    expect(await transcribe(["approvals", "show"])).toBe(`$ aios approvals show
! aios: aios approvals show needs REQUEST (usage)
! hint: aios approvals show --help shows what it takes
[2]
`);
  });

  test("something too many", async () => {
    expect(await transcribe(["restart", "a", "b"])).toBe(`$ aios restart a b
! aios: aios restart does not take "b" (usage)
! hint: aios restart --help shows what it takes
[2]
`);
  });

  test.each(["--home", "--workspace", "--profile", "--grant"])("an empty path, %s", async (flag) => {
    const refused = `! aios: ${flag} needs a path, not an empty value (usage)
! hint: aios run --help shows what it takes
[2]
`;
    expect(await transcribe(["run", flag, "", "--", "x"])).toBe(`$ aios run ${flag}  -- x\n${refused}`);
    expect(await transcribe(["run", `${flag}=`, "--", "x"])).toBe(`$ aios run ${flag}= -- x\n${refused}`);
  });

  test("a variable that an agent may not be given", async () => {
    expect(await transcribe(["run", "--env", "LD_PRELOAD=/x", "--", "x"])).toBe(`$ aios run --env LD_PRELOAD=/x -- x
! aios: --env cannot set LD_PRELOAD (usage)
! hint: PATH, HOME, names of AIOS itself, of over 64 letters, and those that make programs load code are refused
[2]
`);
  });

  test("a command for an agent without --", async () => {
    expect(await transcribe(["run", "claude"])).toBe(`$ aios run claude
! aios: aios run does not take "claude" (the agent's command goes after --) (usage)
! hint: aios run --help shows what it takes
[2]
`);
  });

  test("something after -- where nothing goes", async () => {
    expect(await transcribe(["ps", "--", "x"])).toBe(`$ aios ps -- x
! aios: aios ps takes nothing after -- (usage)
! hint: aios ps --help shows what it takes
[2]
`);
  });

  test("a number that is none", async () => {
    expect(await transcribe(["log", "prove", "0x10"])).toBe(`$ aios log prove 0x10
! aios: N must be a whole number from 0 to 9007199254740991, not "0x10" (usage)
[2]
`);
  });

  test("what is typed is never let through to the terminal", async () => {
    expect(await transcribe(["\u001b]0;owned\u0007"])).toBe(`$ aios \u001b]0;owned
! aios: there is no command "‹U+001B›]0;owned‹U+0007›" (unknown-command)
! hint: aios --help lists the commands
[2]
`);
  });
});

describe("setting up", () => {
  test("a command without a home", async () => {
    expect(await transcribe(["ps"], { home: "none" })).toBe(`$ aios ps
! aios: There is no home at /home/maria/.aios (no-home)
! hint: aios init makes one, with your owner key
[3]
`);
  });

  test("init without a terminal", async () => {
    expect(await transcribe(["init"], { home: "none" })).toBe(`$ aios init
! aios: Cannot make an owner key: a passphrase is read from a terminal only, and there is none (no-terminal)
! hint: run aios init at a terminal
[5]
`);
  });

  test("init", async () => {
    expect(
      await transcribe(["init"], {
        home: "empty",
        typed: [PASSPHRASE, PASSPHRASE],
        answers: {
          hello: () => ({ version: "0.1.0", start: "0", home: "/h", owners: 1, policy: "p", limits: "watch" }),
        },
      }),
    ).toBe(`$ aios init
! aios: The home /home/maria/.aios has an owner already (owner-exists)
! hint: aios doctor shows how it stands
[3]
`);
  });

  test("init in a home that is named, which the next commands have to name too", async () => {
    const shown = await transcribe(["init", "--home", "/srv/my aios"], {
      home: "empty",
      typed: [PASSPHRASE, PASSPHRASE],
      answers: {
        hello: () => ({ version: "0.1.0", start: "0", home: "/h", owners: 0, policy: "p", limits: "watch" }),
        prepare: ({ purpose, document }) => ({
          statement: {
            v: 1,
            purpose,
            subject: createCrypto().digest(canonicalize(document)),
            policy: "p",
            start: "0",
            nonce: "0",
            expires: NOW,
          },
        }),
        submit: () => ({ seq: 1 }),
      },
    });
    expect(shown).toContain(`
Next:  aios demo                                          see what it does
       aios grants propose --home '/srv/my aios' PROFILE  what an agent asks for, ready to sign
       aios run --home '/srv/my aios' -- CMD              run an agent
`);
  });

  test("serve where a monitor runs already", async () => {
    expect(await transcribe(["serve", "--home", "/srv/aios"])).toBe(`$ aios serve --home /srv/aios
! aios: The monitor of /srv/aios runs already (monitor-running)
! hint: aios serve --stop --home /srv/aios ends it, and with it every instance
[4]
`);
  });

  test("init with a short passphrase", async () => {
    expect(
      await transcribe(["init"], {
        home: "empty",
        typed: ["hunter2", "hunter2"],
        answers: {
          hello: () => ({ version: "0.1.0", start: "0", home: "/h", owners: 0, policy: "p", limits: "watch" }),
        },
      }),
    ).toBe(`$ aios init
! aios: Cannot take this passphrase: it needs at least 12 characters or 4 different words (weak-passphrase)
? new passphrase for your owner key:
[1]
`);
  });

  test("init with two different passphrases", async () => {
    expect(
      await transcribe(["init"], {
        home: "empty",
        typed: [PASSPHRASE, "something else entirely"],
        answers: {
          hello: () => ({ version: "0.1.0", start: "0", home: "/h", owners: 0, policy: "p", limits: "watch" }),
        },
      }),
    ).toBe(`$ aios init
! aios: Nothing was made: the two passphrases differ (passphrases-differ)
? new passphrase for your owner key:
? the same again:
[1]
`);
  });

  test("doctor", async () => {
    expect(await transcribe(["doctor"], { home: "none" })).toBe(`$ aios doctor
missing  bubblewrap      not installed
                         → apt-get install bubblewrap
note     home            none at /home/maria/.aios
                         → aios init makes one
[3]
`);
  });
});

describe("instances", () => {
  test("ps", async () => {
    expect(await transcribe(["ps"], { answers: { ps: () => ({ instances, allFrozen: null, log: null }) } }))
      .toBe(`$ aios ps
INSTANCE            AGENT    STATE     AGE   DONE  DENIED  HELD  LABELS             WHY
i-0123456789abcdef  notes    running   65 s  12    0       1     untrusted,private  -
i-fedcba9876543210  crawler  terminal  2 h   3     1       0     -                  control-verb
`);
  });

  test("ps while the log takes no records", async () => {
    const log = {
      code: "log-shrunk",
      message: "Cannot go on: the disk came back with 20 records of the log's 21",
      hint: "put it back\u001b[2J",
    } as const;
    expect(await transcribe(["ps"], { answers: { ps: () => ({ instances: [], allFrozen: null, log }) } }))
      .toBe(`$ aios ps
The log takes no records, so nothing starts and no effect happens: Cannot go on: the disk came back with 20 records of the log's 21 (log-shrunk). put it back‹U+001B›[2J
No instance runs. aios run -- CMD starts one.
`);
  });

  test("ps of nothing", async () => {
    expect(await transcribe(["ps"], { answers: { ps: () => ({ instances: [], allFrozen: null, log: null }) } }))
      .toBe(`$ aios ps
No instance runs. aios run -- CMD starts one.
`);
  });

  const STOPPED: StoppedInstance = {
    instance: INSTANCE,
    agent: "notes",
    life: "frozen",
    confirmed: true,
    admission: 1,
    network: 9,
    parts: [
      { part: "agent", state: "still", sandboxes: 1, processes: 3, ms: 7 },
      { part: "driver", state: "gone", sandboxes: 2, processes: 0, ms: 8 },
    ],
    starting: 0,
    recorded: 4,
  };

  test("freeze", async () => {
    const answers: Answers = { freeze: () => ({ instances: [STOPPED], all: null }) };
    expect(await transcribe(["freeze", INSTANCE], { answers })).toBe(`$ aios freeze i-0123456789abcdef
frozen i-0123456789abcdef notes  admission 1 ms, network 9 ms, agent 3 processes still 7 ms, 2 drivers gone 8 ms, record 4 ms
`);
  });

  test("freeze of one that was still starting, which is ended", async () => {
    const young: StoppedInstance = { ...STOPPED, life: "ended", parts: [] };
    const answers: Answers = { freeze: () => ({ instances: [STOPPED, young], all: 17 }) };
    expect(await transcribe(["freeze", "--all"], { answers })).toBe(`$ aios freeze --all
frozen i-0123456789abcdef notes  admission 1 ms, network 9 ms, agent 3 processes still 7 ms, 2 drivers gone 8 ms, record 4 ms
ended i-0123456789abcdef notes  admission 1 ms, network 9 ms, record 4 ms
  ended, not frozen (not-started): it was still starting or ending, so there is nothing that aios thaw lets go on; start it anew
nothing starts until aios thaw --all (record 17)
`);
  });

  test("freeze of everything", async () => {
    const answers: Answers = { freeze: () => ({ instances: [], all: 17 }) };
    expect(await transcribe(["freeze", "--all"], { answers })).toBe(`$ aios freeze --all
nothing was running
nothing starts until aios thaw --all (record 17)
`);
  });

  test("freeze of which not all was confirmed", async () => {
    const open: StoppedInstance = {
      ...STOPPED,
      confirmed: false,
      network: null,
      parts: [{ part: "agent", state: "unconfirmed", sandboxes: 1, processes: 2, ms: 2000 }],
      starting: 1,
      recorded: null,
    };
    const answers: Answers = { freeze: () => ({ instances: [open], all: null }) };
    expect(await transcribe(["freeze", INSTANCE], { answers })).toBe(`$ aios freeze i-0123456789abcdef
NOT CONFIRMED frozen i-0123456789abcdef notes  admission 1 ms
  not confirmed: agent, 2 processes after 2000 ms
  not confirmed: network: its connections were not seen to be closed
  not confirmed: 1 sandboxes that were being made
  not confirmed: record: the log cannot be written, so a crash would forget this
! aios: Of 1 of 1 instances not all was confirmed: i-0123456789abcdef (not-stopped)
! hint: aios kill ends them; aios serve --stop ends everything with the monitor
[1]
`);
  });

  test("freeze of everything without a record of it", async () => {
    const answers: Answers = { freeze: () => ({ instances: [STOPPED], all: null }) };
    expect(await transcribe(["freeze", "--all"], { answers })).toContain(
      "! aios: Everything is frozen, and the log cannot be written, so a crash would forget that (not-stopped)\n",
    );
  });

  test("kill of two, of which one does not run", async () => {
    const answers: Answers = {
      kill: ({ instance }) => {
        if (instance === INSTANCE) return { instances: [STOPPED], all: null };
        throw CliFailure.fromMonitor({ code: "unknown-instance", message: "It does not run.", hint: null });
      },
    };
    expect(await transcribe(["kill", INSTANCE, "i-0"], { answers })).toBe(`$ aios kill i-0123456789abcdef i-0
ended i-0123456789abcdef notes  admission 1 ms, network 9 ms, agent 3 processes still 7 ms, 2 drivers gone 8 ms, record 4 ms
! aios: It does not run. (unknown-instance)
[4]
`);
  });

  test("freeze of neither one nor all", async () => {
    expect(await transcribe(["freeze"])).toBe(`$ aios freeze
! aios: aios freeze takes either instances or --all (usage)
! hint: aios ps lists the instances
[2]
`);
  });

  test("freeze of both", async () => {
    expect(await transcribe(["freeze", INSTANCE, "--all"])).toBe(`$ aios freeze i-0123456789abcdef --all
! aios: aios freeze takes either instances or --all (usage)
! hint: aios ps lists the instances
[2]
`);
  });

  test("kill of what the monitor does not know", async () => {
    expect(await transcribe(["kill", "i-0"])).toBe(`$ aios kill i-0
! aios: The test has no answer to kill. (unexpected)
[4]
`);
  });

  test("thaw at no terminal", async () => {
    expect(await transcribe(["thaw", INSTANCE])).toBe(`$ aios thaw i-0123456789abcdef
! aios: Cannot ask: there is no terminal to confirm and sign at (no-terminal)
! hint: run this command at a terminal; nothing else can sign for you
[5]
`);
  });
});

describe("approvals", () => {
  test("nothing is held", async () => {
    expect(await transcribe(["approvals", "list"], { answers: { held: () => pageOf([]) } })).toBe(`$ aios approvals list
Nothing is held.
`);
  });

  test("the list", async () => {
    expect(await transcribe(["approvals", "list"], { answers: { held: () => pageOf([held]) } }))
      .toBe(`$ aios approvals list
REQUEST   AGENT  WHAT             HELD FOR                EXPIRES IN  ABOUT
3fa9c2d1  notes  mail/send_email  recipient-not-endorsed  10 min      to: ["eve@evil.example"], subject: "figures"
`);
  });

  test("one in full", async () => {
    expect(
      await transcribe(["approvals", "show", "3fa9"], {
        answers: { held: () => pageOf([held]), "held-show": () => held },
      }),
    ).toBe(`$ aios approvals show 3fa9
mail/send_email  call a tool
  agent     notes (i-0123456789abcdef)
  risk      reach
  labels    untrusted, private
  held for  it goes to somebody that you did not name
  asked     never before; alike 3 times before, 2 allowed, 1 denied

arguments, in full:
  /subject  "figures"
  /to/0  "eve@evil.example"
    ← from files/read_text_file #12
    ← you did not name this recipient

  code      ayv-th5-nb9-23g-ygc
  request   3fa9c2d100112233445566778899aabb
`);
  });

  test("one that does not exist", async () => {
    expect(await transcribe(["approvals", "show", "ffff"], { answers: { held: () => pageOf([held]) } }))
      .toBe(`$ aios approvals show ffff
! aios: No held action has the id ffff (not-found)
! hint: aios approvals list shows what is held
[1]
`);
  });

  test("too little of an id", async () => {
    expect(await transcribe(["approvals", "show", "3fa"], { answers: { held: () => pageOf([held]) } }))
      .toBe(`$ aios approvals show 3fa
! aios: No held action has the id 3fa (not-found)
! hint: aios approvals list shows what is held
[1]
`);
  });

  test("one that cannot be shown in full", async () => {
    expect(
      await transcribe(["approvals", "show", REQUEST], {
        answers: { held: () => pageOf([held]), "held-show": () => heldOver({ x: "\n".repeat(300) }) },
      }),
    ).toBe(`$ aios approvals show 3fa9c2d100112233445566778899aabb
! aios: Cannot show this action in full: the action takes more than 200 lines to show in full (cannot-show)
! hint: what cannot be shown cannot be approved; aios approvals deny ends it
[1]
`);
  });

  test("one whose digest is another's", async () => {
    expect(
      await transcribe(["approvals", "show", REQUEST], {
        answers: { held: () => pageOf([held]), "held-show": () => ({ ...held, action: heldOver({}).action }) },
      }),
    ).toBe(`$ aios approvals show 3fa9c2d100112233445566778899aabb
! aios: Cannot show this action in full: the action, its digest and the statement do not belong together (cannot-show)
! hint: what cannot be shown cannot be approved; aios approvals deny ends it
[1]
`);
  });

  test("approve at no terminal", async () => {
    expect(
      await transcribe(["approvals", "approve", REQUEST], {
        answers: { held: () => pageOf([held]), "held-show": () => held },
      }),
    ).toBe(`$ aios approvals approve 3fa9c2d100112233445566778899aabb
mail/send_email  call a tool
  agent     notes (i-0123456789abcdef)
  risk      reach
  labels    untrusted, private
  held for  it goes to somebody that you did not name
  asked     never before; alike 3 times before, 2 allowed, 1 denied

arguments, in full:
  /subject  "figures"
  /to/0  "eve@evil.example"
    ← from files/read_text_file #12
    ← you did not name this recipient

  code      ayv-th5-nb9-23g-ygc
  request   3fa9c2d100112233445566778899aabb

! aios: Cannot ask: there is no terminal to confirm and sign at (no-terminal)
! hint: run this command at a terminal; nothing else can sign for you
[5]
`);
  });

  test("approve", async () => {
    expect(
      await transcribe(["approvals", "approve", REQUEST], {
        typed: ["y", PASSPHRASE],
        answers: { held: () => pageOf([held]), "held-show": () => held, submit: () => ({ seq: 42 }) },
      }),
    ).toBe(`$ aios approvals approve 3fa9c2d100112233445566778899aabb
mail/send_email  call a tool
  agent     notes (i-0123456789abcdef)
  risk      reach
  labels    untrusted, private
  held for  it goes to somebody that you did not name
  asked     never before; alike 3 times before, 2 allowed, 1 denied

arguments, in full:
  /subject  "figures"
  /to/0  "eve@evil.example"
    ← from files/read_text_file #12
    ← you did not name this recipient

  code      ayv-th5-nb9-23g-ygc
  request   3fa9c2d100112233445566778899aabb

approved (record 42)
? Let this run, once? [y/N]
? passphrase of the owner key:
`);
  });

  test("approve, then no", async () => {
    expect(
      await transcribe(["approvals", "approve", REQUEST], {
        typed: ["n"],
        answers: { held: () => pageOf([held]), "held-show": () => held },
      }),
    ).toBe(`$ aios approvals approve 3fa9c2d100112233445566778899aabb
mail/send_email  call a tool
  agent     notes (i-0123456789abcdef)
  risk      reach
  labels    untrusted, private
  held for  it goes to somebody that you did not name
  asked     never before; alike 3 times before, 2 allowed, 1 denied

arguments, in full:
  /subject  "figures"
  /to/0  "eve@evil.example"
    ← from files/read_text_file #12
    ← you did not name this recipient

  code      ayv-th5-nb9-23g-ygc
  request   3fa9c2d100112233445566778899aabb

! aios: Nothing was signed: you did not say yes (not-confirmed)
! hint: it stays held until it expires
? Let this run, once? [y/N]
[1]
`);
  });

  test("approve with a wrong passphrase, then the right one", async () => {
    expect(
      await transcribe(["approvals", "approve", REQUEST], {
        typed: ["y", "wrong", PASSPHRASE],
        answers: { held: () => pageOf([held]), "held-show": () => held, submit: () => ({ seq: 42 }) },
      }),
    ).toBe(`$ aios approvals approve 3fa9c2d100112233445566778899aabb
mail/send_email  call a tool
  agent     notes (i-0123456789abcdef)
  risk      reach
  labels    untrusted, private
  held for  it goes to somebody that you did not name
  asked     never before; alike 3 times before, 2 allowed, 1 denied

arguments, in full:
  /subject  "figures"
  /to/0  "eve@evil.example"
    ← from files/read_text_file #12
    ← you did not name this recipient

  code      ayv-th5-nb9-23g-ygc
  request   3fa9c2d100112233445566778899aabb

approved (record 42)
! that is not the passphrase; try again
? Let this run, once? [y/N]
? passphrase of the owner key:
? passphrase of the owner key:
`);
  });

  test("approve with three wrong ones", async () => {
    expect(
      await transcribe(["approvals", "approve", REQUEST], {
        typed: ["y", "a", "b", "c"],
        answers: { held: () => pageOf([held]), "held-show": () => held },
      }),
    ).toBe(`$ aios approvals approve 3fa9c2d100112233445566778899aabb
mail/send_email  call a tool
  agent     notes (i-0123456789abcdef)
  risk      reach
  labels    untrusted, private
  held for  it goes to somebody that you did not name
  asked     never before; alike 3 times before, 2 allowed, 1 denied

arguments, in full:
  /subject  "figures"
  /to/0  "eve@evil.example"
    ← from files/read_text_file #12
    ← you did not name this recipient

  code      ayv-th5-nb9-23g-ygc
  request   3fa9c2d100112233445566778899aabb

! that is not the passphrase; try again
! that is not the passphrase; try again
! aios: Cannot open the owner's key: the passphrase is wrong (wrong-passphrase)
? Let this run, once? [y/N]
? passphrase of the owner key:
? passphrase of the owner key:
? passphrase of the owner key:
[1]
`);
  });

  test("deny", async () => {
    expect(
      await transcribe(["approvals", "deny", REQUEST], {
        typed: ["y", PASSPHRASE],
        answers: { held: () => pageOf([held]), "held-show": () => held, submit: () => ({ seq: 42 }) },
      }),
    ).toBe(`$ aios approvals deny 3fa9c2d100112233445566778899aabb
mail/send_email  call a tool
  agent     notes (i-0123456789abcdef)
  risk      reach
  labels    untrusted, private
  held for  it goes to somebody that you did not name
  asked     never before; alike 3 times before, 2 allowed, 1 denied

arguments, in full:
  /subject  "figures"
  /to/0  "eve@evil.example"
    ← from files/read_text_file #12
    ← you did not name this recipient

  code      ayv-th5-nb9-23g-ygc
  request   3fa9c2d100112233445566778899aabb

denied (record 42)
? Deny this? [y/N]
? passphrase of the owner key:
`);
  });

  test("deny of what cannot be shown", async () => {
    expect(
      await transcribe(["approvals", "deny", REQUEST], {
        typed: ["y", PASSPHRASE],
        answers: {
          held: () => pageOf([held]),
          "held-show": () => heldOver({ x: "\n".repeat(300) }),
          submit: () => ({ seq: 42 }),
        },
      }),
    ).toBe(`$ aios approvals deny 3fa9c2d100112233445566778899aabb
cannot be shown in full: mail/send_email: the action takes more than 200 lines to show in full
denied (record 42)
? Deny this? [y/N]
? passphrase of the owner key:
`);
  });
});

describe("grants", () => {
  test("none", async () => {
    expect(await transcribe(["grants", "list"], { answers: { grants: () => ({ grants: [] }) } }))
      .toBe(`$ aios grants list
There are no grants: agents can do nothing. aios grants propose PROFILE prepares one.
`);
  });

  test("the list", async () => {
    expect(
      await transcribe(["grants", "list"], {
        answers: {
          grants: () => ({
            grants: [
              {
                id: "notes",
                agents: ["notes"],
                state: "active",
                lease: false,
                uses: 3,
                bytes: 5,
                spent: { input: 0, output: 0, cost: 0 },
                expires: NOW + 3_600_000,
                opens: null,
                quarantined: [],
                key: "ed25519:0011223344556677",
              },
            ],
          }),
        },
      }),
    ).toBe(`$ aios grants list
ID     AGENTS  KIND   STATE   USES  ENDS                 SIGNED BY
notes  notes   grant  active  3     2026-11-22 13:00:00  ed25519:0011223344556677
`);
  });

  test("one", async () => {
    expect(
      await transcribe(["grants", "show", "notes"], {
        answers: {
          "grant-show": () => ({
            grant,
            cedar: "permit (principal, action, resource);\n",
            view: {
              id: "notes",
              agents: ["notes"],
              state: "active",
              lease: false,
              uses: 3,
              bytes: 5,
              spent: { input: 0, output: 0, cost: 0 },
              expires: NOW,
              opens: null,
              quarantined: [],
              key: "k",
            },
          }),
        },
      }),
    ).toBe(`$ aios grants show notes
grant notes for notes
Can
  files/read_text_file where path is /workspace or below: runs
  files/write_file where path is one of "/workspace/a.md",
    "/workspace/b‹U+202E›.md": asks you every time
  files#file:///workspace/: runs
  the server files reads and writes in the workspace folder when it is called
Cannot
  files/move_file: not even listed
  any other file of yours, the network, any program but its own, inside its
    sandbox too, the substrate's own settings, keys and log
Limits
  ends 2026-11-22 20:00:00 (in 8 h)
  200 uses in all
  at most 60 uses in 60 s
  at most 9.5 MiB (10000000) of arguments and results
Risk
  it has reserved tools; each use is held for your signature
  the server files may change and delete files of the folder whenever it runs,
    but for what other tools obey there; aios undo takes it back
Server files
  runs node /opt/node_modules/files/index.js /workspace
  code in /opt/node_modules/: files zod
  workspace: write
  pin sha256:1111111111111111111111111111111111111111111111111111111111111111
  read_text_file: observe; labels private; fields path (path)
  write_file: reserved; fields path (path)
  move_file: reserved; labels untrusted+private
  resources file:///workspace/

active
`);
  });

  test("a lease", async () => {
    expect(
      await transcribe(["grants", "show", "notes"], {
        answers: {
          "grant-show": () => ({
            grant: { ...grant, lease: true },
            cedar: "",
            view: {
              id: "notes",
              agents: ["notes"],
              state: "revoked",
              lease: true,
              uses: 3,
              bytes: 5,
              spent: { input: 0, output: 0, cost: 0 },
              expires: NOW,
              opens: null,
              quarantined: [],
              key: "k",
            },
          }),
        },
      }),
    ).toBe(`$ aios grants show notes
lease notes for notes
Can
  files/read_text_file where path is /workspace or below: runs without asking:
    this is a lease; any argument that is not declared may be anything
  files/write_file where path is one of "/workspace/a.md",
    "/workspace/b‹U+202E›.md": runs without asking: this is a lease; any
    argument that is not declared may be anything
  files#file:///workspace/: runs without asking: this is a lease
  the server files reads and writes in the workspace folder when it is called
Cannot
  files/move_file: not even listed
  any other file of yours, the network, any program but its own, inside its
    sandbox too, the substrate's own settings, keys and log
Limits
  ends 2026-11-22 20:00:00 (in 8 h)
  200 uses in all
  at most 60 uses in 60 s
  at most 9.5 MiB (10000000) of arguments and results
Risk
  a lease: within its limits nobody is asked, not even for reserved actions
  only the values above are fixed: what it writes, runs or sends in arguments
    that are not declared can be other than what it asked with
  the server files may change and delete files of the folder whenever it runs,
    but for what other tools obey there; aios undo takes it back
Server files
  runs node /opt/node_modules/files/index.js /workspace
  code in /opt/node_modules/: files zod
  workspace: write
  pin sha256:1111111111111111111111111111111111111111111111111111111111111111
  read_text_file: observe; labels private; fields path (path)
  write_file: reserved; fields path (path)
  move_file: reserved; labels untrusted+private
  resources file:///workspace/

revoked
`);
  });

  test("its rule", async () => {
    expect(
      await transcribe(["grants", "show", "notes", "--cedar"], {
        answers: {
          "grant-show": () => ({
            grant,
            cedar: "permit (principal, action, resource);\n",
            view: {
              id: "notes",
              agents: ["notes"],
              state: "active",
              lease: false,
              uses: 3,
              bytes: 5,
              spent: { input: 0, output: 0, cost: 0 },
              expires: NOW,
              opens: null,
              quarantined: [],
              key: "k",
            },
          }),
        },
      }),
    ).toBe(`$ aios grants show notes --cedar
permit (principal, action, resource);
`);
  });

  describe("that are proposed", () => {
    const proposed = {
      id: "lease-notes-3fa9c2d1",
      agent: "notes",
      instance: INSTANCE,
      lease: true,
      made: NOW,
      expires: NOW + 3_600_000,
    };
    const lease = {
      ...grant,
      id: proposed.id,
      agents: ["notes"],
      drivers: {},
      allow: [{ what: "files/write_file", where: { path: { equals: "/workspace/a.md" } }, rest: [NO_REST] }],
      limits: { ...grant.limits, uses: 1, rate: null, bytes: null, notBefore: NOW, expires: proposed.expires },
      sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
      lease: true,
    };
    const document = canonicalize(JSON.parse(JSON.stringify(lease)));
    const detail = {
      ...proposed,
      document,
      about: ["calls: 1 that notes has held: 3fa9c2d1"],
      open: [],
      frozen: null,
      second: "code",
      statement: { ...held.statement, purpose: "sign-grant", subject: createCrypto().digest(document) },
    } as const;

    test("none", async () => {
      expect(await transcribe(["grants", "proposed"], { answers: { "proposed-grants": () => ({ proposed: [] }) } }))
        .toBe(`$ aios grants proposed
No grant is proposed. aios propose makes one of what an agent asked for.
`);
    });

    test("the list", async () => {
      expect(
        await transcribe(["grants", "proposed"], { answers: { "proposed-grants": () => ({ proposed: [proposed] }) } }),
      ).toBe(`$ aios grants proposed
ID                    AGENT  ASKED BY            KIND   ENDS
lease-notes-3fa9c2d1  notes  i-0123456789abcdef  lease  2026-11-22 13:00:00
`);
    });

    test("one of them in full, with the code that the console asks for", async () => {
      const answers: Answers = { "proposed-grant": () => detail, "proposed-code": () => ({ code: "12345678" }) };
      expect(await transcribe(["grants", "proposed", proposed.id], { answers }))
        .toBe(`$ aios grants proposed lease-notes-3fa9c2d1
lease lease-notes-3fa9c2d1 for notes
Can
  files/write_file where path is "/workspace/a.md": runs without asking: this
    is a lease; of all other arguments there are none
Cannot
  any file of yours, the network, any program but its own, inside its sandbox
    too, the substrate's own settings, keys and log
Limits
  ends 2026-11-22 13:00:00 (in 60 min)
  1 uses in all
Risk
  a lease: within its limits nobody is asked, not even for reserved actions
Where it comes from
  calls: 1 that notes has held: 3fa9c2d1

purpose    sign-grant
code       k9d-gtq-jkf-qze-w7m
second     1234-5678
           the console asks for it: type it there if it is this that you want to grant
`);
    });

    test("one for which too many wrong codes were signed, and one that nobody may sign now", async () => {
      const of = (more: object): Answers => ({
        "proposed-grant": () => ({ ...detail, ...more }),
        "proposed-code": () => ({ code: null }),
      });
      expect(await transcribe(["grants", "proposed", proposed.id], { answers: of({}) })).toMatch(
        /\nsecond {5}none: too many wrong ones were signed, so sign it here: aios grants sign\n$/u,
      );
      const frozen = of({ second: "nothing", frozen: "everything is frozen" });
      const said = await transcribe(["grants", "proposed", proposed.id], { answers: frozen });
      expect(said.split("\n").slice(1, 4)).toEqual([
        "NOT NOW: everything is frozen. No signature over this is taken until an owner",
        "lets it go on.",
        "",
      ]);
      expect(said).not.toContain("second");
    });

    test("attack: one that is not what is signed is not shown, and no code is told", async () => {
      const answers: Answers = {
        "proposed-grant": () => ({ ...detail, document: document.replace("a.md", "b.md") }),
        "proposed-code": () => ({ code: "12345678" }),
      };
      expect(await transcribe(["grants", "proposed", proposed.id], { answers }))
        .toBe(`$ aios grants proposed lease-notes-3fa9c2d1
! aios: The proposed grant cannot be shown in full: the grant, its name and the statement do not belong together (cannot-show)
[1]
`);
    });
  });

  test("a file that is not there", async () => {
    expect(await transcribe(["grants", "sign", "g.yaml"])).toBe(`$ aios grants sign g.yaml
! aios: Cannot read g.yaml: it does not exist (file-unreadable)
[3]
`);
  });

  test("a file that is no YAML", async () => {
    expect(await transcribe(["grants", "sign", "g.yaml"], { files: { "g.yaml": "grant: [\n" } }))
      .toBe(`$ aios grants sign g.yaml
! aios: Cannot read g.yaml: Flow sequence in block collection must be sufficiently indented and end with a ] at line 2, column 1 (bad-yaml)
! hint: mend the file there: it is no YAML, so nothing of it was taken
[3]
`);
  });

  test("a file with an unknown field", async () => {
    expect(
      await transcribe(["grants", "sign", "g.yaml"], {
        files: { "g.yaml": "grant: a\nagents: [b]\nlimits: {expires: 8h}\napproved: true\n" },
      }),
    ).toBe(`$ aios grants sign g.yaml
! aios: Cannot use g.yaml: /approved is not a known field (bad-grant)
! hint: aios grants propose PROFILE writes one
[3]
`);
  });

  test("a profile with an unknown field", async () => {
    expect(
      await transcribe(["grants", "propose", "p.yaml"], { files: { "p.yaml": "profile: a\nagent: b\nroot: true\n" } }),
    ).toBe(`$ aios grants propose p.yaml
! aios: Cannot use p.yaml: /root is not a known field (bad-profile)
! hint: examples/files.yaml is one that works
[3]
`);
  });

  test("a server that works in a folder, without one", async () => {
    expect(
      await transcribe(["grants", "propose", "p.yaml"], {
        files: { "p.yaml": "profile: a\nagent: b\nservers: {files: {package: x, workspace: read}}\n" },
      }),
    ).toBe(`$ aios grants propose p.yaml
! aios: Cannot ask the server files of p.yaml what it offers: it works in a folder (usage)
! hint: name one with --workspace DIR
[2]
`);
  });

  test("revoke", async () => {
    expect(await transcribe(["grants", "revoke", "notes"], { typed: ["n"] })).toBe(`$ aios grants revoke notes
! aios: Nothing was signed: you did not say yes (not-confirmed)
? Revoke the grant notes? [y/N]
[1]
`);
  });
});

describe("rules", () => {
  test("rules with problems", async () => {
    expect(
      await transcribe(["policy", "check", "r.cedar"], {
        files: { "r.cedar": "forbid(" },
        answers: {
          "policy-check": () => ({
            problems: [{ rule: "rule0", message: "unexpected end of input", line: 1 }],
            version: "",
          }),
        },
      }),
    ).toBe(`$ aios policy check r.cedar
problem line 1, rule rule0: unexpected end of input
[1]
`);
  });

  test("rules without", async () => {
    expect(
      await transcribe(["policy", "check", "r.cedar"], {
        files: { "r.cedar": "" },
        answers: { "policy-check": () => ({ problems: [], version: "sha256:ab" }) },
      }),
    ).toBe(`$ aios policy check r.cedar
no problems  version sha256:ab
`);
  });

  test("explain", async () => {
    expect(
      await transcribe(["policy", "explain", "--agent", "notes", "files/write_file", '{"path":"/workspace/a"}'], {
        answers: {
          "policy-explain": () => ({
            stages: [
              { stage: "decide", verdict: "passed", because: "canonical" },
              { stage: "validate", verdict: "denied", because: "no grant" },
            ],
            decision: "denied",
            code: "no-grant",
            proposal: {
              agents: ["notes"],
              allow: [{ what: "files/write_file", where: { path: { equals: "/workspace/a" } } }],
              lease: false,
            },
          }),
        },
      }),
    ).toBe(`$ aios policy explain --agent notes files/write_file {"path":"/workspace/a"}
STAGE     VERDICT  BECAUSE
decide    passed   canonical
validate  denied   no grant

denied  (no-grant)
the smallest grant that would allow it, for a human to sign:
  files/write_file where path is "/workspace/a"
[1]
`);
  });

  test("explain of no tool", async () => {
    expect(await transcribe(["policy", "explain", "--agent", "notes", "write"]))
      .toBe(`$ aios policy explain --agent notes write
! aios: "write" names no tool (usage)
! hint: write driver/tool, driver#resource-uri or driver@prompt
[2]
`);
  });

  test("explain of broken arguments", async () => {
    expect(await transcribe(["policy", "explain", "--agent", "notes", "files/x", '{"a":1,"a":2}']))
      .toBe(`$ aios policy explain --agent notes files/x {"a":1,"a":2}
! aios: Cannot read the arguments: not one strict JSON value: the key "a" a second time at offset 7 (bad-json)
[3]
`);
  });

  test("simulate", async () => {
    expect(
      await transcribe(["policy", "simulate", "r.cedar"], {
        files: { "r.cedar": "" },
        answers: {
          "policy-check": () => ({ problems: [], version: "v" }),
          "policy-simulate": () => ({
            replayed: 12,
            changed: [{ seq: 7, what: "mail/send_email", was: "granted", now: "denied", because: "forbid rule0" }],
          }),
        },
      }),
    ).toBe(`$ aios policy simulate r.cedar
RECORD  WHAT             WAS      NOW     BECAUSE
7       mail/send_email  granted  denied  forbid rule0

12 actions replayed, 1 would come out differently
`);
  });

  test("the rules in force", async () => {
    expect(
      await transcribe(["policy", "effective"], {
        answers: {
          "policy-show": () => ({ text: "", version: "sha256:ab", constitution: "AIOS constitution 1\nC1: first\n" }),
        },
      }),
    ).toBe(`$ aios policy effective
Rules of the owner  version sha256:ab
  (no rules of the owner: grants and the constitution decide)

Constitution, which nothing lifts
  AIOS constitution 1
  C1: first
`);
  });
});

describe("evidence", () => {
  test("an erasure of a record that is not there", async () => {
    expect(await transcribe(["log", "erase", "6"], { answers: { "log-show": () => ({ entries: [], size: 6 }) } }))
      .toBe(`$ aios log erase 6
! aios: The log has no record 6: it has 6 (not-found)
! hint: aios log show lists the last ones
[1]
`);
  });

  test("a proof of a record that is not there", async () => {
    expect(await transcribe(["log", "prove", "6"], { answers: { "log-show": () => ({ entries: [], size: 6 }) } }))
      .toBe(`$ aios log prove 6
! aios: The log has no record 6: it has 6 (not-found)
! hint: aios log show lists the last ones
[1]
`);
  });

  test("records", async () => {
    expect(
      await transcribe(["log", "show"], {
        answers: {
          "log-show": ({ from }) => ({
            entries: records.filter((record) => record.seq >= from).map((record) => ({ record, payload: null })),
            size: 6,
          }),
        },
      }),
    ).toBe(`$ aios log show
RECORD  AT                   KIND              INSTANCE            WHAT
0       2026-11-22 12:00:00  start             -                   monitor 0.1.0, constitution sha256:55555555...
1       2026-11-22 12:00:01  instance-started  i-0123456789abcdef  agent notes
2       2026-11-22 12:00:02  denied            i-0123456789abcdef  files/read_text_file at validate: no-grant
3       2026-11-22 12:00:03  intent            i-0123456789abcdef  files/read_text_file
4       2026-11-22 12:00:03  outcome           i-0123456789abcdef  files/read_text_file: ok, 812 B in 5.3 ms
5       2026-11-22 12:00:04  refused           -                   cli: unknown-request: a‹U+001B›[2J‹U+202E›b
`);
  });

  test("a log that is verified", async () => {
    expect(await transcribe(["log", "verify"])).toBe(`$ aios log verify
verified
  42 records
`);
  });

  test("a log that is refused", async () => {
    expect(
      await transcribe(["log", "verify"], {
        verified: { kind: "refused", code: "log-refused", at: 3, why: "it was changed" },
      }),
    ).toBe(`$ aios log verify
refused  at record 3: it was changed (log-refused)
[1]
`);
  });

  test("a witness is needed where something is said of witnesses", async () => {
    expect(await transcribe(["log", "verify", "--quorum", "1"])).toBe(`$ aios log verify --quorum 1
! aios: --quorum and --within are about witnesses, and none is named (usage)
! hint: add --witness KEY
[2]
`);
    expect(await transcribe(["log", "verify", "--witness", "w", "--within", "5m"]))
      .toBe(`$ aios log verify --witness w --within 5m
! aios: "5m" is no time (usage)
! hint: write it as 90s, 15min, 8h or 3d
[2]
`);
  });

  test("a proof that is refused", async () => {
    expect(
      await transcribe(["log", "check", "p.json"], {
        files: { "p.json": "{}" },
        verified: { kind: "refused", code: "proof-refused", at: null, why: "the path does not lead to the root" },
      }),
    ).toBe(`$ aios log check p.json
refused  the path does not lead to the root (proof-refused)
[1]
`);
  });
});

describe("JSON for programs", () => {
  test("ps --json", async () => {
    expect(
      await transcribe(["ps", "--json"], { answers: { ps: () => ({ instances: [], allFrozen: null, log: null }) } }),
    ).toBe(`$ aios ps --json
{"instances":[],"allFrozen":null,"log":null}
`);
  });

  test("a verdict as JSON keeps the exit code", async () => {
    expect(
      await transcribe(["log", "verify", "--json"], {
        verified: { kind: "refused", code: "log-refused", at: 3, why: "it was changed" },
      }),
    ).toBe(`$ aios log verify --json
{"kind":"refused","code":"log-refused","at":3,"why":"it was changed"}
[1]
`);
  });

  test("what was verified as JSON", async () => {
    expect(await transcribe(["log", "verify", "--json"])).toBe(`$ aios log verify --json
{"kind":"verified","size":42}
`);
  });

  test("records as lines", async () => {
    expect(
      await transcribe(["log", "show", "--json", "--from", "5"], {
        answers: {
          "log-show": ({ from }) => ({
            entries: records.filter((record) => record.seq >= from).map((record) => ({ record, payload: null })),
            size: 6,
          }),
        },
      }),
    ).toBe(`$ aios log show --json --from 5
{"record":{"v":1,"start":"00112233445566778899aabbccddeeff","payload":null,"seq":5,"at":1795348804000,"kind":"refused","peer":"cli","code":"unknown-request","what":"a\\u001b[2J\\u202eb"},"payload":null}
`);
  });
});

describe("colour", () => {
  test("only on a screen that has it", async () => {
    expect(
      await transcribe(["ps"], { colour: true, answers: { ps: () => ({ instances, allFrozen: null, log: null }) } }),
    ).toBe(`$ aios ps
\u001b[2mINSTANCE            \u001b[0m\u001b[2mAGENT    \u001b[0m\u001b[2mSTATE     \u001b[0m\u001b[2mAGE   \u001b[0m\u001b[2mDONE  \u001b[0m\u001b[2mDENIED  \u001b[0m\u001b[2mHELD  \u001b[0m\u001b[2mLABELS             \u001b[0m\u001b[2mWHY\u001b[0m
i-0123456789abcdef  notes    \u001b[32mrunning   \u001b[0m65 s  12    0       \u001b[33m1     \u001b[0muntrusted,private  -
i-fedcba9876543210  crawler  \u001b[31mterminal  \u001b[0m2 h   3     1       0     -                  control-verb
`);
  });
});
