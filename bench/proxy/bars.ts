import type { Bar, ProcessResult, ProxyResult, WorkloadResult } from './results.ts'

/** CPU of a request as a share of each other's, at most. */
const cpuShares = { envoy: 0.75, haproxy: 1.5, 'http-proxy': 0.4 } as const
const judged = new Set(['get', '10k'])
const mostLoadedMiB = 64
const mostIdleMiB = 50
const mostStartMs = 200

/** What the sidecar is held to, as far as this run has measured it. */
export function judge(workloads: readonly WorkloadResult[], processes: readonly ProcessResult[]): readonly Bar[] {
  const kinglet = processes.find(({ name }) => name === 'kinglet')
  if (!kinglet) return []
  return [
    ...workloads.filter(({ name }) => judged.has(name)).flatMap(judgeWorkload),
    bar('RSS loaded, MiB', kinglet.loadedMiB, mostLoadedMiB),
    bar('RSS idle, MiB', kinglet.idleMiB, mostIdleMiB),
    bar('exec to first answer, ms', kinglet.startMs, mostStartMs),
  ]
}

function judgeWorkload({ name, proxies }: WorkloadResult): readonly Bar[] {
  const find = (proxy: string): ProxyResult | undefined => proxies.find((result) => result.name === proxy)
  const kinglet = find('kinglet')
  if (!kinglet) return []
  const bars: Bar[] = []
  for (const [other, share] of Object.entries(cpuShares)) {
    const result = find(other)
    if (result) bars.push(bar(`${name}: CPU / ${other}'s`, kinglet.cpuUs / result.cpuUs, share))
  }
  const envoy = find('envoy')
  if (envoy) bars.push(bar(`${name}: added p99 / envoy's, µs`, kinglet.added.p99, envoy.added.p99))
  return bars
}

const bar = (text: string, value: number, limit: number): Bar => ({ text, value, limit, isMet: value <= limit })
