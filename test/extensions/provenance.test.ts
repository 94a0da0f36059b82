import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/kernel/json.ts";
import { loadSigstore, RootsFault } from "../../src/main/sigstore.ts";
import { judgeAttestations } from "../../src/extensions/provenance/judge.ts";
import { attestationsAddress } from "../../src/extensions/registry.ts";
import type { Provenance } from "../../src/protocol/provenance.ts";
import { ATTESTED, attestationsOf, type Attested } from "../fakes/provenance/attested.ts";

/*
 * Attestations come from the registry that the package comes from, so whoever holds it can hand out any. Those here are
 * signed by an authority and logs that were made for these tests and have ended; what they attest is true or forged.
 */
const ROOTS = JSON.stringify(ATTESTED.roots);
const OURS = loadSigstore(ROOTS, JSON.stringify(ATTESTED.keys));
const BUILT = {
  name: "@acme/notes",
  version: "1.0.0",
  sha512: createHash("sha512").update(Buffer.from(ATTESTED.tarball, "base64")).digest("base64"),
};
const digest = `sha256:${createHash("sha256").update(ROOTS).digest("hex")}`;

function judge(...names: readonly Attested[]): Provenance | null {
  return judgeAttestations(attestationsOf(...names), BUILT, OURS);
}
function judgeChanged(change: (bundle: Changeable) => void): Provenance | null {
  const text = attestationsOf("good");
  const parsed = JSON.parse(text) as { readonly attestations: readonly [{ readonly bundle: Changeable }] };
  change(parsed.attestations[0].bundle);
  return judgeAttestations(JSON.stringify(parsed), BUILT, OURS);
}
interface Changeable {
  verificationMaterial: {
    certificate: { rawBytes: string };
    tlogEntries: {
      inclusionPromise?: object;
      inclusionProof: { hashes: string[] };
      canonicalizedBody: string;
      integratedTime: string;
    }[];
  };
  dsseEnvelope: { payload: string; signatures: { sig: string }[] };
}

test("what holds is told by the certificate of who built it", () => {
  const workflow = "https://github.com/acme/notes/.github/workflows/release.yml@refs/tags/v1.0.0";
  expect(judge("published", "good")).toEqual({
    kind: "verified",
    repository: "https://github.com/acme/notes",
    workflow,
    commit: "0123456789abcdef0123456789abcdef01234567",
    builder: `GitHub Actions, github-hosted, ${workflow}`,
    roots: digest,
  });
});

test("no attestation is none, and the registry's own is none of a build", () => {
  expect(judge()).toBeNull();
  expect(judge("published")).toBeNull();
});

describe("refused, though its signature, certificate and log entry hold, is one", () => {
  test.each<readonly [string, Attested, string]>([
    ["of other bytes", "otherDigest", "other bytes"],
    ["of another package", "otherPackage", "another package"],
    ["of an older version", "otherVersion", "another package or version"],
    ["that names another source than its certificate", "otherRepository", "its certificate says"],
    ["of who is vouched for by somebody else", "otherIssuer", "no known service"],
  ])("%s", (_what, name, why) => {
    // All that is said against it is said by us.
    expect(OURS.verify(ATTESTED.bundles[name]).payload).toContain("subject");
    expect(judge(name)).toEqual({ kind: "refused", why: expect.stringContaining(why) as string });
    // An honest one beside it covers nothing up.
    expect(judge("good", name)).toMatchObject({ kind: "refused" });
    expect(judge(name, "good")).toMatchObject({ kind: "refused" });
  });
});

describe("refused is one", () => {
  test.each<readonly [string, (bundle: Changeable) => void]>([
    ["that is in no log", ({ verificationMaterial: of }) => (of.tlogEntries = [])],
    ["whose time no log vouches for", ({ verificationMaterial: of }) => delete of.tlogEntries[0]?.inclusionPromise],
    [
      "whose place in the log is made up",
      ({ verificationMaterial: { tlogEntries } }) => {
        const proof = tlogEntries[0]?.inclusionProof;
        if (proof !== undefined) proof.hashes = [Buffer.alloc(32, 1).toString("base64")];
      },
    ],
    [
      "that was signed when its certificate was over",
      ({ verificationMaterial: { tlogEntries } }) => {
        const entry = tlogEntries[0];
        if (entry !== undefined) entry.integratedTime = String(Number(entry.integratedTime) + 3600);
      },
    ],
    [
      "whose certificate is cut short",
      ({ verificationMaterial: { certificate } }) => {
        const bytes = Buffer.from(certificate.rawBytes, "base64");
        certificate.rawBytes = bytes.subarray(0, bytes.length - 40).toString("base64");
      },
    ],
    [
      "whose statement was changed",
      ({ dsseEnvelope }) => {
        const text = Buffer.from(dsseEnvelope.payload, "base64").toString().replace("acme", "evil");
        dsseEnvelope.payload = Buffer.from(text).toString("base64");
      },
    ],
    [
      "with another's signature",
      ({ dsseEnvelope }) => (dsseEnvelope.signatures = signaturesOf(ATTESTED.bundles.otherDigest)),
    ],
    [
      "with another's log entry",
      ({ verificationMaterial }) => (verificationMaterial.tlogEntries = entriesOf(ATTESTED.bundles.otherDigest)),
    ],
  ])("%s", (_what, change) => {
    expect(judgeChanged(() => undefined)).toMatchObject({ kind: "verified" });
    expect(judgeChanged(change)).toMatchObject({ kind: "refused" });
  });

  test("whose chain ends at a root that nobody here trusts", () => {
    expect(judge("strangerRoot")).toMatchObject({ kind: "refused", why: expect.stringMatching(/chain/u) as string });
    // Nor do the shipped roots know those of the tests.
    expect(judgeAttestations(attestationsOf("good"), BUILT, loadSigstore(null))).toMatchObject({ kind: "refused" });
    expect(judgeAttestations(attestationsOf("published"), BUILT, loadSigstore(ROOTS))).toMatchObject({
      kind: "refused",
    });
  });

  test("that is none, or says that it is something else", () => {
    const statement = attestationsOf("good").replace("slsa.dev/provenance/v1", "slsa.dev/provenance/v0.2");
    expect(judgeAttestations(statement, BUILT, OURS)).toMatchObject({ kind: "refused" });
    const build = attestationsOf("published").replace(
      /"predicateType":"[^"]*"/u,
      '"predicateType":"https://x.example"',
    );
    expect(judgeAttestations(build, BUILT, OURS)).toMatchObject({ kind: "refused" });
    for (const text of ["", "[]", "{}", '{"attestations":{}}', '{"attestations":[null]}', "<html>"])
      expect(judgeAttestations(text, BUILT, OURS)).toMatchObject({ kind: "refused" });
  });
});

test("roots that are none are refused, and those that are shipped are some", () => {
  for (const text of ["", "{}", "[]", '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'])
    expect(() => loadSigstore(text)).toThrow(RootsFault);
  expect(loadSigstore(null).roots).toBeNull();
  const file = "../../src/extensions/provenance/trusted/sigstore.json";
  const shipped = readFileSync(new URL(file, import.meta.url), "utf8");
  expect(shipped).toContain("https://fulcio.sigstore.dev");
});

test("attestations are asked for where npm's registry has them", () => {
  const { path } = attestationsAddress("https://packages.example.com/npm", BUILT);
  expect(path).toBe("/npm/-/npm/v1/attestations/@acme%2fnotes@1.0.0");
});

function entriesOf(bundle: JsonObject): Changeable["verificationMaterial"]["tlogEntries"] {
  return (bundle as unknown as Changeable).verificationMaterial.tlogEntries;
}
function signaturesOf(bundle: JsonObject): Changeable["dsseEnvelope"]["signatures"] {
  return (bundle as unknown as Changeable).dsseEnvelope.signatures;
}
