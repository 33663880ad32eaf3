import type { Bar, ProcessResult, ProxyResult, WorkloadResult } from './results.ts'

/** CPU of a request as a share of each other's, at most. */
const cpuShares = { envoy: 0.75, haproxy: 1.5, 'http-proxy': 0.4 } as const
const judged = new Set(['get', '10k'])
/** Of Envoy's CPU for a unary call of gRPC, at most. */
const grpcShare = 2
const mostLoadedMiB = 64
const mostIdleMiB = 50
const mostStartMs = 200

/** What a proxy took after a workload. */
export interface Memory {
  readonly workload: string
  readonly mib: number
}

/** The most after the workloads that have bars (after all where none of them was run), and after any. */
export function mostMemory(seen: readonly Memory[]): Pick<ProcessResult, 'loadedMiB' | 'mostMiB'> {
  const most = (some: readonly Memory[]): number => Math.max(...some.map(({ mib }) => mib))
  const ofBars = seen.filter(({ workload }) => judged.has(workload))
  return { loadedMiB: most(ofBars.length > 0 ? ofBars : seen), mostMiB: most(seen) }
}

/** What the sidecar is held to, as far as this run has measured it. */
export function judge(workloads: readonly WorkloadResult[], processes: readonly ProcessResult[]): readonly Bar[] {
  const kinglet = processes.find(({ name }) => name === 'kinglet')
  if (!kinglet) return []
  return [
    ...workloads.filter(({ name }) => judged.has(name)).flatMap(judgeWorkload),
    ...workloads.filter(({ name }) => name === 'grpc').flatMap((workload) => judgeCpu(workload, { envoy: grpcShare })),
    bar('RSS loaded (small GET, 10 KB), MiB', kinglet.loadedMiB, mostLoadedMiB),
    bar('RSS idle, MiB', kinglet.idleMiB, mostIdleMiB),
    bar('exec to first answer, ms', kinglet.startMs, mostStartMs),
  ]
}

function judgeWorkload(workload: WorkloadResult): readonly Bar[] {
  const bars = judgeCpu(workload, cpuShares)
  const [kinglet, envoy] = ['kinglet', 'envoy'].map((name) => find(workload, name))
  return kinglet && envoy ? [...bars, bar(`${workload.name}: added p99, µs (at most envoy's)`, kinglet.added.p99, envoy.added.p99)] : bars
}

function judgeCpu(workload: WorkloadResult, shares: Readonly<Record<string, number>>): readonly Bar[] {
  const kinglet = find(workload, 'kinglet')
  if (!kinglet) return []
  return Object.entries(shares).flatMap(([other, share]) => {
    const result = find(workload, other)
    return result ? [bar(`${workload.name}: CPU / ${other}'s`, kinglet.cpuUs / result.cpuUs, share)] : []
  })
}

const find = ({ proxies }: WorkloadResult, proxy: string): ProxyResult | undefined => proxies.find(({ name }) => name === proxy)

const bar = (text: string, value: number, limit: number): Bar => ({ text, value, limit, isMet: value <= limit })
