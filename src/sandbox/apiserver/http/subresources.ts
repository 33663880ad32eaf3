import { isObject, type JsonObject, listAt, numberAt, objectAt, stringAt } from '../../../base/json.ts'
import type { PodAccess } from '../../contract.ts'
import { apiAudience, type Tokens } from '../auth/tokens.ts'
import { uidOf } from '../object-meta.ts'
import type { ResourceType } from '../resource-type.ts'
import { matchesLabelSelector } from '../selectors.ts'
import { ApiError, badRequest, methodNotAllowed, notFound } from '../status.ts'
import type { ObjectStore } from '../store.ts'
import type { WritePath } from '../write-path.ts'
import type { Exchange } from './exchange.ts'
import type { ResourceRequest } from './request-info.ts'

/** Logs, evictions and tokens. */

const podType = { group: '', resource: 'pods', kind: 'Pod' }

/** The container of which a log is meant; with several and no choice, kubectl wants to hear their names. */
function chooseContainer(pod: JsonObject, name: string, asked: string | null): string {
  const names = (field: string): readonly string[] => listAt(pod, 'spec', field).map((container) => stringAt(container, 'name') ?? '')
  const [containers, initContainers] = [names('containers'), names('initContainers')]
  if (asked !== null && asked !== '') {
    if ([...containers, ...initContainers].includes(asked)) return asked
    throw badRequest(`container ${asked} is not valid for pod ${name}`)
  }
  const preferred = stringAt(pod, 'metadata', 'annotations', 'kubectl.kubernetes.io/default-container')
  const only = containers.length === 1 && initContainers.length === 0 ? containers[0] : preferred
  if (only !== undefined) return only
  const also = initContainers.length === 0 ? '' : ` or one of the init containers: [${initContainers.join(' ')}]`
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${containers.join(' ')}]${also}`)
}

export async function serveLog(store: ObjectStore, podAccess: PodAccess, info: ResourceRequest, { method, url, response, signal }: Exchange): Promise<void> {
  if (method !== 'GET') throw methodNotAllowed()
  const namespace = info.namespace ?? ''
  const pod = store.get('/pods', namespace, info.name)
  if (pod === undefined) throw notFound(podType, info.name)
  const query = url.searchParams
  const container = chooseContainer(pod, info.name, query.get('container'))
  const tail = query.get('tailLines')
  const lines = podAccess.logs(
    namespace,
    info.name,
    { container, follow: query.get('follow') === 'true', previous: query.get('previous') === 'true', timestamps: query.get('timestamps') === 'true', ...(tail === null ? {} : { tailLines: Number(tail) }) },
    signal,
  )
  for await (const text of lines) {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' })
    if (signal.aborted) break
    // A slow reader holds the log back rather than fill memory; one that has gone releases it.
    if (!response.write(text)) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve))
  }
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/plain' })
  response.end()
}

/**
 * Deletes the pod unless a PodDisruptionBudget says in its status that none may go now. As the API server does: a pod that has not
 * started, has ended or is on its way out needs no budget's leave, two budgets for one pod are a mistake of 500, and what has gone is taken off the budget at
 * once, before its controller has seen it. pkg/registry/core/pod/storage/eviction.go
 */
export async function serveEviction(store: ObjectStore, writes: WritePath, type: ResourceType, info: ResourceRequest, exchange: Exchange): Promise<void> {
  if (exchange.method !== 'POST') throw methodNotAllowed()
  const body = await exchange.readBody()
  const namespace = info.namespace ?? ''
  const pod = store.get('/pods', namespace, info.name)
  if (pod === undefined) throw notFound(podType, info.name)
  const options = objectAt(body, 'deleteOptions')
  const preconditions = { uid: stringAt(options, 'preconditions', 'uid'), resourceVersion: stringAt(options, 'preconditions', 'resourceVersion') }
  const dryRun = exchange.url.searchParams.get('dryRun') === 'All'
  const remove = (isDryRun: boolean): Promise<unknown> =>
    writes.remove({ type, namespace, name: info.name, subresource: '' }, { dryRun: isDryRun, gracePeriodSeconds: numberAt(options, 'gracePeriodSeconds'), propagationPolicy: undefined, preconditions }, { caller: exchange.caller, warn: exchange.warn })
  const budget = budgetOf(store, namespace, pod)
  if (budget) {
    // Another pod of that name is none of the budget's business.
    await remove(true)
    const disruptionsAllowed = (numberAt(budget, 'status', 'disruptionsAllowed') ?? 0) - 1
    if (disruptionsAllowed < 0 || !isObserved(budget)) throw refusedBy(budget)
    if (!dryRun) store.update(budgets, { ...budget, status: { ...objectAt(budget, 'status'), disruptionsAllowed } })
  }
  await remove(dryRun)
  exchange.reply(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' })
}

const budgets = 'policy/poddisruptionbudgets'

/** The budget that is to be asked about a pod; undefined where the pod may go anyhow. */
function budgetOf(store: ObjectStore, namespace: string, pod: JsonObject): JsonObject | undefined {
  const isRunning = stringAt(pod, 'status', 'phase') === 'Running' && stringAt(pod, 'metadata', 'deletionTimestamp') === undefined
  if (!isRunning) return undefined
  const labels = objectAt(pod, 'metadata', 'labels')
  const found = store.list(budgets, namespace).filter((budget) => matchesLabelSelector(objectAt(budget, 'spec')['selector'], labels))
  if (found.length > 1) throw new ApiError(500, 'InternalError', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.')
  const [budget] = found
  const isReady = listAt(pod, 'status', 'conditions').some((condition) => stringAt(condition, 'type') === 'Ready' && stringAt(condition, 'status') === 'True')
  return budget && !isReady && mayGoUnready(budget) ? undefined : budget
}

/** A pod that is not ready harms nobody, unless the budget is violated already (its `unhealthyPodEvictionPolicy`). */
function mayGoUnready(budget: JsonObject): boolean {
  if (stringAt(budget, 'spec', 'unhealthyPodEvictionPolicy') === 'AlwaysAllow') return true
  const [healthy = 0, desired = 0] = [numberAt(budget, 'status', 'currentHealthy'), numberAt(budget, 'status', 'desiredHealthy')]
  return desired > 0 && healthy >= desired
}

const isObserved = (budget: JsonObject): boolean => (numberAt(budget, 'status', 'observedGeneration') ?? 0) >= (numberAt(budget, 'metadata', 'generation') ?? 1)

function refusedBy(budget: JsonObject): ApiError {
  const name = stringAt(budget, 'metadata', 'name') ?? ''
  const [desired = 0, healthy = 0] = [numberAt(budget, 'status', 'desiredHealthy'), numberAt(budget, 'status', 'currentHealthy')]
  const message = isObserved(budget) ? `The disruption budget ${name} needs ${desired} healthy pods and has ${healthy} currently` : `The disruption budget ${name} is still being processed by the server.`
  return new ApiError(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", { causes: [{ reason: 'DisruptionBudget', message }] })
}

const accountType = { group: '', resource: 'serviceaccounts', kind: 'ServiceAccount' }
/** The API server's bounds for the life of a token: ten minutes to two to the 32 seconds; ours is a day at most. */
const tokenSeconds = { least: 600, most: 86_400, usual: 3600 }

export async function serveTokenRequest(store: ObjectStore, tokens: Tokens, type: ResourceType, info: ResourceRequest, exchange: Exchange): Promise<void> {
  if (exchange.method !== 'POST') throw methodNotAllowed()
  const body = await exchange.readBody()
  const namespace = info.namespace ?? ''
  if (store.get(type.storage, namespace, info.name) === undefined) throw notFound(accountType, info.name)
  const spec = objectAt(body, 'spec')
  const expirationSeconds = Math.min(tokenSeconds.most, Math.max(tokenSeconds.least, numberAt(spec, 'expirationSeconds') ?? tokenSeconds.usual))
  const given = listAt(spec, 'audiences').filter((audience) => typeof audience === 'string')
  const audiences = given.length === 0 ? [apiAudience] : given
  const reference = spec['boundObjectRef']
  const pod = isObject(reference) && reference['kind'] === 'Pod' ? store.get('/pods', namespace, stringAt(reference, 'name') ?? '') : undefined
  if (isObject(reference) && pod === undefined) throw notFound(podType, stringAt(reference, 'name') ?? '')
  const bound = pod === undefined ? {} : { pod: { name: stringAt(pod, 'metadata', 'name') ?? '', uid: uidOf(pod) } }
  const token = tokens.mint({ namespace, serviceAccount: info.name, audiences, expirationSeconds, ...bound })
  const expirationTimestamp = new Date(Date.now() + expirationSeconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
  const metadata = { name: info.name, namespace, creationTimestamp: null }
  exchange.reply(201, { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata, spec: { ...spec, audiences, expirationSeconds }, status: { token, expirationTimestamp } })
}

/** What `kubectl exec`, `attach` and `port-forward` are told. */
export const notInSandbox = (subresource: string): ApiError =>
  new ApiError(501, 'NotImplemented', subresource === 'portforward'
    ? 'the sandbox forwards no ports; each pod has an address of this machine, which "kubectl get pods -o wide" shows, so that curl reaches it directly'
    : `the sandbox has no ${subresource}: its containers are processes of this machine`)
