import type { Canary } from '../../api/canary.ts'
import { primaryName } from '../../api/keys.ts'
import { canonicalJson, objectAt, stringAt, type JsonObject } from '../../base/json.ts'
import { copiedLabels, ownAnnotations, ownerReference, ownLabels } from './metadata.ts'

/** The primary's autoscaler: the target's, pointed at the primary. The target's own rests while its Deployment has no replicas. */
export function buildPrimaryScaler(scaler: JsonObject, canary: Canary, labelPrefixes: readonly string[]): JsonObject {
  const { minReplicas, maxReplicas } = canary.spec.autoscalerRef ?? {}
  return {
    apiVersion: stringAt(scaler, 'apiVersion') ?? 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: {
      name: primaryName(stringAt(scaler, 'metadata', 'name') ?? ''),
      namespace: canary.namespace,
      labels: { ...copiedLabels(objectAt(scaler, 'metadata', 'labels'), labelPrefixes), ...ownLabels(canary) },
      annotations: ownAnnotations(objectAt(scaler, 'metadata', 'annotations')),
      ownerReferences: [ownerReference(canary)],
    },
    spec: {
      ...objectAt(scaler, 'spec'),
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: primaryName(canary.spec.targetRef.name) },
      ...(minReplicas === undefined ? {} : { minReplicas }),
      ...(maxReplicas === undefined ? {} : { maxReplicas }),
    },
  }
}

/** Both are as the API server stores them, so equal specs are equal texts. */
export const isScalerInSync = (live: JsonObject | undefined, built: JsonObject): boolean => live !== undefined && canonicalJson(objectAt(live, 'spec')) === canonicalJson(objectAt(built, 'spec'))
