import { boolean, jsonObject, list, nullable, object, text, type Decoder, type Fields } from "./decode.ts";
import type { Offer, OfferedPrompt, OfferedResource, OfferedTool } from "./requests.ts";

/** Bounds on what a server may offer. A driver leaves out or cuts what is over them, or is ended for sending it. */
export const OFFER_BOUNDS: {
  readonly tools: number;
  readonly resources: number;
  readonly prompts: number;
  readonly promptArguments: number;
  readonly name: number;
  readonly uri: number;
  readonly title: number;
  readonly description: number;
} = Object.freeze({
  tools: 512,
  resources: 4096,
  prompts: 512,
  promptArguments: 64,
  name: 128,
  uri: 1024,
  title: 256,
  description: 16_384,
});

/** Name of a tool (MCP 2025-11-25, section Tools): nothing that looks like something else (shadowing by look-alikes). */
export const TOOL_NAME: RegExp = /^[A-Za-z0-9_./-]{1,128}$/;
/** Name of a prompt, as grants write it. */
export const PROMPT_NAME: RegExp = /^[!-~](?:[ -~]{0,126}[!-~])?$/;
/** URI of a resource, or a template of such: printable ASCII without spaces. */
export const RESOURCE_URI: RegExp = /^[!-~]{1,1024}$/;

const bounds = OFFER_BOUNDS;
const words = text({ max: bounds.title });
const description = nullable(text({ max: bounds.description }));
const toolName = text({ max: bounds.name, pattern: TOOL_NAME, is: "a tool name" });
const promptName = text({ max: bounds.name, pattern: PROMPT_NAME, is: "a prompt name" });
const uri = text({ max: bounds.uri, pattern: RESOURCE_URI, is: "a URI of printable ASCII" });
const mimeType = nullable(text({ max: bounds.title }));

type OfferedTemplate = Offer["resourceTemplates"][number];

const tool: Fields<OfferedTool> = {
  name: toolName,
  title: nullable(words),
  description,
  inputSchema: jsonObject(),
  outputSchema: nullable(jsonObject()),
  annotations: nullable(jsonObject()),
};
const resource: Fields<OfferedResource> = { uri, name: words, description, mimeType };
const template: Fields<OfferedTemplate> = { uriTemplate: uri, name: words, description, mimeType };
const prompt: Fields<OfferedPrompt> = {
  name: promptName,
  description,
  arguments: list(
    object<OfferedPrompt["arguments"][number]>({
      name: text({ min: 1, max: bounds.name }),
      description,
      required: boolean(),
    }),
    { max: bounds.promptArguments, unique: (argument) => argument.name },
  ),
};

/** The fields of what is offered, for those who add to them. */
export const OFFERED: {
  readonly tool: Fields<OfferedTool>;
  readonly resource: Fields<OfferedResource>;
  readonly template: Fields<OfferedTemplate>;
  readonly prompt: Fields<OfferedPrompt>;
} = { tool, resource, template, prompt };

/** Reads what a driver found behind it: the words of a server that nobody trusts. No two of one kind share a name. */
export const OFFER: Decoder<Offer> = object<Offer>({
  server: object<Offer["server"]>({ name: words, version: words }),
  tools: list(object<OfferedTool>(tool), { max: bounds.tools, unique: (offered) => offered.name }),
  resources: list(object<OfferedResource>(resource), { max: bounds.resources, unique: (offered) => offered.uri }),
  resourceTemplates: list(object<OfferedTemplate>(template), {
    max: bounds.resources,
    unique: (offered) => offered.uriTemplate,
  }),
  prompts: list(object<OfferedPrompt>(prompt), { max: bounds.prompts, unique: (offered) => offered.name }),
});
