import { GIT_DRIVER } from "../kernel/git-ssh.ts";
import { INSTANCE_ID } from "../kernel/names.ts";
import { NET_DRIVER } from "../kernel/net.ts";
import { isSource } from "../kernel/source-names.ts";

const NUMBER = /^(?:0|[1-9][0-9]{0,15})$/u;
const ADDRESS = /^(?:[a-z]+:\/\/)?(?<host>[A-Za-z0-9.-]+)(?::[0-9]+)?(?:\/.*)?$/u;
/** How an agent sees a tool of a server. */
const SEEN = /^(?<driver>[a-z0-9-]+)__(?<tool>.+)$/u;

/** What somebody may have meant who named something that is no source: by what, and its value; null where nothing is near. */
export function meantBy(
  named: string,
): { readonly by: "source" | "instance" | "entry"; readonly value: string } | null {
  const text = named.trim();
  const number = text.replace(/^entr(?:y|ies)[: ]/u, "");
  if (NUMBER.test(number)) return { by: "entry", value: number };
  const id = text.replace(/^instance[: ]/u, "");
  if (INSTANCE_ID.test(id)) return { by: "instance", value: id };
  const { driver, tool } = SEEN.exec(text)?.groups ?? {};
  const [first = "", ...rest] = text.split(/\s+/u);
  const isOfHost = first.startsWith(`${NET_DRIVER}/`) || first.startsWith(`${GIT_DRIVER}/`);
  const host = ADDRESS.exec(isOfHost ? rest.join("") : text)?.groups?.["host"]?.toLowerCase();
  const candidates = [
    text,
    ...(driver === undefined || tool === undefined ? [] : [`${driver}/${tool}`]),
    // A name without a dot may be a driver as well.
    ...(host?.includes(".") === true ? [`${isOfHost ? first : `${NET_DRIVER}/fetch`} ${host}`] : []),
  ];
  const value = candidates.find((each) => each !== named && isSource(each));
  return value === undefined ? null : { by: "source", value };
}
