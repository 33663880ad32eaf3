import { canaryAnnotation } from '../api/keys.ts'
import { objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { untouched, type Mutation, type Write } from './mutation.ts'

/**
 * The annotation that opts in, where nobody reads it: on another kind of object, or on the pod template instead of the Deployment
 * (as with Linkerd's). The writer is told; nothing is changed. Which writes come by here: matchConditions in manifests/kinglet.yaml.
 */
export function noticeMisplaced({ object }: Write): Mutation {
  const kind = stringAt(object, 'kind') ?? 'object'
  const title = `${kind} ${(stringAt(object, 'metadata', 'name') ?? '').slice(0, 63)}`
  if (kind !== 'Deployment') return asksFor(objectAt(object, 'metadata')) ? warn(object, `on ${title} has no effect: ${remedyFor(kind)}`) : untouched(object)
  const isOnTemplate = asksFor(objectAt(object, 'spec', 'template', 'metadata'))
  const isOnItself = objectAt(object, 'metadata', 'annotations')[canaryAnnotation] !== undefined
  return isOnTemplate && !isOnItself ? warn(object, `on the pod template of ${title} has no effect: set it in metadata.annotations of the Deployment itself`) : untouched(object)
}

/** Any value but those that ask for nothing. */
function asksFor(metadata: JsonObject): boolean {
  const value = objectAt(metadata, 'annotations')[canaryAnnotation]
  return value !== undefined && value !== 'disabled' && value !== 'false' && value !== ''
}

const warn = (object: JsonObject, text: string): Mutation => ({ object, warnings: [`kinglet: annotation ${canaryAnnotation} ${text}`] })

function remedyFor(kind: string): string {
  if (kind === 'Namespace') return 'annotate each Deployment in it'
  if (kind === 'Service') return 'annotate the Deployment behind it'
  if (kind === 'Pod' || kind === 'ReplicaSet') return 'annotate the Deployment that makes its pods'
  return 'only Deployments are released step by step. Remove it, or run this app as a Deployment'
}
