import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { COMMAND_GROUPS } from "../../src/cli/catalogue.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { FAILURES } from "../../src/cli/failure.ts";
import { FAMILIES } from "../../src/cli/families.ts";

const page = readFileSync(new URL("../../docs/commands.md", import.meta.url), "utf8");

/** The rows of a table whose first cell matches, as trimmed cells. */
function rows(first: RegExp): readonly (readonly string[])[] {
  return page
    .split("\n")
    .filter((row) => row.startsWith("|"))
    .map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([cell = ""]) => first.test(cell));
}

test("the page lists every exit code, and no other", () => {
  expect(rows(/^\d+$/u).map(([code, name]) => [name, Number(code)])).toEqual(Object.entries(EXIT));
});

test("the exit codes are pinned", () => {
  expect(EXIT).toEqual({
    ok: 0,
    no: 1,
    usage: 2,
    setup: 3,
    monitor: 4,
    terminal: 5,
    stopped: 6,
    fault: 70,
    unusable: 126,
    absent: 127,
    interrupted: 130,
  });
});

test("the page lists every failure with its exit code, and no other", () => {
  const listed = rows(/^`[a-z-]+`$/u).map(([code = "", exit]) => [code.replaceAll("`", ""), Number(exit)]);
  expect(listed).toEqual(Object.entries(FAILURES).map(([code, name]) => [code, EXIT[name]]));
});

test("the page lists every command with its summary", () => {
  const listed = rows(/^`aios /u).map(([command = "", summary]) => [command.replaceAll("`", ""), summary]);
  const commands = COMMAND_GROUPS.flatMap((group) => group.commands);
  const usage = commands.map((command) => [
    "aios",
    ...command.path,
    ...command.positionals.map((positional) => (positional.required ? positional.name : `[${positional.name}]`)),
    ...(command.rest === null ? [] : [`-- ${command.rest}`]),
  ]);
  expect(listed).toEqual(commands.map((command, index) => [usage[index]?.join(" "), command.summary]));
});

test("no help is wider than 80 columns but for examples", async () => {
  const { showHelp, showOverview } = await import("../../src/cli/help.ts");
  const pages = [showOverview(COMMAND_GROUPS), ...COMMAND_GROUPS.flatMap((group) => group.commands.map(showHelp))];
  const lines = pages.flatMap((shown) => shown.split("\n")).filter((line) => !line.startsWith("  aios "));
  expect(lines.filter((line) => Array.from(line).length > 80)).toEqual([]);
});

test("a word loads exactly the commands of the overview that begin with it", async () => {
  const commands = COMMAND_GROUPS.flatMap((group) => group.commands);
  expect([...FAMILIES.keys()]).toEqual([...new Set(commands.map((command) => command.path[0]))]);
  for (const [word, load] of FAMILIES) {
    const family = await load();
    expect(family).toEqual(commands.filter((command) => command.path[0] === word));
  }
});
