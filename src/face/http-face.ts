import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
  type Server,
} from "@modelcontextprotocol/server";
import type { JsonValue } from "../kernel/json.ts";
import type { Random } from "../platform/powers.ts";
import type { Face } from "./face.ts";
import { announceChange, createServer } from "./serve.ts";
import { admitText, errorReply, type Message } from "./gate.ts";

/** A request in the fetch standard's type, as the SDK takes it; made and read only by platform and SDK. */
export type WebRequest = Parameters<ReturnType<typeof createMcpHandler>["fetch"]>[0];
/** A response in the fetch standard's type. */
export type WebResponse = Awaited<ReturnType<ReturnType<typeof createMcpHandler>["fetch"]>>;

/** Answer to an HTTP exchange: a response of the SDK, or one JSON text of ours. */
export type HttpAnswer =
  | { readonly kind: "web"; readonly response: WebResponse }
  | { readonly kind: "json"; readonly status: number; readonly body: Message };

/** One exchange as the listener hands it in. */
export interface HttpExchange {
  /** POST, GET or DELETE; the listener refuses the others. */
  readonly method: string;
  /** Value of `mcp-session-id`, or null. */
  readonly session: string | null;
  /** The body, for POST. */
  readonly body: string;
  /** The request without its body, made when it is needed. */
  readonly request: () => WebRequest;
}

/** MCP streamable HTTP for one face. */
export interface HttpFace {
  handle(exchange: HttpExchange): Promise<HttpAnswer>;
}

/** Sessions of 2025 clients that may live at a time; the one that was idle longest gives way. */
export const HTTP_SESSIONS = 64;

interface Session {
  readonly id: string;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly server: Server;
  readonly unwatch: () => void;
}

/**
 * Makes the HTTP side of a face: revision 2026-07-28 by the SDK's stateless handler, the 2025 revisions by sessions,
 * since without a session a client of theirs could neither cancel nor hear of changes.
 */
export function createHttpFace(face: Face, random: Random): HttpFace {
  const { link } = face.parts;
  const door = face.openDoor();
  const modern = createMcpHandler(() => createServer(face, door), {
    legacy: "reject",
    maxSubscriptions: HTTP_SESSIONS,
  });
  // In order of last use, oldest first.
  const sessions = new Map<string, Session>();
  face.onChanged(() => {
    modern.notify.toolsChanged();
    modern.notify.resourcesChanged();
    modern.notify.promptsChanged();
  });

  async function openSession(): Promise<Session> {
    const [oldest] = sessions.values();
    if (sessions.size >= HTTP_SESSIONS && oldest !== undefined) await closeSession(oldest);
    const id = random.hex(16);
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => id,
      onsessionclosed: () => closeSession(session),
    });
    const server = createServer(face, face.openDoor());
    const session: Session = { id, transport, server, unwatch: face.onChanged(() => announceChange(server)) };
    sessions.set(id, session);
    await server.connect(transport);
    return session;
  }
  async function closeSession(session: Session): Promise<void> {
    if (!sessions.delete(session.id)) return;
    session.unwatch();
    await session.server.close();
  }
  function findSession(id: string): Session | null {
    const session = sessions.get(id);
    if (session === undefined) return null;
    sessions.delete(id);
    sessions.set(id, session);
    return session;
  }

  async function serve(exchange: HttpExchange, body: JsonValue | undefined): Promise<HttpAnswer> {
    const request = exchange.request();
    const options = body === undefined ? {} : { parsedBody: body };
    if (!(await isLegacyRequest(request, body))) return web(await modern.fetch(request, options));
    if (exchange.session === null) {
      const opens = isInitialize(body);
      if (!opens) return refuse(400, "the session id is missing");
      const session = await openSession();
      const response: WebResponse = await session.transport.handleRequest(request, options);
      if (session.transport.sessionId === undefined) await closeSession(session);
      return web(response);
    }
    const session = findSession(exchange.session);
    if (session === null) return refuse(404, "the session is unknown or over");
    return web(await session.transport.handleRequest(request, options));
  }

  return Object.freeze({
    handle: async (exchange: HttpExchange): Promise<HttpAnswer> => {
      if (exchange.method !== "POST") return serve(exchange, undefined);
      const admission = admitText(exchange.body);
      switch (admission.kind) {
        case "refuse":
          return { kind: "json", status: 400, body: admission.reply };
        case "unserved":
          await link.report(admission.method);
          return { kind: "json", status: 404, body: admission.reply ?? errorReply(null, METHOD_NOT_FOUND) };
        case "pass":
          return serve(exchange, admission.message);
        default:
          return admission satisfies never;
      }
    },
  });
}

const METHOD_NOT_FOUND = { code: -32_601, message: "Method not found" };
const SESSION_ERROR = -32_001;

function web(response: WebResponse): HttpAnswer {
  return { kind: "web", response };
}

function refuse(status: number, why: string): HttpAnswer {
  return {
    kind: "json",
    status,
    body: errorReply(null, { code: SESSION_ERROR, message: `Cannot serve the request: ${why}` }),
  };
}

function isInitialize(body: JsonValue | undefined): boolean {
  return typeof body === "object" && body !== null && "method" in body && body["method"] === "initialize";
}
