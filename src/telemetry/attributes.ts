/** Attributes by their names of the semantic conventions, or ours, which begin with `aios.`. Null ones are left out. */
export type Attributes = { readonly [name: string]: string | number | boolean | readonly string[] | null };
