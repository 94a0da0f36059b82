/** JSON values as the kernel knows them: no undefined, no NaN, integers within the safe range, no lone surrogates. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}
