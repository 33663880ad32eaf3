import type { Canary } from '../../api/canary.ts'
import { canaryNameLabel, managedByLabel } from '../../api/keys.ts'
import { isObject, objectAt, type JsonObject } from '../../base/json.ts'

/**
 * Metadata of what Kinglet makes. What a tool wrote to track its own object must not stand on our copy: Argo CD and Flux would
 * take the copy for theirs and prune it, kubectl would compute patches against it.
 */
const foreignKeys = [
  'argocd.argoproj.io/',
  'kubectl.kubernetes.io/last-applied-configuration',
  'toolkit.fluxcd.io',
  'helm.sh/',
  'meta.helm.sh/',
  'deployment.kubernetes.io/revision',
  'kinglet.sh/',
] as const
const foreignLabels = ['app.kubernetes.io/instance', 'app.kubernetes.io/managed-by', ...foreignKeys] as const

export const ownAnnotations = (annotations: JsonObject): JsonObject => without(annotations, foreignKeys)

/** Labels of a Deployment or config that go to its copy: those with one of the prefixes; `*` stands for all. */
export function copiedLabels(labels: JsonObject, prefixes: readonly string[]): JsonObject {
  const included = Object.entries(labels).filter(([key]) => prefixes.some((prefix) => prefix === '*' || key.startsWith(prefix)))
  return without(Object.fromEntries(included), foreignLabels)
}

export const without = (map: JsonObject, keys: readonly string[]): JsonObject => Object.fromEntries(Object.entries(map).filter(([key]) => !keys.some((part) => key.includes(part))))

/** Metadata of a live object with the labels and annotations that ours should have; what others wrote stays. */
export function mergedMetadata(live: JsonObject, built: JsonObject): JsonObject {
  const metadata = objectAt(live, 'metadata')
  const merged = (field: 'labels' | 'annotations'): JsonObject => ({ ...objectAt(metadata, field), ...objectAt(built, 'metadata', field) })
  return { ...metadata, labels: merged('labels'), annotations: merged('annotations') }
}

/** Labels on everything that Kinglet makes. */
export const ownLabels = (canary: Canary): JsonObject => ({ ...managedByLabel, [canaryNameLabel]: canary.name })

export const ownerReference = (canary: Canary): JsonObject => ({
  apiVersion: 'flagger.app/v1beta1',
  kind: 'Canary',
  name: canary.name,
  uid: canary.uid,
  controller: true,
  blockOwnerDeletion: true,
})

/** Owners with ours among them; others stay, and one of them may be the controller. */
export function withOwner(owners: readonly unknown[], canary: Canary): readonly JsonObject[] {
  const others = owners.filter(isObject).filter((owner) => owner['uid'] !== canary.uid)
  return [...others.map((owner) => ({ ...owner, controller: false })), ownerReference(canary)]
}
