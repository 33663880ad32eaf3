const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** A quantity of Kubernetes as a number of its unit, without a sign: `50m` → 0.05, `1Ki` → 1024. Undefined for anything else. */
export function parseQuantity(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?|\.\d+)(?:(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)|[eE]([+-]?\d{1,2}))?$/.exec(text)
  if (!match) return undefined
  const [, digits = '', suffix = '', exponent] = match
  return Number(digits) * (exponent === undefined ? (suffixes[suffix] ?? 1) : 10 ** Number(exponent))
}
