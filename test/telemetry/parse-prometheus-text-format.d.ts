declare module "parse-prometheus-text-format" {
  /** A family of metrics as the parser gives it. */
  interface Family {
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly metrics: readonly object[];
  }
  export default function parsePrometheusTextFormat(text: string): readonly Family[];
}
