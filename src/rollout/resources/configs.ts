import type { Canary } from '../../api/canary.ts'
import { configTrackingAnnotation, managedByLabel, primaryName } from '../../api/keys.ts'
import { canonicalJson, isObject, listAt, objectAt, stringAt, type Json, type JsonObject } from '../../base/json.ts'
import { copiedLabels, ownLabels, withOwner } from './metadata.ts'

/** A ConfigMap or Secret that a pod spec names. */
export interface ConfigRef {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly name: string
  /** Every mention says that it may be missing. */
  readonly isOptional: boolean
}

/** Flagger's key: `configmap/NAME`, `secret/NAME`. */
export const configKey = ({ kind, name }: Pick<ConfigRef, 'kind' | 'name'>): string => `${kind.toLowerCase()}/${name}`

/** Types of Secrets that are copied: those that people write. Tokens and registry credentials belong to somebody. */
const copiedSecretTypes = ['Opaque', 'kubernetes.io/basic-auth', 'kubernetes.io/ssh-auth', 'kubernetes.io/tls']

type Rename = (kind: ConfigRef['kind'], name: string, isOptional: boolean) => string

/** Every ConfigMap and Secret that the pod spec reads. */
export function configRefs(podSpec: JsonObject): readonly ConfigRef[] {
  const refs = new Map<string, ConfigRef>()
  renameConfigs(podSpec, (kind, name, isOptional) => {
    const key = configKey({ kind, name })
    refs.set(key, { kind, name, isOptional: isOptional && (refs.get(key)?.isOptional ?? true) })
    return name
  })
  return [...refs.values()]
}

/** The pod spec with other names for its ConfigMaps and Secrets; nothing else changes, unknown fields stay. */
export function renameConfigs(podSpec: JsonObject, rename: Rename): JsonObject {
  return {
    ...podSpec,
    ...mapList(podSpec, 'volumes', (volume) => renameVolume(volume, rename)),
    ...mapList(podSpec, 'containers', (container) => renameInContainer(container, rename)),
    ...mapList(podSpec, 'initContainers', (container) => renameInContainer(container, rename)),
  }
}

function renameVolume(volume: JsonObject, rename: Rename): JsonObject {
  const projected = volume['projected']
  return {
    ...volume,
    ...renameAt(volume, 'configMap', 'name', 'ConfigMap', rename),
    ...renameAt(volume, 'secret', 'secretName', 'Secret', rename),
    ...(isObject(projected)
      ? {
          projected: {
            ...projected,
            ...mapList(projected, 'sources', (source) => ({
              ...source,
              ...renameAt(source, 'configMap', 'name', 'ConfigMap', rename),
              ...renameAt(source, 'secret', 'name', 'Secret', rename),
            })),
          },
        }
      : {}),
  }
}

const renameInContainer = (container: JsonObject, rename: Rename): JsonObject => ({
  ...container,
  ...mapList(container, 'env', (variable) => {
    const from = variable['valueFrom']
    if (!isObject(from)) return variable
    return { ...variable, valueFrom: { ...from, ...renameAt(from, 'configMapKeyRef', 'name', 'ConfigMap', rename), ...renameAt(from, 'secretKeyRef', 'name', 'Secret', rename) } }
  }),
  ...mapList(container, 'envFrom', (source) => ({
    ...source,
    ...renameAt(source, 'configMapRef', 'name', 'ConfigMap', rename),
    ...renameAt(source, 'secretRef', 'name', 'Secret', rename),
  })),
})

function renameAt(holder: JsonObject, field: string, nameField: string, kind: ConfigRef['kind'], rename: Rename): JsonObject {
  const ref = holder[field]
  const name = stringAt(ref, nameField)
  return isObject(ref) && name !== undefined && name !== '' ? { [field]: { ...ref, [nameField]: rename(kind, name, ref['optional'] === true) } } : {}
}

const mapList = (holder: JsonObject, field: string, change: (item: JsonObject) => JsonObject): JsonObject =>
  holder[field] === undefined ? {} : { [field]: listAt(holder, field).map((item) => (isObject(item) ? change(item) : item)) }

/** Whether a change of it is a new revision and the primary gets a copy of its own. */
export function isTracked(config: JsonObject): boolean {
  const optOut = stringAt(config, 'metadata', 'annotations', configTrackingAnnotation) ?? ''
  if (optOut.startsWith('disable')) return false
  return stringAt(config, 'kind') !== 'Secret' || copiedSecretTypes.includes(stringAt(config, 'type') ?? 'Opaque')
}

/**
 * What is hashed for `status.trackedConfigs`: the JSON of `data` as Go prints it, so that checksums of Flagger stay valid. Flagger
 * leaves out binaryData; where there is some it is part of the text.
 */
export function configText(config: JsonObject): string {
  const data = config['data']
  const text = data === undefined ? 'null' : goJson(data)
  return config['binaryData'] === undefined ? text : `${text}${goJson(config['binaryData'])}`
}

const goJson = (value: unknown): string =>
  canonicalJson(value).replaceAll('<', String.raw`\u003c`).replaceAll('>', String.raw`\u003e`).replaceAll('&', String.raw`\u0026`).replaceAll('\u2028', String.raw`\u2028`).replaceAll('\u2029', String.raw`\u2029`)

/** Whether a config that has the name of a copy is one: made by Kinglet, or by Flagger for a Canary. Any other is a person's. */
export const isCopy = (config: JsonObject): boolean =>
  Object.entries(managedByLabel).every(([key, value]) => objectAt(config, 'metadata', 'labels')[key] === value) || listAt(config, 'metadata', 'ownerReferences').some((owner) => stringAt(owner, 'kind') === 'Canary')

/** The primary's own copy: it keeps what was promoted when the original changes. `live` is the copy that is there already. */
export function buildConfigCopy(config: JsonObject, canary: Canary, labelPrefixes: readonly string[], live: JsonObject | undefined): JsonObject {
  const content = Object.fromEntries((['data', 'binaryData', 'type'] as const).filter((field) => config[field] !== undefined).map((field) => [field, config[field] as Json]))
  return {
    apiVersion: 'v1',
    kind: stringAt(config, 'kind') ?? 'ConfigMap',
    metadata: {
      ...(live ? objectAt(live, 'metadata') : {}),
      name: primaryName(stringAt(config, 'metadata', 'name') ?? ''),
      namespace: canary.namespace,
      labels: { ...copiedLabels(objectAt(config, 'metadata', 'labels'), labelPrefixes), ...ownLabels(canary) },
      ownerReferences: withOwner(live ? listAt(live, 'metadata', 'ownerReferences') : [], canary),
    },
    ...content,
  }
}
