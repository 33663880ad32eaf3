import { resources } from '../../../src/api/resources.ts'
import { numberAt, stringAt, type JsonObject } from '../../../src/base/json.ts'
import { hasCode } from '../../../src/kube/errors.ts'
import { cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import type { Row } from './shares.ts'

/** What a watcher of one Canary saw, as it happened. */
export interface CanaryWatch {
  readonly rows: readonly Row[]
  /** The newest object; undefined before the first and after the deletion. */
  current(): JsonObject | undefined
  /** Resolves with the first row that fits, from the state of now on. */
  until(what: string, fits: (row: Row) => boolean, withinMs?: number): Promise<Row>
  phase(...phases: readonly string[]): Promise<Row>
  gone(withinMs?: number): Promise<void>
  close(): void
}

/** Watches from now on; the Canary need not exist yet. */
export async function watchCanary(namespace: string, name: string): Promise<CanaryWatch> {
  const rows: Row[] = []
  const abort = new AbortController()
  let current: JsonObject | undefined
  let isDeleted = false
  const note = (type: string, object: JsonObject): void => {
    if (type === 'DELETED') {
      current = undefined
      isDeleted = true
      return
    }
    if (type !== 'ADDED' && type !== 'MODIFIED') return
    current = object
    const row = rowOf(object)
    const last = rows.at(-1)
    if (last && last.inForceAt === undefined) rows[rows.length - 1] = { ...last, inForceAt: startOf(last, row, object) }
    if (!last || last.phase !== row.phase || last.weight !== row.weight || last.iterations !== row.iterations || last.failedChecks !== row.failedChecks) rows.push(row)
  }
  void follow(namespace, name, abort.signal, note)
  const until = (what: string, fits: (row: Row) => boolean, withinMs = 150_000): Promise<Row> => {
    // The state of now counts, and every one that comes, however short it lasts.
    const from = Math.max(0, rows.length - 1)
    return eventually(`Canary ${namespace}/${name}: ${what}`, () => {
      const found = rows.slice(from).find(fits)
      if (found) return found
      const last = rows.at(-1)
      throw new Error(last ? `${last.phase} at ${last.weight} %, ${last.failedChecks} failed checks` : 'no Canary')
    }, withinMs)
  }
  return {
    rows,
    current: () => current,
    until,
    phase: (...phases) => until(`phase ${phases.join(' or ')}`, (row) => phases.includes(row.phase)),
    gone: async (withinMs = 90_000) => void (await eventually(`Canary ${namespace}/${name} is gone`, () => isDeleted, withinMs)),
    close: () => abort.abort(),
  }
}

const rowOf = (object: JsonObject): Row => ({
  at: Date.now(),
  decidedAt: Math.min(Date.now(), numberAt(object, 'status', 'kinglet', 'generationAt') ?? Infinity),
  inForceAt: numberAt(object, 'status', 'kinglet', 'stepStartedAt'),
  phase: stringAt(object, 'status', 'phase') ?? '',
  weight: numberAt(object, 'status', 'canaryWeight') ?? 0,
  iterations: numberAt(object, 'status', 'iterations') ?? 0,
  failedChecks: numberAt(object, 'status', 'failedChecks') ?? 0,
})

/** When the step of `row` came into force, by a newer state: of a running step it is seldom told before the step is judged. */
function startOf(row: Row, newer: Row, object: JsonObject): number | undefined {
  const judgedFrom = Date.parse(stringAt(object, 'status', 'analysis', 'since') ?? '')
  if (judgedFrom >= row.decidedAt && numberAt(object, 'status', 'analysis', 'weight') === row.weight) return judgedFrom
  return newer.decidedAt === row.decidedAt && newer.phase === row.phase ? newer.inForceAt : undefined
}

/** List, then watch, again and again: a watch ends by its time-out or with the API server. */
async function follow(namespace: string, name: string, signal: AbortSignal, note: (type: string, object: JsonObject) => void): Promise<void> {
  const fieldSelector = `metadata.name=${name}`
  let existed = false
  while (!signal.aborted) {
    try {
      const page = await cluster().page(resources.canaries, { namespace, fieldSelector, signal })
      const [found] = page.items
      if (found) note('MODIFIED', found)
      else if (existed) note('DELETED', {})
      existed ||= found !== undefined
      await cluster().watch(resources.canaries, { namespace, fieldSelector, resourceVersion: page.resourceVersion, timeoutSeconds: 300, signal }, ({ type, object }) => {
        existed = true
        note(type, object)
      })
    } catch (error) {
      if (signal.aborted || hasCode(error, 'NOT_FOUND')) return
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}
