import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { appendToml, removeToml } from "./toml-edit.ts";

describe("taking a table out of a TOML text", () => {
  test("leaves every other character as it is, whatever form the table has", () => {
    const text = [
      '# mine\nmodel = "o3" # best\nlist = [\n  "[mcp_servers.no]", # [mcp_servers.no]\n]\n\n',
      "[mcp_servers.a]\ncommand = 'x'\n# a note of a\nargs = [\n  \"]\",\n]\n",
      '\n# about b\n["mcp_servers"."b.c".env]\nK = """\n[history]\n"""\n',
      "\n[history]\nmcp_servers = 1\npersistence = 'none'\n",
      "\n[[mcp_servers.d]]\nx = 1\n[profiles.mcp_servers]\ny = { mcp_servers = 2 }\n",
    ].join("");
    expect(removeToml(text, "mcp_servers")).toBe(
      '# mine\nmodel = "o3" # best\nlist = [\n  "[mcp_servers.no]", # [mcp_servers.no]\n]\n\n\n# about b\n' +
        "\n[history]\nmcp_servers = 1\npersistence = 'none'\n\n[profiles.mcp_servers]\ny = { mcp_servers = 2 }\n",
    );
  });

  test("takes dotted and inline ones too, at the top only", () => {
    const text = 'a = 1\nmcp_servers.x.command = "y"\nmcp_servers.x.args = []\nb = 2\n[t]\nmcp_servers = {}\n';
    expect(removeToml(text, "mcp_servers")).toBe("a = 1\nb = 2\n[t]\nmcp_servers = {}\n");
    expect(removeToml('mcp_servers = { a = { command = "}" } }\r\nb = 2', "mcp_servers")).toBe("b = 2");
  });
});

test("a table comes at the end, in the ends of lines that the text has, and reads back", () => {
  const face = { command: 'a "b"\\c', args: ["mcp", "ü"] };
  for (const [text, before] of [
    ["", ""],
    ["a = 1", "a = 1\n\n"],
    ["a = 1\n", "a = 1\n\n"],
    ["a = 1\n\n", "a = 1\n\n"],
  ] as const) {
    const put = appendToml(text, ["mcp_servers", "aios"], face);
    expect(put.startsWith(`${before}[mcp_servers.aios]\n`)).toBe(true);
    expect(parse(put)).toMatchObject({ mcp_servers: { aios: face } });
  }
  expect(appendToml("a = 1\r\n", ["t"], { command: "x" })).toBe('a = 1\r\n\r\n[t]\r\ncommand = "x"\r\n');
});
