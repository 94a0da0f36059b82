import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { randomBytes } from "node:crypto";

/** A scripted login server with an API beside it, both on loopback, and all that reached them. */
export interface OAuthServer {
  readonly port: number;
  readonly endpoint: string;
  /** Bodies that its token endpoint got. */
  readonly asked: readonly string[];
  /** `authorization` of each request to its API. */
  readonly called: readonly string[];
  /** Every token that it ever gave out, in pairs. */
  readonly given: readonly { readonly access: string; readonly refresh: string }[];
  /** The pair that is good now; refresh tokens are used once. */
  good: { access: string; refresh: string };
  /** How its token endpoint behaves. */
  mode: Mode;
  /** Whether its API refuses whatever it gets. */
  refuses: boolean;
  /** Seconds that new access tokens last. */
  lasts: number | null;
  close(): void;
}

export type Mode = "honest" | "slow" | "silent" | "malformed" | "huge" | "busy" | { readonly redirect: string };

/** Tokens as they look at providers; the characters are those that URLs and JSON write in other ways. */
export function makeTokens(): { access: string; refresh: string } {
  return {
    access: `oat-${randomBytes(18).toString("hex")}+/=Za`,
    refresh: `ort-${randomBytes(18).toString("hex")}+/=Zr`,
  };
}

export async function startOAuthServer(): Promise<OAuthServer> {
  const asked: string[] = [];
  const called: string[] = [];
  const given: { access: string; refresh: string }[] = [];
  /** An answer of /v1/open, which ends when the next request is there. */
  let open: ServerResponse | null = null;
  const answer = (request: IncomingMessage, response: ServerResponse, body: string): void => {
    if (request.url === "/oauth/token") return token(response, body);
    const credential = request.headers.authorization ?? "none";
    called.push(credential);
    const good = credential === `Bearer ${self.good.access}` && !self.refuses;
    // It tells back what it got, and its refresh token besides.
    response.writeHead(good ? 200 : 401, { "x-echo": credential });
    const text = `${good ? "welcome" : "who are you"} ${credential} and ${self.good.refresh}`;
    open?.end();
    open = null;
    if (request.url !== "/v1/open") return void response.end(text);
    response.write(text);
    open = response;
  };
  const token = (response: ServerResponse, body: string): void => {
    asked.push(body);
    const { mode } = self;
    if (typeof mode === "object") return void response.writeHead(307, { location: mode.redirect }).end();
    if (mode === "silent") return void response.destroy();
    if (mode === "malformed") return void response.end(`{"access_token": "${self.good.access}`);
    if (mode === "huge") return void response.end(JSON.stringify({ access_token: "x".repeat(200_000) }));
    if (mode === "busy") return void response.writeHead(503).end(`try later, ${self.good.refresh}`);
    const sent = new URLSearchParams(body);
    if (sent.get("refresh_token") !== self.good.refresh || sent.get("client_id") !== "a-client")
      return void response.writeHead(400).end(`{"error":"invalid_grant","error_description":"${body}"}`);
    self.good = makeTokens();
    given.push(self.good);
    const { access, refresh } = self.good;
    const lasts = self.lasts === null ? {} : { expires_in: self.lasts };
    const text = JSON.stringify({
      access_token: access,
      refresh_token: refresh,
      token_type: "Bearer",
      ...lasts,
      more: 1,
    });
    setTimeout(() => response.end(text), mode === "slow" ? 1500 : 0);
  };
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const self: OAuthServer = {
    port,
    endpoint: `http://localhost:${port}/oauth/token`,
    asked,
    called,
    given,
    good: makeTokens(),
    mode: "honest",
    refuses: false,
    lasts: 3600,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  given.push(self.good);
  return self;
}
