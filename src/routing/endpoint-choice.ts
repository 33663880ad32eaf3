/**
 * Which endpoint of a track gets a request: of the two that are next in turn, the one with fewer requests in flight. Turns keep
 * few endpoints even; the comparison moves load away from one that hangs. Latency is left out on purpose: between tracks only
 * weights decide, and a fast failure must not attract traffic.
 * See: Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001.
 *
 * `turn` counts requests, `load` gives those in flight by index, or undefined for an endpoint that is out of the question.
 * Undefined when none is left.
 */
export function pickEndpoint(count: number, turn: number, load: (index: number) => number | undefined): number | undefined {
  let first: number | undefined
  let firstLoad = 0
  for (let step = 0; step < count; step += 1) {
    const index = (turn + step) % count
    const inFlight = load(index)
    if (inFlight === undefined) continue
    if (first === undefined) {
      first = index
      firstLoad = inFlight
    } else {
      return inFlight < firstLoad ? index : first
    }
  }
  return first
}
