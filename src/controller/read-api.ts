import { parseCanary, type Canary } from '../api/canary.ts'
import { summaryOf } from '../api/canary-summary.ts'
import { resources } from '../api/resources.ts'
import { stringAt, type JsonObject } from '../base/json.ts'
import type { Hub } from './hub.ts'
import type { ClusterReader } from './ports.ts'

/**
 * The controller's read-only JSON API, next to its metrics; only the leader has answers:
 *
 *   GET /api/v1/namespaces/NS/canaries                  { items: [ { name, namespace, target, phase, canaryWeight, … } ] }
 *   GET /api/v1/namespaces/NS/canaries/NAME             one of them, with conditions and the last verdict
 *   GET /api/v1/namespaces/NS/canaries/NAME/analysis    the verdict, with the guard's evidence of this moment
 *
 * What a Canary's own status does not say is not told: no Secrets, no pods of others, no configuration. Errors: { error: { code, message } }.
 */
export interface ReadApi {
  readonly reader: ClusterReader
  readonly hub: Pick<Hub, 'telemetryOf'>
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

const prefix = '/api/v1/'
const route = /^\/api\/v1\/namespaces\/([^/]+)\/canaries(?:\/([^/]+)(\/analysis)?)?\/?$/

/** Undefined where the path is not of this API. `api` is undefined while this process does not lead. */
export async function answerRead(method: string, path: string, api: ReadApi | undefined): Promise<Answer | undefined> {
  if (!path.startsWith(prefix)) return undefined
  if (method !== 'GET' && method !== 'HEAD') return failure(405, 'MethodNotAllowed', 'this API is only read')
  const [, namespace, name, part] = route.exec(path) ?? []
  if (namespace === undefined) return failure(404, 'NotFound', `there is nothing at ${path}; see /api/v1/namespaces/NS/canaries`)
  if (!api) return failure(503, 'NotLeader', 'this replica does not lead; ask the Service, or the pod with the label kinglet.sh/leader')
  if (name === undefined) {
    const all = await api.reader.list(resources.canaries, { namespace })
    return { status: 200, body: { items: all.toSorted(byName).map((raw) => summaryOf(parseCanary(raw))) } }
  }
  const raw = await api.reader.find(resources.canaries, { namespace, name })
  if (!raw) return failure(404, 'NotFound', `there is no Canary ${name} in namespace ${namespace}`)
  const canary = parseCanary(raw)
  const analysis = analysisOf(canary, api)
  if (part === undefined) return { status: 200, body: { ...summaryOf(canary), conditions: canary.status.conditions, ...(analysis ? { analysis } : {}) } }
  return analysis ? { status: 200, body: analysis } : failure(404, 'NothingAnalysed', `nothing of Canary ${name} has been analysed yet`)
}

const failure = (status: number, code: string, message: string): Answer => ({ status, body: { error: { code, message } } })

const byName = (a: JsonObject, b: JsonObject): number => ((stringAt(a, 'metadata', 'name') ?? '') < (stringAt(b, 'metadata', 'name') ?? '') ? -1 : 1)

/** The durable verdict; while an analysis runs, what is counted in this moment. */
function analysisOf(canary: Canary, { hub }: ReadApi): unknown {
  const { verdict, guard } = hub.telemetryOf(`${canary.namespace}/${canary.name}`, canary)
  const latest = verdict ?? canary.status.analysis
  return latest && guard ? { ...latest, guard: guard.record } : latest
}
