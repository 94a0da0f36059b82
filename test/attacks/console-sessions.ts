import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { Role } from "../../src/kernel/owner-roles.ts";
import { challengeOf, SIGN_IN_TYPE } from "../../src/protocol/passkey.ts";
import type { Authenticator } from "../fakes/authenticator.ts";
import type { Substrate } from "../e2e/substrate.ts";

type Halves = Readonly<Record<string, string>>;

/** As a browser does, without one. */
async function post(origin: string, path: string, body: object, headers: Halves = {}): Promise<IncomingMessage> {
  const { host, port } = new URL(origin);
  const sent = request({ host: "127.0.0.1", port, method: "POST", path, headers: { host, origin, ...headers } });
  sent.end(JSON.stringify(body));
  const [response]: IncomingMessage[] = await once(sent, "response");
  if (response === undefined) throw new Error("nothing was answered");
  return response;
}

/** A removed owner who still has a page open. */
export function describeConsoleSessions(parts: {
  aios(): Substrate;
  enrolPasskey(name: string, roles: readonly Role[]): Promise<[Authenticator, string]>;
}): void {
  describe("a session of the console", () => {
    async function signIn(origin: string, [made, key]: [Authenticator, string]): Promise<Halves> {
      const opened = await post(origin, "/door/sign-in-open", {});
      const asked = JSON.parse(await text(opened)) as { text: string };
      const assertion = made.assert(challengeOf(SIGN_IN_TYPE, asked.text), { origin });
      const entered = await post(origin, "/door/sign-in", { text: asked.text, key, ...assertion });
      const [cookie = ""] = entered.headers["set-cookie"] ?? [];
      const { half } = JSON.parse(await text(entered)) as { half: string };
      return { cookie: cookie.split(";")[0] ?? "", "x-aios-half": half };
    }

    test("attack: of an owner who is removed ends at once, with its stream of events; twin: another's goes on", async () => {
      const { client, sign } = parts.aios();
      const [leaver, stayer] = [
        await parts.enrolPasskey("leaves", ["approve"]),
        await parts.enrolPasskey("stays", ["approve"]),
      ];
      const { origin } = await client.request("console-open", {});
      const [hers, his] = [await signIn(origin, leaver), await signIn(origin, stayer)];
      const look = async (halves: Halves, path = "/ask/ps"): Promise<number | undefined> => {
        const response = await post(origin, path, path === "/ask/ps" ? { all: false } : { instance: null }, halves);
        response.resume();
        return response.statusCode;
      };
      expect([await look(hers), await look(his)]).toEqual([200, 200]);
      const watched = await post(origin, "/watch", {}, hers);
      // It is cut, not ended: an error for whoever reads it.
      const over = new Promise(
        (resolve) =>
          void watched
            .on("error", () => {})
            .on("close", resolve)
            .resume(),
      );
      await sign("remove-owner", { owner: leaver[1] });
      await over;
      expect([await look(hers), await look(hers, "/ask/freeze"), await look(his)]).toEqual([401, 401, 200]);
      expect((await client.request("ps", { all: false })).allFrozen).toBeNull();
      await client.request("console-close", {});
    });
  });
}
