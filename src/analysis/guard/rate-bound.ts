/**
 * The largest failure rate that `events` of `requests` leave possible, at every look: the p with
 * B(½+x, ½+n−x)/B(½,½) = (1/α)·p^x·(1−p)^(n−x), α = 1 − level (Robbins' mixture with the prior Beta(½,½)).
 * Examples: none of 1000 at 95 % → .70 %; nothing counted → 1.
 */
export function upperRate(requests: number, events: number, level: number): number {
  if (requests === 0) return 1
  const mixture = logBeta(0.5 + events, 0.5 + requests - events) - logBeta(0.5, 0.5)
  const isPossible = (p: number): boolean => mixture - events * Math.log(p) - (requests - events) * Math.log1p(-p) < -Math.log(1 - level)
  let [low, high] = [Math.max(events / requests, 1e-12), 1]
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2
    if (middle < 1 && isPossible(middle)) low = middle
    else high = middle
  }
  return high
}

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b)

/** Stirling's series after shifting the argument above 8: 13 digits. Abramowitz & Stegun 6.1.40. */
function logGamma(x: number): number {
  let shift = 0
  let z = x
  for (; z < 8; z += 1) shift += Math.log(z)
  const inverse = 1 / (z * z)
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / z
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift
}
