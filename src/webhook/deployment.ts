import { appPortAnnotation, injectLabel, primaryName, replicasAnnotation, targetStatusAnnotation } from '../api/keys.ts'
import { describeProblem } from '../api/problem.ts'
import { proxyProblems } from '../api/proxy-settings.ts'
import { isOptedIn, misunderstood, parseSettings } from '../api/settings.ts'
import { readTargetStatus, type TargetStatus } from '../api/target.ts'
import { canonicalJson, numberAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { untouched, withAnnotation, type Mutation, type Write } from './mutation.ts'

/**
 * A user's write to a Deployment that Kinglet splits. By the status that the controller left on the live object:
 *
 *     none, adopting   nothing is changed
 *     idle             replicas stay what they are (0), the wish is noted; pods of the next revision will get the sidecar
 *     active           the same: the controller owns the replicas of the running analysis
 *
 * The template is never withheld: what the user applies is what is stored. `kubectl scale` and autoscalers write the scale
 * subresource and do not come by here; the controller repairs what they do.
 */
export function mutateDeployment(write: Write): Mutation {
  const { object, warnings } = holdSplit(write)
  return { object, warnings: [...warnings, ...(isLeaving(write) ? [] : complaints(write.object))] }
}

/** Who opts out need not hear of settings. */
const isLeaving = ({ object, old }: Write): boolean => isOptedIn(objectAt(old, 'metadata', 'annotations')) && !isOptedIn(objectAt(object, 'metadata', 'annotations'))

function holdSplit({ object, old }: Write): Mutation {
  // A status that comes with a write is a copy (kubectl get -o yaml | kubectl apply): only the live object's counts.
  const liveStatus = stringAt(old, 'metadata', 'annotations', targetStatusAnnotation)
  const kept = withAnnotation(object, targetStatusAnnotation, liveStatus)
  const status = readTargetStatus(objectAt(old, 'metadata', 'annotations'))
  if (!old || !status || status.phase === 'adopting') return untouched(kept)
  const held = holdReplicas(kept, old, status)
  return { object: markTemplate(held.object, old, status), warnings: held.warnings }
}

/** Replicas as they are, the wish in the annotation. */
function holdReplicas(object: JsonObject, old: JsonObject, status: TargetStatus): Mutation {
  const wanted = numberAt(object, 'spec', 'replicas')
  const live = numberAt(old, 'spec', 'replicas')
  if (live === undefined || wanted === undefined || wanted === live) return untouched(object)
  const name = (stringAt(object, 'metadata', 'name') ?? '').slice(0, 80)
  const reason = status.phase === 'idle' ? `while ${primaryName(name)} serves` : `while its analysis runs`
  const noted = withAnnotation(object, replicasAnnotation, String(wanted))
  const isNew = status.phase === 'idle' && canonicalJson(objectAt(object, 'spec', 'template')) !== canonicalJson(objectAt(old, 'spec', 'template'))
  const next = isNew ? `. The new version is released step by step: kubectl get canary ${status.canary} -n ${stringAt(object, 'metadata', 'namespace') ?? ''} -w` : ''
  return {
    object: { ...noted, spec: { ...objectAt(noted, 'spec'), replicas: live } },
    warnings: [`kinglet holds deployment ${name} at ${live} replicas ${reason}; your ${wanted} is noted in ${replicasAnnotation}${next}`],
  }
}

/** The template with the label and the port by which the pods webhook adds the sidecar. */
function markTemplate(object: JsonObject, old: JsonObject, status: TargetStatus): JsonObject {
  const template = objectAt(object, 'spec', 'template')
  const port = String(status.appPort)
  const isMarked = stringAt(template, 'metadata', 'labels', injectLabel) === 'true' && stringAt(template, 'metadata', 'annotations', appPortAnnotation) === port
  // Marking an unchanged template would replace the pods of a running analysis.
  const oldTemplate = objectAt(old, 'spec', 'template')
  const wouldRoll = status.phase === 'active' && canonicalJson(template) === canonicalJson(oldTemplate)
  if (isMarked || wouldRoll) return object
  const metadata = objectAt(template, 'metadata')
  const marked = withAnnotation(
    { ...template, metadata: { ...metadata, labels: { ...objectAt(metadata, 'labels'), [injectLabel]: 'true' } } },
    appPortAnnotation,
    port,
  )
  return { ...object, spec: { ...objectAt(object, 'spec'), template: marked } }
}

/** Annotations that cannot be read: kubectl shows them where they are written, and the events of the Deployment go on saying so. */
function complaints(object: JsonObject): readonly string[] {
  const annotations = objectAt(object, 'metadata', 'annotations')
  const settings = isOptedIn(annotations) ? parseSettings(annotations) : undefined
  const problems = [...misunderstood(annotations), ...(settings?.ok === false ? settings.error : []), ...proxyProblems(objectAt(object, 'spec', 'template', 'metadata', 'annotations'))]
  const name = (stringAt(object, 'metadata', 'name') ?? '').slice(0, 63)
  return problems.map((problem) => `kinglet: Deployment ${name}, ${describeProblem(problem)}`)
}
