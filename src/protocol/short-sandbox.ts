import { PROGRAMS, type SandboxGrant } from "../kernel/grant.ts";
import { deviceKind, MOST_DEVICES } from "../kernel/devices.ts";
import type { NamedLimits } from "../kernel/sandbox-limits.ts";
import { secretOrigin } from "./authority.ts";
import { hostPath, workspace } from "./grant-parts.ts";
import { CONTROL_NAME } from "../kernel/names.ts";
import { integer, names, nullable, object, oneOf, record, refine, text, transform, type Decoder } from "./decode.ts";
import { secretName } from "./fields.ts";
import { shortHome } from "./short-home.ts";
import { PORTS } from "./short-ports.ts";
import { parseDuration, parseSize, quantity } from "./units.ts";

type Written<T> = { readonly [Name in keyof T]-?: T[Name] | null };

const size = quantity(parseSize, "a size (500MB, 4GiB)");
const seconds = quantity((written) => {
  const span = parseDuration(written);
  return span === null ? null : span / 1000;
}, "a duration (90s, 15min, 8h)");
const count = integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

const UNNAMED: Written<NamedLimits> = {
  memory: null,
  processes: null,
  cpu: null,
  wall: null,
  files: null,
  fileSize: null,
  disk: null,
  output: null,
};

/** Limits as people write them; how small or large they may be is the kernel's to say. */
const LIMITS: Decoder<NamedLimits> = transform(
  object<Written<NamedLimits>>(
    {
      memory: nullable(size),
      processes: nullable(count),
      cpu: nullable(seconds),
      wall: nullable(seconds),
      files: nullable(count),
      fileSize: nullable(size),
      disk: nullable(size),
      output: nullable(size),
    },
    { defaults: UNNAMED },
  ),
  (written) => Object.fromEntries(Object.entries(written).filter(([, value]) => value !== null)),
);

const device = refine(text({ max: 64 }), (path) =>
  deviceKind(path) === null ? "is not a device that may be passed" : null,
);

interface WrittenSandbox extends Omit<SandboxGrant, "limits" | "secrets" | "devices" | "open"> {
  readonly open: readonly string[];
  readonly secrets: NonNullable<SandboxGrant["secrets"]>;
  readonly limits: NamedLimits | null;
  readonly devices: readonly string[];
}

/** What an agent's own sandbox gets, with every default filled in. */
export const SANDBOX: Decoder<SandboxGrant> = transform(
  object<WrittenSandbox>(
    {
      workspace,
      folder: nullable(hostPath),
      programs: oneOf(PROGRAMS),
      home: nullable(shortHome),
      ports: PORTS,
      // The kernel says which variables may be taken (`decodeGrant`).
      secrets: record(object({ secret: secretName, to: secretOrigin }), {
        key: /^[A-Za-z_][A-Za-z0-9_]*$/,
        is: "a variable: letters, digits and _",
        max: 16,
      }),
      limits: nullable(LIMITS),
      devices: names(device, { max: MOST_DEVICES }),
      open: names(text({ max: 64, pattern: CONTROL_NAME, is: "a name of a control file, in lower case" }), { max: 16 }),
    },
    {
      defaults: {
        workspace: "none",
        folder: null,
        programs: "none",
        home: null,
        ports: [],
        secrets: {},
        limits: null,
        devices: [],
        open: [],
      },
    },
  ),
  ({ limits, secrets, devices, open, ...rest }) => ({
    ...rest,
    ...(Object.keys(secrets).length === 0 ? {} : { secrets }),
    ...(limits === null || Object.keys(limits).length === 0 ? {} : { limits }),
    ...(devices.length === 0 ? {} : { devices }),
    ...(open.length === 0 ? {} : { open }),
  }),
);
