/** A profile or a grant is written by hand; more than this is not. */
export const MAXIMUM_YAML_BYTES: number = 256 * 1024;
