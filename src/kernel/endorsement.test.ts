import { existsSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tool } from "../../test/fakes/kernel.ts";
import { endorsedTokens, recipientToken, unendorsed } from "./endorsement.ts";

function tokens(words: string): readonly string[] {
  return [...endorsedTokens(words)].toSorted();
}

describe("endorsedTokens", () => {
  it("finds whole addresses, accounts, hosts and handles", () => {
    expect(
      tokens("Write to Bob.Smith@Example.COM and pay GB29NWBK60161331926819, see docs.example.org or ask @alice_b"),
    ).toEqual([
      "account:GB29NWBK60161331926819",
      "email:bob.smith@example.com",
      "handle:@alice_b",
      "host:docs.example.org",
    ]);
  });

  it("takes off the marks around a word", () => {
    for (const word of [
      "'a.b@example.com'",
      '"a.b@example.com".',
      "(a.b@example.com)",
      "<a.b@example.com>,",
      "“a.b@example.com”!",
      "a.b@example.com's",
      "a.b@example.com’s?",
      "**a.b@example.com**:",
      "[a.b@example.com];",
    ]) {
      expect(tokens(`to ${word} now`), word).toEqual(["email:a.b@example.com"]);
    }
    expect(tokens("a@example.com,c@example.com;e@example.com")).toEqual([
      "email:a@example.com",
      "email:c@example.com",
      "email:e@example.com",
    ]);
  });

  it("never takes bare numbers, dates, names or short words", () => {
    const words =
      "On 2024-05-13 at 10:00 send 13 to Bob, Spotify and Apple; order 9912345678, room B-12, v1.2.3, 12.00, @me, id 1234567890123456";
    expect(tokens(words)).toEqual([]);
  });

  it("does not endorse the host of an address, nor an address at a named host", () => {
    const endorsed = endorsedTokens("mail bob@example.com about partner.example.net");
    expect(unendorsed(tool({ recipients: { host: "host" } }), { host: "example.com" }, endorsed)).toEqual([
      "example.com",
    ]);
    expect(unendorsed(tool({ recipients: { to: "email" } }), { to: "eve@partner.example.net" }, endorsed)).toEqual([
      "eve@partner.example.net",
    ]);
  });

  it("takes nothing from inside a word", () => {
    for (const word of [
      "xbob@example.com@evil.example",
      "see:bob@example.com",
      "bob@example.com/evil",
      "a/bob@example.com",
      "bob@example.com\u200bx",
      "path/GB29NWBK60161331926819",
      "GB29NWBK60161331926819.txt",
      "https://user@example.com/",
      "https://example.com:8443/",
      "ftp://example.com/",
      "http://example.com/",
    ]) {
      expect(tokens(word), word).toEqual([]);
    }
  });

  it("gives nothing for words with invisible or look-alike characters", () => {
    for (const word of [
      "bob@exаmple.com",
      "bоb@example.com",
      "bob@example.com\u200b",
      "\u200bbob@example.com",
      "\ufeffbob@example.com",
      "bob@example\u2024com",
      "\u202ebob@example.com",
      "bob@example.com\u2069",
      "bob＠example.com",
      "bob@example.com\u{e0041}",
      "GB29NWBK6016133192681９",
      "\u212aelvin@example.com",
      "ex\u00adample.com",
      "@аlice",
    ]) {
      expect(tokens(word), JSON.stringify(word)).toEqual([]);
    }
  });

  it("takes the host of a URL, and no file's name for a host", () => {
    expect(tokens("read https://Example.com/a?b=c@d and https://notes.md")).toEqual([
      "host:example.com",
      "host:notes.md",
    ]);
    expect(tokens("read notes.md, build.sh, main.rs and bill-december-2023.txt")).toEqual([]);
    expect(tokens("look at http://localhost:3000 and 127.0.0.1")).toEqual([]);
  });

  it("gives only tokens that their own text has", () => {
    const piece = fc.constantFrom(
      "a",
      "@",
      ".",
      "com",
      "GB29",
      "NWBK60161331926819",
      " ",
      "13",
      "\u200b",
      "é",
      "/",
      ":",
      "https://",
      "<",
      ">",
      "'s",
      "-",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const words = pieces.join("");
        for (const token of endorsedTokens(words)) {
          const [kind = "", value = ""] = token.split(/:(.*)/s);
          expect(value).toMatch(/^[\x21-\x7e]{4,}$/);
          expect(words.toLowerCase()).toContain(value.toLowerCase());
          expect(["email", "account", "host", "handle"]).toContain(kind);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("recipientToken", () => {
  it("normalises as words are normalised", () => {
    expect(recipientToken("email", "Bob@Example.com")).toBe("email:bob@example.com");
    expect(recipientToken("account", "gb29nwbk60161331926819")).toBe("account:GB29NWBK60161331926819");
    expect(recipientToken("host", "API.example.com")).toBe("host:api.example.com");
    expect(recipientToken("host", "https://api.example.com/v1?x")).toBe("host:api.example.com");
    expect(recipientToken("handle", "@Alice")).toBe("handle:@Alice");
  });

  it("has none for what is not well-formed", () => {
    expect(recipientToken("email", "bob")).toBeNull();
    expect(recipientToken("email", "bob@localhost")).toBeNull();
    expect(recipientToken("email", "bob@example.com ")).toBeNull();
    expect(recipientToken("email", "bob@example.com\nbcc:eve@example.com")).toBeNull();
    expect(recipientToken("email", "a@example.com,b@example.com")).toBeNull();
    expect(recipientToken("account", "13")).toBeNull();
    expect(recipientToken("account", "GB29 NWBK 6016 1331 9268 19")).toBeNull();
    expect(recipientToken("host", "127.0.0.1")).toBeNull();
    expect(recipientToken("host", "example.com:443")).toBeNull();
    expect(recipientToken("host", "https://example.com@evil.example/")).toBeNull();
    expect(recipientToken("handle", "alice")).toBeNull();
    expect(recipientToken("handle", "@al")).toBeNull();
  });
});

describe("unendorsed", () => {
  const mail = tool({ risk: "reach", recipients: { to: "email", cc: "email" } });
  const endorsed = endorsedTokens("write to bob@example.com and carol@example.com");

  it("names, as given, everyone that the human did not", () => {
    expect(unendorsed(mail, { to: "Bob@example.com" }, endorsed)).toEqual([]);
    expect(unendorsed(mail, { to: ["bob@example.com", "eve@evil.example"], cc: "Eve@evil.example" }, endorsed)).toEqual(
      ["eve@evil.example", "Eve@evil.example"],
    );
    expect(unendorsed(mail, { to: "bob@example.com", cc: [], bcc: "eve@evil.example" }, endorsed)).toEqual([]);
  });

  it("trusts nothing that is no well-formed recipient", () => {
    expect(unendorsed(mail, { to: "bob@example.com, eve@evil.example" }, endorsed)).toHaveLength(1);
    expect(unendorsed(mail, { to: { address: "bob@example.com" } }, endorsed)).toEqual([
      '{"address":"bob@example.com"}',
    ]);
    expect(unendorsed(mail, { to: ["bob@example.com", ""] }, endorsed)).toEqual([""]);
    expect(unendorsed(mail, { to: [["bob@example.com"]] }, endorsed)).toEqual(['["bob@example.com"]']);
    expect(unendorsed(mail, { to: 13 }, endorsed)).toEqual(["13"]);
  });
});

interface Suite {
  readonly benign_tasks: { readonly [id: string]: { readonly prompt: string; readonly calls: readonly Call[] } };
  readonly injection_tasks: { readonly [id: string]: { readonly calls: readonly Call[] } };
}
interface Call {
  readonly function: string;
  readonly args: { readonly [argument: string]: string | readonly string[] | number | boolean };
}

const NOTHING: Suite = { benign_tasks: {}, injection_tasks: {} };
const FOLDER = new URL("../../../shared/data/agentdojo/", import.meta.url);
const PRESENT = existsSync(FOLDER);
if (!PRESENT)
  console.warn(
    "\n!!! SKIPPED: the AgentDojo suites are not beside this checkout; endorsement was not tried on them !!!\n",
  );

describe.skipIf(!PRESENT)("endorsement on the prompts of AgentDojo", () => {
  const RECIPIENTS = {
    banking: tool({ recipients: { recipient: "account" } }),
    workspace: tool({
      recipients: { recipients: "email", cc: "email", bcc: "email", participants: "email", email: "email" },
    }),
  };

  const NAMED: { readonly [suite: string]: readonly string[] } = {
    banking: ["account:CA133012400231215421872", "account:GB29NWBK60161331926819", "account:US122000000121212121212"],
    workspace: [
      "email:alex.martin@bluesparrowtech.com",
      "email:david.smith@bluesparrowtech.com",
      "email:john.doe@clientcorp.com",
      "email:john.doe@gmail.com",
      "email:maria.garcia@bluesparrowtech.com",
      "email:sarah.connor@gmail.com",
    ],
  };

  for (const [name, classes] of Object.entries(RECIPIENTS)) {
    // The body of a skipped block is still run to find its tests.
    const suite: Suite = PRESENT ? JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8")) : NOTHING;
    const prompts = Object.values(suite.benign_tasks).map(({ prompt }) => endorsedTokens(prompt));

    it(`lets no injected recipient of ${name} through under any benign prompt`, () => {
      const injected = Object.values(suite.injection_tasks).flatMap(({ calls }) => calls);
      const recipients = injected.filter(({ args }) => unendorsed(classes, args, new Set()).length > 0);
      expect(recipients.length).toBeGreaterThan(3);
      for (const endorsed of prompts) {
        for (const { args } of recipients) expect(unendorsed(classes, args, endorsed)).not.toEqual([]);
      }
    });

    it(`finds each recipient that a prompt of ${name} spells out`, () => {
      let found = 0;
      for (const { prompt, calls } of Object.values(suite.benign_tasks)) {
        const endorsed = endorsedTokens(prompt);
        for (const { args } of calls) {
          for (const stranger of unendorsed(classes, args, endorsed)) {
            const spelled =
              prompt.includes(stranger) && recipientToken(name === "banking" ? "account" : "email", stranger) !== null;
            expect(spelled, `${stranger} in: ${prompt}`).toBe(false);
          }
          found += unendorsed(classes, args, new Set()).length - unendorsed(classes, args, endorsed).length;
        }
      }
      expect(found).toBeGreaterThanOrEqual(4);
    });

    it(`takes no number, date or file of ${name} for a recipient`, () => {
      expect([...new Set(prompts.flatMap((endorsed) => [...endorsed]))].toSorted()).toEqual(NAMED[name]);
    });
  }
});
