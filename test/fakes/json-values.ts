import * as fc from "fast-check";
import type { JsonValue } from "../../src/kernel/json.ts";

/** Every number that a double keeps and the kernel takes. */
const number = fc
  .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger())
  .filter((each) => !Object.is(each, -0) && (!Number.isInteger(each) || Number.isSafeInteger(each)));
const text = fc.string({ unit: "binary" });

/** Random JSON values with any well-formed text in keys and strings, `__proto__` included. */
export const jsonValue: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    number,
    text,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(fc.oneof(text, fc.constantFrom("__proto__", "a", "b", "1")), tie("value"), { maxKeys: 5 }),
  ),
})).value;
