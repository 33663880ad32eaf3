import { stringAt, listAt, numberAt, objectAt, type JsonObject } from '../../base/json.ts'
import { primaryName, proxyContainerName } from '../../api/keys.ts'
import { resources } from '../../api/resources.ts'
import type { KubeClient } from '../../kube/client.ts'
import { appName, clientName, demoNamespace } from './app.ts'
import { readBook, type Book } from './book.ts'

/** What one look at the cluster shows. Absent objects are undefined. */
export interface Observation {
  readonly canary: JsonObject | undefined
  readonly target: JsonObject | undefined
  readonly primary: JsonObject | undefined
  /** Messages of the Canary's events, oldest first. */
  readonly events: readonly string[]
  readonly book: Book
}

const canaryAddress = { namespace: demoNamespace, name: appName }

/** Asks the API server for everything the view shows. Each answer is a snapshot of its own. */
export async function observe(client: KubeClient, book: Book): Promise<Observation> {
  const [canary, target, primary, events, log] = await Promise.all([
    client.find(resources.canaries, canaryAddress),
    client.find(resources.deployments, canaryAddress),
    client.find(resources.deployments, { namespace: demoNamespace, name: primaryName(appName) }),
    client.list(resources.events, { namespace: demoNamespace, fieldSelector: `involvedObject.kind=Canary,involvedObject.name=${appName}` }),
    readClientLog(client),
  ])
  return { canary, target, primary, events: messagesOf(events), book: readBook(book, log) }
}

export const phaseOf = (canary: JsonObject | undefined): string => stringAt(canary, 'status', 'phase') ?? 'Pending'
export const weightOf = (canary: JsonObject | undefined): number => numberAt(canary, 'status', 'canaryWeight') ?? 0
export const readyReplicasOf = (deployment: JsonObject | undefined): number => numberAt(deployment, 'status', 'readyReplicas') ?? 0

/** The version that a Deployment's template runs, by the variable that podinfo shows. */
export function versionOf(deployment: JsonObject | undefined): string {
  const containers = listAt(deployment, 'spec', 'template', 'spec', 'containers').filter((container) => stringAt(container, 'name') !== proxyContainerName)
  const variables = containers.flatMap((container) => listAt(container, 'env'))
  const message = variables.find((variable) => stringAt(variable, 'name') === 'PODINFO_UI_MESSAGE')
  return stringAt(message, 'value') ?? '-'
}

/** What the last verdict says of a track; all absent before there is one. */
export function recordOf(canary: JsonObject | undefined, track: 'primary' | 'canary') {
  const record = objectAt(canary, 'status', 'analysis', track)
  return { requests: numberAt(record, 'requests'), successRatePercent: numberAt(record, 'successRatePercent'), p99Ms: numberAt(record, 'p99Ms') }
}

function messagesOf(events: readonly JsonObject[]): readonly string[] {
  const seenAt = (event: JsonObject): string => stringAt(event, 'lastTimestamp') ?? stringAt(event, 'eventTime') ?? ''
  const version = (event: JsonObject): number => Number(stringAt(event, 'metadata', 'resourceVersion') ?? 0)
  return events
    .toSorted((a, b) => seenAt(a).localeCompare(seenAt(b)) || version(a) - version(b))
    .flatMap((event) => stringAt(event, 'message') ?? [])
}

/** The newest lines of the client's log; empty while the pod does not run. */
async function readClientLog(client: KubeClient): Promise<string> {
  const pod = await client.find(resources.pods, { namespace: demoNamespace, name: clientName })
  if (stringAt(pod, 'status', 'phase') !== 'Running') return ''
  const path = `/api/v1/namespaces/${demoNamespace}/pods/${clientName}/log`
  return (await client.request({ method: 'GET', path, query: { tailLines: '20' } })).body
}
