import { isObject, type Json, type JsonObject, listAt, objectAt, stringAt } from '../../../base/json.ts'
import { generateName } from '../object-meta.ts'
import { forbidden } from '../status.ts'
import type { ObjectStore } from '../store.ts'

/** What the API server adds to each new pod: its ServiceAccount with a projected token, tolerations, priority. */
const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount'
const podsType = { group: '', resource: 'pods', kind: 'Pod' }

export function withAccount(pod: JsonObject, store: ObjectStore): JsonObject {
  const spec = objectAt(pod, 'spec')
  const account = stringAt(spec, 'serviceAccountName') || 'default'
  const namespace = stringAt(pod, 'metadata', 'namespace') ?? 'default'
  const object = store.get('/serviceaccounts', namespace, account)
  if (object === undefined) throw forbidden(podsType, stringAt(pod, 'metadata', 'name') ?? '', `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`)
  const named: JsonObject = { ...spec, serviceAccountName: account, serviceAccount: account }
  const mounts = (spec['automountServiceAccountToken'] ?? object['automountServiceAccountToken'] ?? true) === true
  const mounted = mounts ? withToken(named) : named
  return { ...pod, spec: withSchedulingDefaults(mounted) }
}

function withToken(spec: JsonObject): JsonObject {
  const existing = listAt(spec, 'volumes').map((volume) => stringAt(volume, 'name') ?? '').find((name) => name.startsWith('kube-api-access-'))
  const volumeName = existing ?? generateName('kube-api-access-')
  const addMount = (container: Json): Json => {
    if (!isObject(container) || listAt(container, 'volumeMounts').some((mount) => stringAt(mount, 'mountPath') === tokenPath)) return container
    return { ...container, volumeMounts: [...listAt(container, 'volumeMounts'), { name: volumeName, readOnly: true, mountPath: tokenPath }] }
  }
  const lists = Object.fromEntries(['initContainers', 'containers'].filter((field) => Array.isArray(spec[field])).map((field) => [field, listAt(spec, field).map(addMount)]))
  const isUsed = Object.keys(lists).some((field) => listAt(lists, field).some((container) => listAt(container, 'volumeMounts').some((mount) => stringAt(mount, 'name') === volumeName)))
  if (!isUsed) return spec
  return { ...spec, ...lists, volumes: existing === undefined ? [...listAt(spec, 'volumes'), tokenVolume(volumeName)] : listAt(spec, 'volumes') }
}

const tokenVolume = (name: string): JsonObject => ({
  name,
  projected: {
    sources: [
      // One hour and seven seconds: how the API server marks tokens that may be extended.
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ],
    defaultMode: 420,
  },
})

function withSchedulingDefaults(spec: JsonObject): JsonObject {
  const tolerations = listAt(spec, 'tolerations')
  const missing = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].filter((key) => !tolerations.some((toleration) => stringAt(toleration, 'key') === key))
  const added = missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }))
  return { ...spec, tolerations: [...tolerations, ...added], priority: spec['priority'] ?? 0, preemptionPolicy: spec['preemptionPolicy'] ?? 'PreemptLowerPriority' }
}

/** Guaranteed: every container's limits are set and equal its requests; BestEffort: none has any; else Burstable. */
export function qosClass(spec: JsonObject): string {
  const all = [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')]
  const amounts = (container: unknown, field: string): JsonObject => objectAt(container, 'resources', field)
  if (all.every((container) => Object.keys(amounts(container, 'requests')).length + Object.keys(amounts(container, 'limits')).length === 0)) return 'BestEffort'
  const guaranteed = all.every((container) =>
    ['cpu', 'memory'].every((resource) => {
      const limit = amounts(container, 'limits')[resource]
      return limit !== undefined && limit === amounts(container, 'requests')[resource]
    }),
  )
  return guaranteed ? 'Guaranteed' : 'Burstable'
}
