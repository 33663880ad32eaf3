import type { Canary } from '../../api/canary.ts'
import { appPortAnnotation, canaryNameLabel, injectedTemplateKeys, injectLabel, primaryName, revisionAnnotation } from '../../api/keys.ts'
import { canonicalJson, isObject, listAt, objectAt, type Json, type JsonObject } from '../../base/json.ts'
import { injectPod, type InjectionConfig } from '../../injection/inject.ts'
import { renameConfigs } from './configs.ts'
import { copiedLabels, mergedMetadata, ownAnnotations, ownerReference, ownLabels, without } from './metadata.ts'
import type { Split } from './split.ts'

/** What a primary is built from besides the target. */
export interface PrimaryOptions {
  readonly canary: Canary
  readonly split: Split
  readonly revision: string
  readonly replicas: number
  /** Keys (`configmap/NAME`) of what the primary has copies of. */
  readonly copiedConfigs: ReadonlySet<string>
  readonly labelPrefixes: readonly string[]
  readonly injection: InjectionConfig
}

/**
 * What counts as a revision: the pod template without the keys that Kinglet itself adds, in an order that does not depend on who
 * wrote it. `kubectl rollout restart` changes it, as it does with Flagger.
 */
export function revisionText(target: JsonObject, trackedConfigs: Readonly<Record<string, string>>): string {
  const template = objectAt(target, 'spec', 'template')
  const { labels, annotations, creationTimestamp: _none, ...metadata } = objectAt(template, 'metadata')
  const own = (map: Json | undefined): JsonObject => (isObject(map) ? Object.fromEntries(Object.entries(map).filter(([key]) => !injectedTemplateKeys.some((ours) => ours === key))) : {})
  return canonicalJson({ template: { ...template, metadata: { ...metadata, labels: own(labels), annotations: own(annotations) } }, trackedConfigs })
}

/** Whether pods of this template get a sidecar when the webhook sees them. */
export function hasInjectKeys(template: JsonObject, appPort: number): boolean {
  return objectAt(template, 'metadata', 'labels')[injectLabel] === 'true' && objectAt(template, 'metadata', 'annotations')[appPortAnnotation] === String(appPort)
}

/** The primary: the target with another name, another value of the selector label, its own configs and the sidecar inside. */
export function buildPrimary(target: JsonObject, options: PrimaryOptions): JsonObject {
  const { canary, split, labelPrefixes } = options
  const spec = objectAt(target, 'spec')
  const { paused: _paused, ...kept } = spec
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: primaryName(canary.spec.targetRef.name),
      namespace: canary.namespace,
      labels: { ...copiedLabels(objectAt(target, 'metadata', 'labels'), labelPrefixes), ...ownLabels(canary), [split.label]: split.primaryValue },
      annotations: ownAnnotations(objectAt(target, 'metadata', 'annotations')),
      ownerReferences: [ownerReference(canary)],
    },
    spec: { ...kept, replicas: options.replicas, selector: { matchLabels: { [split.label]: split.primaryValue } }, template: injected(plainTemplate(target, options), options.injection) },
  }
}

/** A live primary with the target's template. Its selector and replicas stay: the one is immutable, the other somebody's decision. */
export function updatePrimary(live: JsonObject, built: JsonObject): JsonObject {
  return {
    ...live,
    metadata: mergedMetadata(live, built),
    spec: { ...objectAt(built, 'spec'), replicas: objectAt(live, 'spec')['replicas'] ?? 1, selector: objectAt(live, 'spec', 'selector') },
  }
}

/** A primary that Flagger made, with the sidecar and nothing else new. */
export function injectPrimary(live: JsonObject, options: Pick<PrimaryOptions, 'split' | 'injection' | 'canary'> & { readonly revision: string | undefined }): JsonObject {
  const template = objectAt(live, 'spec', 'template')
  const metadata = objectAt(template, 'metadata')
  const marked: JsonObject = {
    ...template,
    metadata: {
      ...metadata,
      labels: { ...objectAt(metadata, 'labels'), [canaryNameLabel]: options.canary.name },
      annotations: { ...objectAt(metadata, 'annotations'), [appPortAnnotation]: String(options.split.appPort), ...(options.revision === undefined ? {} : { [revisionAnnotation]: options.revision }) },
    },
  }
  return { ...live, spec: { ...objectAt(live, 'spec'), template: injected(marked, options.injection) } }
}

/** The primary's pod template without the sidecar. */
function plainTemplate(target: JsonObject, { canary, split, revision, copiedConfigs }: PrimaryOptions): JsonObject {
  const template = objectAt(target, 'spec', 'template')
  const { creationTimestamp: _none, ...metadata } = objectAt(template, 'metadata')
  const { [injectLabel]: _ours, ...labels } = objectAt(metadata, 'labels')
  const podSpec = renameConfigs(objectAt(template, 'spec'), (kind, name) => (copiedConfigs.has(`${kind.toLowerCase()}/${name}`) ? primaryName(name) : name))
  return {
    ...template,
    metadata: {
      ...metadata,
      labels: { ...labels, [split.label]: split.primaryValue, [canaryNameLabel]: canary.name },
      annotations: { ...without(objectAt(metadata, 'annotations'), ['toolkit.fluxcd.io', 'flagger-id']), [appPortAnnotation]: String(split.appPort), [revisionAnnotation]: revision },
    },
    spec: followSplit(podSpec, split, canary.spec.targetRef.name),
  }
}

/** Whether the primary that Flagger made runs what the target has, all marks of either side left out. */
export function equalsTarget(live: JsonObject, target: JsonObject, options: PrimaryOptions): boolean {
  const bare = (template: JsonObject): string => {
    const labels = without(objectAt(template, 'metadata', 'labels'), ['kinglet.sh/'])
    const annotations = without(objectAt(template, 'metadata', 'annotations'), ['kinglet.sh/', 'flagger-id', 'toolkit.fluxcd.io'])
    return canonicalJson({ labels, annotations, spec: objectAt(template, 'spec') })
  }
  return bare(objectAt(live, 'spec', 'template')) === bare(plainTemplate(target, options))
}

function injected(template: JsonObject, config: InjectionConfig): JsonObject {
  const injection = injectPod({ metadata: objectAt(template, 'metadata'), spec: objectAt(template, 'spec') }, config)
  return injection.kind === 'injected' ? { ...template, metadata: injection.pod.metadata, spec: injection.pod.spec } : template
}

/** Rules that keep the target's pods apart from each other must do the same for the primary's: Flagger's rewriting. */
function followSplit(podSpec: JsonObject, split: Split, targetName: string): JsonObject {
  const rename = (value: Json): Json => (value === split.value || value === targetName ? split.primaryValue : value)
  const selector = (raw: Json | undefined): JsonObject => {
    const { matchLabels, matchExpressions, ...others } = isObject(raw) ? raw : {}
    return {
      ...others,
      ...(isObject(matchLabels) ? { matchLabels: Object.fromEntries(Object.entries(matchLabels).map(([key, value]) => [key, key === split.label ? rename(value ?? null) : value])) } : {}),
      ...(matchExpressions === undefined
        ? {}
        : {
            matchExpressions: listAt({ matchExpressions }, 'matchExpressions').map((expression) =>
              isObject(expression) && expression['key'] === split.label ? { ...expression, values: listAt(expression, 'values').map(rename) } : expression,
            ),
          }),
    }
  }
  const term = (raw: Json): Json => (isObject(raw) && raw['labelSelector'] !== undefined ? { ...raw, labelSelector: selector(raw['labelSelector']) } : raw)
  const affinity = objectAt(podSpec, 'affinity')
  const anti = objectAt(affinity, 'podAntiAffinity')
  const rewritten = {
    ...anti,
    ...mapped(anti, 'requiredDuringSchedulingIgnoredDuringExecution', term),
    ...mapped(anti, 'preferredDuringSchedulingIgnoredDuringExecution', (raw) => (isObject(raw) ? { ...raw, podAffinityTerm: term(raw['podAffinityTerm'] ?? null) } : raw)),
  }
  return {
    ...podSpec,
    ...(podSpec['affinity'] === undefined ? {} : { affinity: { ...affinity, ...(affinity['podAntiAffinity'] === undefined ? {} : { podAntiAffinity: rewritten }) } }),
    ...mapped(podSpec, 'topologySpreadConstraints', term),
  }
}

const mapped = (holder: JsonObject, field: string, change: (item: Json) => Json): JsonObject => (holder[field] === undefined ? {} : { [field]: listAt(holder, field).map(change) })
