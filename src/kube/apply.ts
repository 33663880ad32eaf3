import { addressOf, resourceOf, type Resource } from '../api/resources.ts'
import { AppError } from '../base/errors.ts'
import { isObject, objectAt, parseObject, stringAt, type JsonObject } from '../base/json.ts'
import type { KubeClient, WriteOptions } from './client.ts'
import { hasCode } from './errors.ts'
import { threeWayPatch } from './three-way.ts'

export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration'

export interface Applied {
  readonly result: 'created' | 'configured' | 'unchanged'
  readonly object: JsonObject
}

/** Groups compiled into the API server: only their kinds have merge keys and take strategic patches. */
const builtInGroups = new Set([
  '',
  'apps',
  'batch',
  'autoscaling',
  'policy',
  'networking.k8s.io',
  'rbac.authorization.k8s.io',
  'admissionregistration.k8s.io',
  'storage.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'certificates.k8s.io',
  'node.k8s.io',
])

/**
 * What `kubectl apply` does with one manifest, client-side: creates it, or sends the three-way patch, and remembers the manifest
 * in the same annotation, so that both can be used in turn. For places without kubectl.
 * `namespace` counts where the manifest names none. Errors: as the client's; NOT_FOUND for a kind that the cluster does not know.
 */
export async function applyManifest(client: KubeClient, manifest: JsonObject, options: WriteOptions & { readonly namespace?: string } = {}): Promise<Applied> {
  const resource = resourceOf(manifest) ?? (await client.discover(stringAt(manifest, 'apiVersion') ?? '', stringAt(manifest, 'kind') ?? '', options))
  const placed = place(manifest, resource, options.namespace ?? client.connection.namespace)
  const modified = withLastApplied(placed)
  const write = { fieldManager: 'kubectl-client-side-apply', ...options }
  const at = addressOf(modified)
  for (let attempt = 1; ; attempt += 1) {
    try {
      const live = await client.find(resource, at, options)
      if (!live) return { result: 'created', object: await client.create(resource, modified, write) }
      const flavour = builtInGroups.has(resource.group) ? 'strategic' : 'merge'
      const body = threeWayPatch(lastApplied(live), modified, live, flavour)
      if (Object.keys(body).length === 0) return { result: 'unchanged', object: live }
      return { result: 'configured', object: await client.patch(resource, at, { type: flavour, body }, write) }
    } catch (error) {
      // Created or changed between our look and our write.
      if (attempt >= 5 || !hasCode(error, 'CONFLICT', 'ALREADY_EXISTS')) throw error
    }
  }
}

function place(manifest: JsonObject, resource: Resource, namespace: string): JsonObject {
  const metadata = objectAt(manifest, 'metadata')
  if (stringAt(metadata, 'name') === undefined) throw new AppError('BAD_REQUEST', `a manifest of kind ${resource.kind} has no metadata.name`)
  if (!resource.namespaced || metadata['namespace'] !== undefined) return manifest
  return { ...manifest, metadata: { ...metadata, namespace } }
}

/** The manifest with itself in the annotation, in kubectl's spelling: sorted keys, a line end. */
function withLastApplied(manifest: JsonObject): JsonObject {
  const metadata = objectAt(manifest, 'metadata')
  const { [lastAppliedAnnotation]: _old, ...annotations } = objectAt(metadata, 'annotations')
  const plain = { ...manifest, metadata: { ...metadata, annotations } }
  return { ...plain, metadata: { ...plain.metadata, annotations: { ...annotations, [lastAppliedAnnotation]: `${goJson(sorted(plain))}\n` } } }
}

const lastApplied = (live: JsonObject): JsonObject => parseObject(stringAt(live, 'metadata', 'annotations', lastAppliedAnnotation)) ?? {}

/** Go's encoding/json writes these five characters as escapes; equal text lets kubectl find nothing to change. */
const goJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}
