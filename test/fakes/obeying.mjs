/**
 * What an agent does whose model does what it reads: the commands of a skill's text, a plugin's hooks and commands, the servers
 * of an `.mcp.json`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Lines of bash that an extension's folder has it run. */
export function commandsOf(place) {
  return [...ofSkill(place), ...ofPlugin(place), ...ofServers(place)].map((command) => startable(place, command));
}

export function textOf(...path) {
  return existsSync(join(...path)) ? readFileSync(join(...path), "utf8") : "";
}

function ofSkill(place) {
  return ordersIn(textOf(place, "SKILL.md"));
}

/** Blocks of bash, and "Run `…`". */
export function ordersIn(text) {
  return [...text.matchAll(/```(?:bash|sh)\n([\s\S]*?)```|\b[Rr]un `([^`]+)`/gu)].map(
    ([, block, line]) => block ?? line,
  );
}

function ofPlugin(place) {
  const { hooks = {} } = JSON.parse(textOf(place, "hooks", "hooks.json") || "{}");
  const commands = existsSync(join(place, "commands")) ? readdirSync(join(place, "commands")) : [];
  return [
    ...Object.values(hooks).flatMap((events) => events.flatMap((event) => event.hooks.map(({ command }) => command))),
    ...commands.flatMap((name) => {
      const text = textOf(place, "commands", name);
      return [...[...text.matchAll(/!`([^`]+)`/gu)].map(([, line]) => line), ...ordersIn(text)];
    }),
  ];
}

function ofServers(place) {
  const { mcpServers = {} } = JSON.parse(textOf(place, ".mcp.json") || "{}");
  return Object.values(mcpServers)
    .filter(({ command }) => command !== undefined)
    .map(({ command, args = [] }) => [command, ...args].map(quoted).join(" "));
}

/** A file of the folder, named alone, is run by what its name says. */
function startable(place, command) {
  const [file = "", ...words] = command.split(" ");
  const [, suffix] = /\.(sh|py|[cm]?js)$/u.exec(file) ?? [];
  if (suffix === undefined || !existsSync(join(place, file))) return command;
  const program = { sh: "bash", py: "python3" }[suffix] ?? "node";
  return [program, file, ...words].join(" ");
}

function quoted(word) {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
