import { readdirSync, readFileSync } from 'node:fs'
import type { Sidecar } from './sidecar.ts'

/** Resident memory of a process, MB. */
export const megabytes = ({ pid }: { readonly pid: number }): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
/** Descriptors that a process holds. */
export const openFiles = ({ pid }: { readonly pid: number }): number => readdirSync(`/proc/${pid}/fd`).length

/** What a sidecar that nobody uses must not have: connections, requests, tunnels. Empty when all is well. */
export async function leftovers(sidecar: Sidecar): Promise<Record<string, number>> {
  const { openConnections, openTunnels, requestsInFlight, mirrorsInFlight } = await sidecar.stats()
  return Object.fromEntries(Object.entries({ openConnections, openTunnels, requestsInFlight, mirrorsInFlight }).filter(([, count]) => count !== 0))
}
