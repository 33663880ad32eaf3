import { describeError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'
import type { Logger } from '../../runtime/log.ts'
import { builtInResources } from './built-in-resources.ts'
import { buildCustomResources } from './crd/custom-resource.ts'
import { nameOf } from './object-meta.ts'
import type { ResourceType } from './resource-type.ts'
import type { ObjectStore } from './store.ts'

/** All resources that the server knows at the moment: Kubernetes' own and those of CustomResourceDefinitions. */
export interface Catalogue {
  find(group: string, version: string, resource: string): ResourceType | undefined
  all(): readonly ResourceType[]
  /** Rises with each change of the set. */
  generation(): number
}

export function createCatalogue(store: ObjectStore, logger: Logger): Catalogue {
  const custom = new Map<string, readonly ResourceType[]>()
  const specs = new Map<string, unknown>()
  let generation = 1
  const adopt = (definition: JsonObject): void => {
    // The spec object is shared between revisions that do not change it.
    if (specs.get(nameOf(definition)) === definition['spec']) return
    specs.set(nameOf(definition), definition['spec'])
    generation += 1
    try {
      custom.set(nameOf(definition), buildCustomResources(definition))
    } catch (error) {
      logger.error('a CustomResourceDefinition cannot be served', { name: nameOf(definition), error: describeError(error) })
    }
  }
  for (const definition of store.list('apiextensions.k8s.io/customresourcedefinitions')) adopt(definition)
  store.watch('apiextensions.k8s.io/customresourcedefinitions', (event) => {
    if (event.type !== 'DELETED') return adopt(event.object)
    custom.delete(nameOf(event.object))
    specs.delete(nameOf(event.object))
    generation += 1
  })
  const all = (): readonly ResourceType[] => [...builtInResources, ...[...custom.values()].flat()]
  return {
    all,
    generation: () => generation,
    find: (group, version, resource) => all().find((type) => type.group === group && type.version === version && type.resource === resource),
  }
}
