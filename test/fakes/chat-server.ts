import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** Something that reached a chat service: which bot said what to whom. */
export interface Said {
  readonly service: "telegram" | "slack";
  readonly token: string;
  readonly api: string;
  readonly to: string;
  readonly text: string;
}

/**
 * The Bot API of Telegram and the Web API of Slack on loopback, in their wire formats, as lenient as such services are: methods
 * in any letters, parameters from query and body, forms, JSON and parts, and of two recipients the later one.
 */
export interface ChatServer {
  readonly port: number;
  readonly said: Said[];
  /** What `getUpdates` hands out, each once. */
  readonly updates: object[];
  /** Every call, with those that say nothing. */
  readonly calls: { readonly token: string; readonly api: string; readonly parameters: Parameters }[];
  close(): void;
}

/** Each as text, JSON where it was none. */
type Parameters = ReadonlyMap<string, string>;

/** Starts it. `token`: of the one bot that it knows by heart; others are somebody else's, and work as well. */
export async function startChatServer(): Promise<ChatServer> {
  const [said, updates, calls]: [Said[], object[], ChatServer["calls"]] = [[], [], []];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://service");
      const parameters = parametersOf(request, url, Buffer.concat(chunks).toString("latin1"));
      const [, bot, method] = /^\/bot([^/]+)\/(\w+)$/.exec(url.pathname) ?? [];
      const [, web] = /^\/api\/([\w.]+)$/.exec(url.pathname) ?? [];
      const api = (method ?? web ?? "").toLowerCase();
      const key = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
      const token = bot ?? parameters.get("token") ?? key ?? "none";
      calls.push({ token, api, parameters });
      const to = parameters.get(bot === undefined ? "channel" : "chat_id");
      const text = ["text", "caption", "document", "url"]
        .map((name) => parameters.get(name))
        .find((each) => each !== undefined);
      const writes = /^(?:send(?!chataction)|edit|forward|copy|setwebhook|chat\.)/.test(api);
      if (writes) {
        const whom = to ?? (api === "setwebhook" ? parameters.get("url") : undefined);
        said.push({
          service: bot === undefined ? "slack" : "telegram",
          token,
          api,
          to: whom ?? "nobody",
          text: text ?? "",
        });
      }
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ ok: true, ...answer(api, { to, text, updates }) }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { port, said, updates, calls, close };
}

function answer(
  api: string,
  { to, text, updates }: { readonly to: unknown; readonly text: unknown; readonly updates: object[] },
): object {
  if (api === "getme")
    return { result: { id: 42, is_bot: true, first_name: "Bot", username: "aios_test_bot", can_join_groups: true } };
  if (api === "getupdates") return { result: updates.splice(0) };
  if (api === "getmycommands") return { result: [] };
  if (api.startsWith("send") && api !== "sendchataction")
    return { result: { message_id: 7, date: 1_800_000_000, chat: { id: Number(to), type: "private" }, text } };
  return { result: true };
}

function parametersOf(request: IncomingMessage, url: URL, body: string): Parameters {
  const found = new Map<string, string>(url.searchParams);
  const type = request.headers["content-type"] ?? "";
  const [, boundary] = /boundary="?([^";]+)/.exec(type) ?? [];
  if (boundary !== undefined) {
    for (const part of body.split(new RegExp(`\r?\n?--${boundary}[^\r\n]*\r?\n?`))) {
      const [, name] = /name="?([^";\r\n]+)/i.exec(part) ?? [];
      if (name !== undefined)
        found.set(
          name,
          part
            .split(/\r?\n\r?\n/)
            .slice(1)
            .join("\n\n"),
        );
    }
  } else if (type.includes("json")) {
    try {
      for (const [name, value] of Object.entries(JSON.parse(body) as object))
        found.set(name, typeof value === "string" ? value : JSON.stringify(value));
    } catch {
      return found;
    }
  } else for (const [name, value] of new URLSearchParams(body)) found.set(name, value);
  return found;
}
