import type { Action } from "../kernel/action.ts";
import { decodeGitCall, GIT_DRIVER, gitOrigin, isNothing, type GitPush } from "../kernel/git-ssh.ts";
import { decodeNetCall, NET_DRIVER, type NetBody, type NetCall } from "../kernel/net.ts";

/**
 * What an action of a built-in device would do in the world, in words, from its arguments alone; null for a tool of a
 * server, of which AIOS knows no more than its arguments. Not yet visible text.
 */
export function describeEffect(action: Action): readonly string[] | null {
  if (action.verb !== "call") return null;
  if (action.driver === NET_DRIVER) {
    const call = decodeNetCall(action.name, action.arguments);
    return call.kind === "ok" ? describeCall(call.value) : null;
  }
  if (action.driver !== GIT_DRIVER) return null;
  const call = decodeGitCall(action.name, action.arguments);
  return call.kind === "ok" && call.value.tool === "push" ? describePush(call.value) : null;
}

function describeCall(call: NetCall): readonly string[] {
  if (call.tool === "connect") return [`opens a tunnel to ${call.host}:${call.port}; nobody sees what goes through it`];
  if (call.tool === "forward")
    return [`connects port ${call.inside} inside to ${call.host}:${call.port}; nobody sees what goes through it`];
  const { method, scheme, host, port, target } = call;
  const usual = port === (scheme === "https" ? 443 : 80);
  const place = `${scheme}://${host}${usual ? "" : `:${port}`}${target}`;
  const clear =
    scheme === "http" && host !== "localhost" ? ["in clear: everybody on the way reads and may change it"] : [];
  return [`${method} ${place}`, describeBody(call.body), ...(call.upgrade ? ["becomes a WebSocket"] : []), ...clear];
}

function describeBody(body: NetBody): string {
  switch (body.kind) {
    case "none":
      return "without a body";
    case "text":
      return `with a body of ${body.text.length} characters, in full below`;
    case "base64":
      return `with a body of about ${Math.floor((body.base64.length * 3) / 4)} bytes, in full below as base64`;
    case "stream":
      return "with a body that is not shown";
    default:
      return body satisfies never;
  }
}

function describePush(push: GitPush): readonly string[] {
  return [
    `pushes to ${gitOrigin(push)}${push.path}`,
    ...push.updates.map(({ ref, old: before, new: after }) => {
      if (isNothing(after)) return `removes ${ref}, which is at ${before}`;
      return isNothing(before) ? `makes ${ref} at ${after}` : `moves ${ref} from ${before} to ${after}`;
    }),
  ];
}
