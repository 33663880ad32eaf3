import { injectLabel } from '../api/keys.ts'
import { objectAt, stringAt } from '../base/json.ts'
import { injectPod, type InjectionConfig } from '../injection/inject.ts'
import { untouched, type Mutation, type Write } from './mutation.ts'

/** A new pod whose template asks for the sidecar gets it. A pod that cannot have it starts without, and the writer is told why. */
export function mutatePod(write: Write, config: InjectionConfig): Mutation {
  const { object } = write
  if (write.operation !== 'CREATE' || stringAt(object, 'metadata', 'labels', injectLabel) !== 'true') return untouched(object)
  const result = injectPod({ metadata: objectAt(object, 'metadata'), spec: objectAt(object, 'spec') }, config)
  switch (result.kind) {
    case 'already':
      return untouched(object)
    case 'refused':
      return { object, warnings: [`kinglet adds no sidecar to pod ${podName(write)}: ${result.reason}`] }
    case 'injected':
      return { object: { ...object, metadata: result.pod.metadata, spec: result.pod.spec }, warnings: result.warnings.map((text) => `kinglet: ${text}`) }
  }
}

const podName = ({ object }: Write): string => stringAt(object, 'metadata', 'name') ?? `${stringAt(object, 'metadata', 'generateName') ?? ''}*`
